/** Pipelines: variables, commands, their operands; and how tokens are looked at and taken. */
import { sprintf } from '../print/sprintf.ts'
import { unquote } from '../value/quote.ts'
import { GoError, int, string } from '../value/value.ts'
import { nodeText, type Command, type Operand, type Pipe, type VariableNode } from './ast.ts'
import { tokenText, type Token, type TokenKind } from './token.ts'
import { readNumber } from './number.ts'
import type { Shared } from './parse.ts'

/** Deeper is refused: the parser, and whoever walks the template, go down with it. */
const MAX_DEPTH = 500

const OPERANDS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'bool',
  'character',
  'complex',
  'field',
  'identifier',
  'number',
  'raw-string',
  'string',
  'variable',
  '(',
])

export class PipeParser {
  protected readonly shared: Shared
  /** Names that are known here, with their `$`. */
  protected readonly variables: string[] = ['$']
  /** Where the action that is read began, for complaints that come lines later; 0 outside. */
  protected actionLine = 0
  /** Tokens that were read ahead, the next one last. */
  readonly #ahead: Token[] = []
  /** Of the last token that this parser has read: the line of its complaints. */
  #line = 0

  constructor(shared: Shared) {
    this.shared = shared
  }

  protected take(): Token {
    const ahead = this.#ahead.pop()
    if (ahead !== undefined) return ahead
    const token = this.shared.lexer.next()
    this.#line = token.line
    return token
  }

  protected putBack(token: Token): void {
    this.#ahead.push(token)
  }

  protected peek(): Token {
    const token = this.take()
    this.putBack(token)
    return token
  }

  protected takeNonSpace(): Token {
    for (;;) {
      const token = this.take()
      if (token.kind !== 'space') return token
    }
  }

  /** Spaces before it are gone then. */
  protected peekNonSpace(): Token {
    const token = this.takeNonSpace()
    this.putBack(token)
    return token
  }

  protected expect(kind: TokenKind, context: string): Token {
    const token = this.takeNonSpace()
    return token.kind === kind ? token : this.unexpected(token, context)
  }

  protected unexpected(token: Token, context: string): never {
    if (token.kind !== 'error') this.fail('unexpected %s in %s', tokenText(token), context)
    let where = ''
    if (this.actionLine !== 0 && this.actionLine !== token.line) {
      where = ` in action started at ${this.shared.name}:${this.actionLine}`
      if (token.text.endsWith(' action')) where = where.slice(' in action'.length)
    }
    return this.fail('%s%s', token.text, where)
  }

  /** Go makes the name a part of the format, so a percent sign in it does odd things to the message. */
  protected fail(format: string, ...args: string[]): never {
    throw new GoError(
      sprintf(`template: ${this.shared.name}:${this.#line}: ${format}`, args.map(string)),
    )
  }

  protected descend(): void {
    this.shared.depth++
    if (this.shared.depth > MAX_DEPTH) this.fail('max expression depth exceeded')
  }

  protected ascend(): void {
    this.shared.depth--
  }

  /** Up to and with `end`. */
  protected pipe(context: string, end: '}}' | ')'): Pipe {
    const { at } = this.peekNonSpace()
    const variables: VariableNode[] = []
    const assigns = this.#declarations(context, variables)
    const commands: Command[] = []
    for (;;) {
      const token = this.peekNonSpace()
      if (token.kind === end) {
        this.take()
        break
      }
      if (!isOperand(token)) this.unexpected(this.take(), context)
      commands.push(this.#command())
    }
    if (commands.length === 0) this.fail('missing value for %s', context)
    for (const [i, { args }] of commands.entries()) {
      if (i > 0 && ['bool', 'dot', 'nil', 'number', 'string'].includes(args[0]!.type)) {
        this.#failAtStage(i + 1)
      }
    }
    return { type: 'pipe', at, assigns, variables, commands }
  }

  #failAtStage(stage: number): never {
    throw new GoError(
      sprintf(
        `template: ${this.shared.name}:${this.#line}: non executable command in pipeline stage %d`,
        [int(stage)],
      ),
    )
  }

  /** `$x :=`, `$x =`, and of a range `$k, $v :=`; whether it assigns. */
  #declarations(context: string, variables: VariableNode[]): boolean {
    for (;;) {
      if (this.peekNonSpace().kind !== 'variable') return false
      const variable = this.take()
      const after = this.peek()
      const next = this.peekNonSpace()
      const comma = next.kind === 'char' && next.text === ','
      if (next.kind !== '=' && next.kind !== ':=' && !comma) {
        // It was an operand. Whether a space follows it matters there.
        if (after.kind === 'space') this.putBack(after)
        this.putBack(variable)
        return false
      }
      this.take()
      variables.push({ type: 'variable', at: variable.at, name: variable.text, fields: [] })
      this.variables.push(variable.text)
      if (!comma) return next.kind === '='
      if (context !== 'range' || variables.length > 1) {
        this.fail('too many declarations in %s', context)
      }
      if (!['variable', '}}', ')'].includes(this.peekNonSpace().kind)) {
        this.fail('range can only initialize variables')
      }
    }
  }

  #command(): Command {
    const { at } = this.peekNonSpace()
    const args: Operand[] = []
    for (;;) {
      this.peekNonSpace()
      const operand = this.#operand()
      if (operand !== undefined) args.push(operand)
      const token = this.take()
      if (token.kind === 'space') continue
      if (token.kind === '}}' || token.kind === ')') this.putBack(token)
      else if (token.kind !== '|') this.unexpected(token, 'operand')
      break
    }
    if (args.length === 0) this.fail('empty command')
    return { type: 'command', at, args }
  }

  /** With the fields behind it. */
  #operand(): Operand | undefined {
    const node = this.#term()
    if (node === undefined || this.peek().kind !== 'field') return node
    const { at } = this.peek()
    const names: string[] = []
    while (this.peek().kind === 'field') names.push(this.take().text.slice(1))
    switch (node.type) {
      case 'field':
        return { type: 'field', at, names: [...node.names, ...names] }
      case 'variable':
        return { type: 'variable', at, name: node.name, fields: names }
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        return this.fail('unexpected . after term %q', nodeText(node))
      default:
        return { type: 'chain', at, of: node, names }
    }
  }

  #term(): Operand | undefined {
    const token = this.peekNonSpace()
    if (!isOperand(token)) return undefined
    this.take()
    const { at, text } = token
    switch (token.kind) {
      case 'identifier':
        if (!this.shared.hasFunction(text)) this.fail('function %q not defined', text)
        return { type: 'function', at, name: text }
      case 'keyword':
        return { type: text === '.' ? 'dot' : 'nil', at }
      case 'variable':
        if (!this.variables.includes(text)) this.fail('undefined variable %q', text)
        return { type: 'variable', at, name: text, fields: [] }
      case 'field':
        return { type: 'field', at, names: [text.slice(1)] }
      case 'bool':
        return { type: 'bool', at, value: text === 'true' }
      case '(': {
        this.descend()
        const pipe = this.pipe('parenthesized pipeline', ')')
        this.ascend()
        return pipe
      }
      case 'string':
      case 'raw-string': {
        const value = unquote(text) ?? this.fail('%s', 'invalid syntax')
        return { type: 'string', at, literal: text, value }
      }
      default:
        return { type: 'number', at, text, ...this.#number(token) }
    }
  }

  #number(token: Token): ReturnType<typeof readNumber> {
    try {
      return readNumber(token)
    } catch (error) {
      if (error instanceof GoError) this.fail('%s', error.message)
      throw error
    }
  }
}

function isOperand({ kind, text }: Token): boolean {
  return OPERANDS.has(kind) || (kind === 'keyword' && (text === '.' || text === 'nil'))
}
