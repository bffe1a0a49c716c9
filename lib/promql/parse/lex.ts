/** Query text → tokens, one at a time. What it refuses, and in which words, is Prometheus's. */
import { quoteGo } from '#lib/model/labels.ts'
import { describeChar, ParseError, quoteChar } from './parse-error.ts'
import {
  isAlpha,
  isAlphaNumeric,
  isDigit,
  isLineEnd,
  isPair,
  isSpace,
  scanDuration,
  scanNumber,
} from './scan.ts'
import { WORDS } from './token.ts'
import type { Token } from './token.ts'

const PLAIN = new Set('+-*/%^,@')

/**
 * `[` changes what words mean until `]`: right after it only durations are read, and after the first
 * number almost everything again. Both halves are upstream's, and show in error texts.
 */
export class Lexer {
  readonly text: string
  #offset = 0
  #parenDepth = 0
  #braceOpen = false
  #bracketOpen = false
  #inDuration = false
  #gotColon = false
  #gotDuration = false

  constructor(text: string) {
    this.text = text
  }

  /** The next token, comments and spaces skipped. At the end, `end of input` again and again. Throws ParseError. */
  next(): Token {
    this.#skipSpace()
    const start = this.#offset
    const char = this.#charAt(start)
    if (this.#inDuration) return this.#duration(start, char)
    if (this.#braceOpen) return this.#insideBraces(start, char)
    return this.#statement(start, char)
  }

  #skipSpace(): void {
    const { text } = this
    for (;;) {
      const code = text.charCodeAt(this.#offset)
      if (isSpace(code)) this.#offset++
      else if (code === 0x23 /* # */ && !this.#inDuration) {
        while (this.#offset < text.length && !isLineEnd(text.charCodeAt(this.#offset)))
          this.#offset++
      } else return
    }
  }

  #statement(start: number, char: string | undefined): Token {
    if (char === undefined) {
      if (this.#parenDepth !== 0) this.#fail(start, 'unclosed left parenthesis')
      if (this.#bracketOpen) this.#fail(start, 'unclosed left bracket')
      return this.#token('end of input', start, start)
    }
    const second = this.text[start + 1]
    if (PLAIN.has(char)) return this.#token(char, start, start + 1)
    switch (char) {
      case '=':
        if (second === '~') this.#fail(start, "unexpected character after '=': '~'")
        return second === '='
          ? this.#token('==', start, start + 2)
          : this.#token('=', start, start + 1)
      case '!':
        if (second === '=') return this.#token('!=', start, start + 2)
        return this.#fail(
          start,
          `unexpected character after '!': ${quoteChar(this.#charAt(start + 1))}`,
        )
      case '<':
      case '>':
        if (second !== '=' && second !== '/') return this.#token(char, start, start + 1)
        return this.#token(char + second, start, start + 2)
      case '"':
      case "'":
      case '`':
        return this.#string(start, char)
      case '(':
        this.#parenDepth++
        return this.#token(char, start, start + 1)
      case ')':
        return this.#closeParen(start)
      case '{':
        this.#braceOpen = true
        return this.#token(char, start, start + 1)
      case '[':
        if (this.#bracketOpen) this.#fail(start, "unexpected left bracket '['")
        this.#bracketOpen = true
        this.#inDuration = true
        this.#gotColon = false
        return this.#token(char, start, start + 1)
      case ']':
        if (!this.#bracketOpen) this.#fail(start, "unexpected right bracket ']'")
        this.#bracketOpen = false
        return this.#token(char, start, start + 1)
      default:
        if (this.#startsNumber(start)) return this.#number(start)
        if (!isAlpha(char.charCodeAt(0)) && char !== ':') {
          return this.#fail(start, `unexpected character: ${quoteChar(char)}`)
        }
        return this.#bracketOpen ? this.#wordInBrackets(start, char) : this.#word(start)
    }
  }

  #closeParen(start: number): Token {
    if (--this.#parenDepth < 0) this.#fail(start + 1, "unexpected right parenthesis ')'")
    return this.#token(')', start, start + 1)
  }

  #wordInBrackets(start: number, char: string): Token {
    if (char === ':') {
      if (this.#gotColon) this.#fail(start, "unexpected colon ':'")
      this.#gotColon = true
      return this.#token(':', start, start + 1)
    }
    return (
      this.#durationWord(start) ??
      this.#fail(start, `unexpected character: ${quoteChar(char)}, expected ':'`)
    )
  }

  /** Right after `[`, until the first number. */
  #duration(start: number, char: string | undefined): Token {
    switch (char) {
      case undefined:
        return this.#fail(start, 'unexpected end of input in duration expression')
      case ']':
        this.#inDuration = false
        this.#bracketOpen = false
        this.#gotColon = false
        return this.#token(char, start, start + 1)
      case ':':
        if (!this.#gotDuration) {
          this.#fail(start + 1, 'unexpected colon before duration in duration expression')
        }
        if (this.#gotColon)
          this.#fail(start + 1, 'unexpected repeated colon in duration expression')
        this.#gotColon = true
        return this.#token(char, start, start + 1)
      case '(':
        this.#parenDepth++
        return this.#token(char, start, start + 1)
      case ')':
        return this.#closeParen(start)
      case '@':
        break
      default:
        if (PLAIN.has(char)) return this.#token(char, start, start + 1)
        if (this.#startsNumber(start)) {
          this.#gotDuration = true
          this.#inDuration = false
          return this.#number(start)
        }
    }
    return (
      this.#durationWord(start) ??
      this.#fail(start, `unexpected character in duration expression: ${quoteChar(char)}`)
    )
  }

  /** `step`, `range`, `min_of` or `max_of` in any case, the only words between brackets. */
  #durationWord(start: number): Token | undefined {
    let end = start
    while (isAlpha(this.text.charCodeAt(end))) end++
    const word = this.text.slice(start, end).toLowerCase()
    if (word !== 'step' && word !== 'range' && word !== 'min_of' && word !== 'max_of')
      return undefined
    return this.#token(word, start, end)
  }

  #insideBraces(start: number, char: string | undefined): Token {
    const second = this.text[start + 1]
    switch (char) {
      case undefined:
        return this.#fail(start, 'unexpected end of input inside braces')
      case ',':
        return this.#token(char, start, start + 1)
      case '"':
      case "'":
      case '`':
        return this.#string(start, char)
      case '=':
        return second === '~'
          ? this.#token('=~', start, start + 2)
          : this.#token('=', start, start + 1)
      case '!':
        if (second === '~' || second === '=') return this.#token(`!${second}`, start, start + 2)
        return this.#fail(
          start,
          `unexpected character after '!' inside braces: ${quoteChar(this.#charAt(start + 1))}`,
        )
      case '{':
        return this.#fail(start, "unexpected left brace '{'")
      case '}':
        this.#braceOpen = false
        return this.#token(char, start, start + 1)
      default: {
        let end = start
        if (isAlpha(char.charCodeAt(0))) while (isAlphaNumeric(this.text.charCodeAt(end))) end++
        if (end > start) return this.#token('identifier', start, end)
        return this.#fail(start, `unexpected character inside braces: ${quoteChar(char)}`)
      }
    }
  }

  #word(start: number): Token {
    const { text } = this
    let end = start
    let colon = false
    for (;;) {
      const code = text.charCodeAt(end)
      if (code === 0x3a) colon = true
      else if (!isAlphaNumeric(code)) break
      end++
    }
    if (colon) return this.#token('metric identifier', start, end)
    const kind = WORDS.get(text.slice(start, end).toLowerCase())
    if (kind === undefined) return this.#token('identifier', start, end)
    if (kind === 'fill' || kind === 'fill_left' || kind === 'fill_right') {
      let after = end
      while (isSpace(text.charCodeAt(after))) after++
      if (text[after] !== '(') return this.#token('identifier', start, end)
    }
    return this.#token(kind, start, end)
  }

  #startsNumber(start: number): boolean {
    const code = this.text.charCodeAt(start)
    return isDigit(code) || (code === 0x2e && isDigit(this.text.charCodeAt(start + 1)))
  }

  #number(start: number): Token {
    const number = scanNumber(this.text, start)
    if (number.valid) return this.#token('number', start, number.end)
    const duration = scanDuration(this.text, number.end)
    if (duration.valid) return this.#token('duration', start, duration.end)
    const bad = quoteGo(this.text.slice(start, duration.end).toWellFormed())
    return this.#fail(start, `bad number or duration syntax: ${bad}`)
  }

  /** Only finds the end; `unquote` reads the escapes that were checked here. */
  #string(start: number, quote: string): Token {
    const { text } = this
    let at = start + 1
    for (;;) {
      const char = text[at]
      if (char === quote) return this.#token('string', start, at + 1)
      if (char === undefined || (char === '\n' && quote !== '`')) {
        return this.#fail(
          start,
          quote === '`' ? 'unterminated raw string' : 'unterminated quoted string',
        )
      }
      if (char === '\\' && quote !== '`') {
        at = this.#escape(start, at + 1, quote)
        continue
      }
      const code = text.charCodeAt(at)
      if (code === 0xfffd || (code >= 0xd800 && code <= 0xdfff && !isPair(text, at))) {
        this.#fail(start, 'invalid UTF-8 rune')
      }
      at += code >= 0xd800 && code <= 0xdfff ? 2 : 1
    }
  }

  /** Checks the escape whose backslash was before `at`; returns where it ends. */
  #escape(start: number, at: number, quote: string): number {
    const char = this.#charAt(at)
    if (char === undefined) this.#fail(start, 'escape sequence not terminated')
    if ('abfnrtv\\'.includes(char) || char === quote) return at + 1
    const [digits, base, first] =
      char === 'x'
        ? [2, 16, at + 1]
        : char === 'u'
          ? [4, 16, at + 1]
          : char === 'U'
            ? [8, 16, at + 1]
            : char >= '0' && char <= '7'
              ? [3, 8, at]
              : this.#fail(start, `unknown escape sequence ${describeChar(char)}`)
    let value = 0
    for (let i = 0; i < digits; i++) {
      const digit = this.#charAt(first + i)
      if (digit === undefined) this.#fail(start, 'escape sequence not terminated')
      const number = /^[0-9a-fA-F]$/.test(digit) ? Number.parseInt(digit, 16) : base
      if (number >= base) {
        this.#fail(start, `illegal character ${describeChar(digit)} in escape sequence`)
      }
      value = value * base + number
    }
    const max = digits === 2 || digits === 3 ? 255 : 0x10ffff
    if (value > max || (value >= 0xd800 && value < 0xe000)) {
      this.#fail(start, 'escape sequence is an invalid Unicode code point')
    }
    return first + digits
  }

  /** The whole character, both halves of a pair. */
  #charAt(offset: number): string | undefined {
    const code = this.text.codePointAt(offset)
    return code === undefined ? undefined : String.fromCodePoint(code)
  }

  #token(kind: string, start: number, end: number): Token {
    this.#offset = end
    return { kind, text: this.text.slice(start, end), start, end }
  }

  #fail(position: number, reason: string): never {
    throw new ParseError(this.text, position, reason)
  }
}
