/** A place in the values of a series: what stands there, and Prometheus's words where it does not fit. */
import { ParseError, quoteChar } from './parse-error.ts'
import { parseNumber } from './literals.ts'

const NUMBER = /(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d[\d_]*)?/y
const NEAR_NUMBER = /[\d._]+(?:[eE][-+]?[\d._]*)?/y
const WORD = /[a-zA-Z_][\w:]*/y

export class SeriesCursor {
  readonly text: string
  at: number

  constructor(text: string, at: number) {
    this.text = text
    this.at = at
  }

  get done(): boolean {
    return this.at >= this.text.length
  }

  /** Takes `token` if it stands here. */
  takes(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false
    this.at += token.length
    return true
  }

  /** Takes white space if some stands here. */
  takesSpace(): boolean {
    const before = this.at
    while (/\s/.test(this.text[this.at] ?? '')) this.at++
    return this.at > before
  }

  /** A word that stands here; '' for none. It is not taken. */
  word(): string {
    return this.#match(WORD)
  }

  /** Whether a number stands here, without its sign. */
  isNumber(): boolean {
    return this.#match(NUMBER) !== '' || /^(inf|nan)$/i.test(this.word())
  }

  /** Takes a number, which may have a sign. */
  number(context: string): number {
    const sign = this.takes('-') ? -1 : this.takes('+') ? 1 : 1
    const text = this.#numberText(context)
    const value = parseNumber(text)
    if (typeof value !== 'number') return this.fail(value.error, this.at - text.length)
    return sign * value
  }

  /** Takes digits. */
  count(context: string): number {
    const text = this.#numberText(context)
    if (/^\d+$/.test(text)) return Number(text)
    const reason = `strconv.ParseUint: parsing "${text}": invalid syntax`
    return this.fail(`invalid repetition in series values: ${reason}`, this.at - text.length)
  }

  fail(reason: string, at = this.at): never {
    throw new ParseError(this.text, at, reason)
  }

  unexpected(context: string, expected = ''): never {
    const inside = context === '' ? '' : ` in ${context}`
    return this.fail(
      `unexpected ${this.#describe()}${inside}${expected && `, expected ${expected}`}`,
    )
  }

  /** Takes the text of a number. */
  #numberText(context: string): string {
    if (!this.isNumber()) return this.unexpected(context)
    const text = this.#match(NUMBER) || this.word()
    const next = this.text[this.at + text.length] ?? ''
    if (/[\w.:]/.test(next) && next !== 'x') {
      this.fail(`bad number syntax: "${this.#match(NEAR_NUMBER)}"`)
    }
    this.at += text.length
    return text
  }

  #describe(): string {
    const { text, at } = this
    if (this.done) return 'end of input'
    const char = text[at]!
    if (/\s/.test(char)) return '" "'
    if (char === '+' || char === '-') return `<op:${char}>`
    if (char === 'x' || char === '_') return `"${char}"`
    if (text.startsWith('{{', at)) return '"{{"'
    if (text.startsWith('}}', at)) return '"}}"'
    if (this.isNumber()) return `number "${this.#match(NUMBER) || this.word()}"`
    if (this.word() !== '') return `identifier "${this.word()}"`
    const whole = String.fromCodePoint(text.codePointAt(at)!)
    return this.fail(`unexpected character in series sequence: ${quoteChar(whole)}`)
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.at
    return pattern.exec(this.text)?.[0] ?? ''
  }
}
