/** Tokens with one of lookahead, and the error when one does not fit. */
import { Lexer } from './lex.ts'
import { ParseError } from './parse-error.ts'
import { describeToken } from './token.ts'
import type { Token } from './token.ts'

/** Deeper trees are refused: everything that walks a tree recurses, and the stack is finite. */
export const MAX_DEPTH = 1_000

/**
 * Prometheus's parser names the innermost construct that can recover from an error (`in aggregation`,
 * `in offset, expected …`), so the constructs that are open are kept in a stack. Tokens are read as late
 * as possible: an error of the next token must not come before one of what is already read.
 */
export class TokenStream {
  readonly text: string
  readonly #lexer: Lexer
  readonly #contexts: (readonly [context: string, expected: string])[] = []
  #ahead: Token | undefined
  #nesting = 0

  constructor(text: string) {
    this.text = text
    this.#lexer = new Lexer(text)
  }

  peek(): Token {
    this.#ahead ??= this.#lexer.next()
    return this.#ahead
  }

  /** The kind of the next token. */
  kind(): string {
    return this.peek().kind
  }

  take(): Token {
    const token = this.peek()
    this.#ahead = undefined
    return token
  }

  takeIf(kind: string): Token | undefined {
    return this.kind() === kind ? this.take() : undefined
  }

  expect(kind: string): Token {
    return this.kind() === kind ? this.take() : this.unexpected()
  }

  /** Errors from here to `leave` are in this context, unless in one opened later. */
  enter(context: string, expected: string): void {
    this.#contexts.push([context, expected])
  }

  leave(): void {
    this.#contexts.pop()
  }

  /** The next token does not fit here. */
  unexpected(
    [context, expected]: readonly [string, string] = this.#contexts.at(-1) ?? ['', ''],
  ): never {
    const token = this.peek()
    let reason = `unexpected ${describeToken(token)}`
    if (context !== '') reason += ` in ${context}`
    if (expected !== '') reason += `, expected ${expected}`
    return this.fail(token.start, reason)
  }

  fail(position: number, reason: string, cause?: unknown): never {
    throw new ParseError(this.text, position, reason, cause === undefined ? {} : { cause })
  }

  /** Counts the parser's own recursion. */
  descend(): void {
    if (++this.#nesting > MAX_DEPTH) this.failDepth(this.peek().start)
  }

  ascend(): void {
    this.#nesting--
  }

  failDepth(position: number): never {
    return this.fail(position, `expression is nested more than ${MAX_DEPTH} levels deep`)
  }
}
