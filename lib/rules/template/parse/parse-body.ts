/** Statements: what stands between the beginning and the end of a text, a definition or a block. */
import { fromBytes } from '../value/bytes.ts'
import { unquote } from '../value/quote.ts'
import type { Branch, Pipe, Statement } from './ast.ts'
import type { Token } from './token.ts'
import { PipeParser } from './parse-pipe.ts'

/** How a list of statements ended. */
type End = { readonly type: 'end' | 'else' }

const END: End = { type: 'end' }
const ELSE: End = { type: 'else' }

export class BodyParser extends PipeParser {
  #ranges = 0

  /** The whole text: the only place for definitions. */
  parseText(): void {
    const body: Statement[] = []
    while (this.peek().kind !== 'eof') {
      if (this.peek().kind === '{{') {
        const open = this.take()
        if (isKeyword(this.peekNonSpace(), 'define')) {
          this.take()
          new BodyParser(this.shared).#definition()
          continue
        }
        this.putBack(open)
      }
      const next = this.#statement()
      if (isEnd(next)) this.fail('unexpected %s', endText(next))
      body.push(next)
    }
    this.#add(this.shared.name, body)
  }

  #definition(): void {
    const context = 'define clause'
    const token = this.takeNonSpace()
    if (token.kind !== 'string' && token.kind !== 'raw-string') this.unexpected(token, context)
    const name = this.#unquoted(token)
    this.expect('}}', context)
    this.#named(name, context, this)
  }

  /** Up to the end of a definition or block. The complaint of a block is its surroundings'. */
  #named(name: string, context: string, complainer: BodyParser): void {
    const { body, end } = this.#list()
    if (end !== END) complainer.fail('unexpected %s in %s', endText(end), context)
    this.#add(name, body)
  }

  /** Of two with one name, one must be nothing but space. */
  #add(name: string, body: readonly Statement[]): void {
    const { bodies } = this.shared
    const earlier = bodies.get(name)
    if (earlier === undefined || isEmpty(earlier)) bodies.set(name, body)
    else if (!isEmpty(body)) {
      this.fail('template: multiple definition of template %q', name)
    }
  }

  #list(): { readonly body: readonly Statement[]; readonly end: End } {
    const body: Statement[] = []
    while (this.peekNonSpace().kind !== 'eof') {
      const next = this.#statement()
      if (isEnd(next)) return { body, end: next }
      body.push(next)
    }
    return this.fail('unexpected EOF')
  }

  #statement(): Statement | End {
    const token = this.takeNonSpace()
    if (token.kind === 'text') return { type: 'text', at: token.at, text: token.text }
    if (token.kind !== '{{') return this.unexpected(token, 'input')
    this.actionLine = token.line
    this.descend()
    const statement = this.#action()
    this.ascend()
    this.actionLine = 0
    return statement
  }

  #action(): Statement | End {
    const token = this.peekNonSpace()
    if (token.kind === 'keyword') {
      switch (token.text) {
        case 'if':
        case 'with':
        case 'range':
          this.take()
          return this.#branch(token.text)
        case 'break':
        case 'continue':
          return this.#jump(token.text)
        case 'end':
          this.take()
          this.expect('}}', 'end')
          return END
        case 'else':
          this.take()
          return this.#else()
        case 'block':
          this.take()
          return this.#block()
        case 'template':
          this.take()
          return this.#call()
      }
    }
    return { type: 'action', at: token.at, pipe: this.pipe('command', '}}') }
  }

  #jump(type: 'break' | 'continue'): Statement {
    const { at } = this.take()
    const close = this.takeNonSpace()
    if (close.kind !== '}}') this.unexpected(close, `{{${type}}}`)
    if (this.#ranges === 0) this.fail(`{{${type}}} outside {{range}}`)
    return { type, at }
  }

  /** `else if` and `else with` leave their second word for whoever reads on. */
  #else(): End {
    const next = this.peekNonSpace()
    if (isKeyword(next, 'if') || isKeyword(next, 'with')) return ELSE
    this.expect('}}', 'else')
    return ELSE
  }

  #branch(type: Branch['type']): Branch {
    const known = this.variables.length
    const pipe = this.pipe(type, '}}')
    if (type === 'range') this.#ranges++
    const { body, end } = this.#list()
    if (type === 'range') this.#ranges--
    const otherwise = end === ELSE ? this.#otherwise(type) : undefined
    this.variables.length = known
    return { type, at: pipe.at, pipe, body, otherwise }
  }

  #otherwise(type: Branch['type']): readonly Statement[] {
    if (type !== 'range' && isKeyword(this.peek(), type)) {
      this.take()
      // The end is that of the second one, and counts for both.
      this.descend()
      const second = this.#branch(type)
      this.ascend()
      return [second]
    }
    const { body, end } = this.#list()
    if (end !== END) this.fail('expected end; found %s', endText(end))
    return body
  }

  #block(): Statement {
    const context = 'block clause'
    const token = this.takeNonSpace()
    const name = this.#templateName(token, context)
    const pipe = this.pipe(context, '}}')
    new BodyParser(this.shared).#named(name, context, this)
    return { type: 'template', at: token.at, name, pipe }
  }

  #call(): Statement {
    const context = 'template clause'
    const token = this.takeNonSpace()
    const name = this.#templateName(token, context)
    let pipe: Pipe | undefined
    if (this.peekNonSpace().kind === '}}') this.take()
    else pipe = this.pipe(context, '}}')
    return { type: 'template', at: token.at, name, pipe }
  }

  #templateName(token: Token, context: string): string {
    if (token.kind !== 'string' && token.kind !== 'raw-string') this.unexpected(token, context)
    return this.#unquoted(token)
  }

  #unquoted(token: Token): string {
    return unquote(token.text) ?? this.fail('%s', 'invalid syntax')
  }
}

function isEnd(node: Statement | End): node is End {
  return node.type === 'end' || node.type === 'else'
}

function isKeyword(token: Token, word: string): boolean {
  return token.kind === 'keyword' && token.text === word
}

function endText(end: { readonly type: string }): string {
  return `{{${end.type}}}`
}

function isEmpty(body: readonly Statement[]): boolean {
  return body.every((node) => node.type === 'text' && fromBytes(node.text).trim() === '')
}
