/** Text to tokens, one at a time: which ones come hangs on nothing but the text, but messages on how far it was read. */
import { decodeRune } from '../value/bytes.ts'
import { quote } from '../value/quote.ts'
import { codePoint, type Token, type TokenKind } from './token.ts'

const KEYWORDS: ReadonlySet<string> = new Set([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'range',
  'nil',
  'template',
  'with',
])

const SPACE = /[ \t\r\n]*/y
const ASCII_WORD = /[0-9A-Za-z_]*/y
const NUMBER =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y
const LETTER_OR_DIGIT = /[\p{L}\p{Nd}_]/u

const ONE_CHARACTER: Readonly<Record<string, TokenKind>> = { '=': '=', '|': '|' }

export class Lexer {
  readonly #text: string
  #at = 0
  #line = 1
  #inAction = false
  #parentheses = 0

  constructor(text: string) {
    this.#text = text
  }

  next(): Token {
    return this.#inAction ? this.#action() : this.#outside()
  }

  #outside(): Token {
    for (;;) {
      const text = this.#text
      const open = text.indexOf('{{', this.#at)
      if (open < 0) {
        return this.#at < text.length
          ? this.#token('text', text.length)
          : this.#token('eof', this.#at)
      }
      const trims = this.#trimsBefore(open + 2)
      if (open > this.#at) {
        let end = open
        if (trims) while (end > this.#at && isSpace(text, end - 1)) end--
        const token = end > this.#at ? this.#token('text', end) : undefined
        this.#skipTo(open)
        if (token !== undefined) return token
      }
      const inside = open + 2 + (trims ? 2 : 0)
      if (!text.startsWith('/*', inside)) {
        const token = this.#token('{{', open + 2)
        this.#skipTo(inside)
        this.#inAction = true
        this.#parentheses = 0
        return token
      }
      this.#skipTo(inside)
      const close = text.indexOf('*/', inside + 2)
      if (close < 0) return this.#error('unclosed comment')
      const end = close + 2
      if (!this.#closesAt(end)) return this.#error('comment ends before closing delimiter')
      this.#skipTo(this.#afterClose(end))
    }
  }

  #action(): Token {
    const text = this.#text
    const at = this.#at
    if (this.#closesAt(at)) {
      if (this.#parentheses > 0) return this.#error('unclosed left paren')
      return this.#close()
    }
    if (at >= text.length) return this.#error('unclosed action')
    const char = text[at]!
    if (isSpace(text, at)) return this.#space()
    const single = ONE_CHARACTER[char]
    if (single !== undefined) return this.#token(single, at + 1)
    switch (char) {
      case ':':
        return text[at + 1] === '=' ? this.#token(':=', at + 2) : this.#error('expected :=')
      case '"':
      case "'":
        return this.#quoted(char)
      case '`': {
        const end = text.indexOf('`', at + 1)
        if (end < 0) return this.#error('unterminated raw quoted string')
        return this.#token('raw-string', end + 1)
      }
      case '$':
        return this.#name('variable')
      case '(':
        this.#parentheses++
        return this.#token('(', at + 1)
      case ')':
        this.#parentheses--
        if (this.#parentheses < 0) return this.#error('unexpected right paren')
        return this.#token(')', at + 1)
    }
    if (char === '.' && at + 1 < text.length && !/[0-9]/.test(text[at + 1]!)) {
      return this.#name('field')
    }
    if (/[.+\-0-9]/.test(char)) return this.#number()
    if (this.#wordEnd(at) > at) return this.#name('identifier')
    const { rune } = decodeRune(text, at)
    if (rune >= 0x20 && rune < 0x7f) return this.#token('char', at + 1)
    return this.#error(`unrecognized character in action: ${codePoint(rune)}`)
  }

  #space(): Token {
    const text = this.#text
    SPACE.lastIndex = this.#at
    SPACE.test(text)
    const end = SPACE.lastIndex
    // The last one may belong to ` -}}`.
    if (!this.#closesAt(end - 1)) return this.#token('space', end)
    return end - 1 === this.#at ? this.#close() : this.#token('space', end - 1)
  }

  #close(): Token {
    const trims = this.#text[this.#at] !== '}'
    if (trims) this.#skipTo(this.#at + 2)
    const token = this.#token('}}', this.#at + 2)
    if (trims) this.#skipTo(this.#afterSpace(this.#at))
    this.#inAction = false
    return token
  }

  #quoted(mark: string): Token {
    const text = this.#text
    for (let end = this.#at + 1; end < text.length && text[end] !== '\n'; end++) {
      if (text[end] === mark) return this.#token(mark === '"' ? 'string' : 'character', end + 1)
      if (text[end] !== '\\') continue
      end++
      if (text[end] === '\n') break
    }
    return this.#error(`unterminated ${mark === '"' ? 'quoted string' : 'character constant'}`)
  }

  /** A word, or one after `.` or `$`. */
  #name(kind: 'field' | 'variable' | 'identifier'): Token {
    const start = this.#at
    const end = this.#wordEnd(kind === 'identifier' ? start : start + 1)
    if (!this.#endsWord(end)) {
      return this.#error(`bad character ${codePoint(decodeRune(this.#text, end).rune)}`)
    }
    const word = this.#text.slice(start, end)
    if (word === '.' || KEYWORDS.has(word)) return this.#token('keyword', end)
    return this.#token(word === 'true' || word === 'false' ? 'bool' : kind, end)
  }

  #number(): Token {
    let end = this.#numberEnd(this.#at)
    let kind: TokenKind = 'number'
    if (this.#wordEnd(end) === end && /[+-]/.test(this.#text[end] ?? '')) {
      kind = 'complex'
      end = this.#numberEnd(end)
    }
    const glued = this.#wordEnd(end) > end
    if (glued) end += decodeRune(this.#text, end).width
    if (glued || (kind === 'complex' && this.#text[end - 1] !== 'i')) {
      return this.#error(`bad number syntax: ${quote(this.#text.slice(this.#at, end))}`)
    }
    return this.#token(kind, end)
  }

  #numberEnd(at: number): number {
    NUMBER.lastIndex = at
    NUMBER.test(this.#text)
    return NUMBER.lastIndex
  }

  /** Letters, digits and underscores from here on. */
  #wordEnd(at: number): number {
    const text = this.#text
    let end = at
    for (;;) {
      ASCII_WORD.lastIndex = end
      ASCII_WORD.test(text)
      end = ASCII_WORD.lastIndex
      if (end >= text.length) return end
      const { rune, width } = decodeRune(text, end)
      if (rune < 0x80 || !LETTER_OR_DIGIT.test(String.fromCodePoint(rune))) return end
      end += width
    }
  }

  #endsWord(at: number): boolean {
    if (at >= this.#text.length || this.#text.startsWith('}}', at)) return true
    return /[ \t\r\n.,|:)(]/.test(this.#text[at]!)
  }

  /** Whether `- ` follows the opening braces. */
  #trimsBefore(at: number): boolean {
    return this.#text[at] === '-' && isSpace(this.#text, at + 1)
  }

  /** Whether `}}` or ` -}}` is here. */
  #closesAt(at: number): boolean {
    const text = this.#text
    return text.startsWith('}}', at) || (isSpace(text, at) && text.startsWith('-}}', at + 1))
  }

  #afterClose(at: number): number {
    return this.#text[at] === '}' ? at + 2 : this.#afterSpace(at + 4)
  }

  #afterSpace(at: number): number {
    SPACE.lastIndex = at
    SPACE.test(this.#text)
    return SPACE.lastIndex
  }

  #token(kind: TokenKind, end: number): Token {
    const token = { kind, text: this.#text.slice(this.#at, end), at: this.#at, line: this.#line }
    this.#skipTo(end)
    return token
  }

  #error(text: string): Token {
    return { kind: 'error', text, at: this.#at, line: this.#line }
  }

  #skipTo(end: number): void {
    for (let at = this.#at; at < end; at++) if (this.#text[at] === '\n') this.#line++
    this.#at = end
  }
}

function isSpace(text: string, at: number): boolean {
  const char = text[at]
  return char === ' ' || char === '\t' || char === '\r' || char === '\n'
}
