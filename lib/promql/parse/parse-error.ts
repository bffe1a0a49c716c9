/** A query that is not PromQL: where, and Prometheus's words for it. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'

export class ParseError extends DomainError {
  /** UTF-16 offset in the query. */
  readonly position: number
  /** The message without `1:5: parse error: `. */
  readonly reason: string

  constructor(text: string, position: number, reason: string, options?: { cause?: unknown }) {
    super('invalid', `${lineAndColumn(text, position)}: parse error: ${reason}`, options)
    this.position = position
    this.reason = reason
  }
}

/** `2:14`: lines and columns from 1, columns in UTF-8 bytes, as Prometheus counts them. */
export function lineAndColumn(text: string, offset: number): string {
  if (text === '') return 'unknown position'
  if (offset < 0 || offset > text.length) return 'invalid position'
  let line = 1
  let lineStart = 0
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++
    lineStart = at + 1
  }
  let column = 1
  for (let i = lineStart; i < offset; i++) {
    const unit = text.charCodeAt(i)
    // A surrogate is half of four bytes.
    column += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 2 : 3
  }
  return `${line}:${column}`
}

/** Go's `%q` of one character; undefined is the end of the text. */
export function quoteChar(char: string | undefined): string {
  if (char === "'") return "'\\''"
  if (char === '"') return `'"'`
  return `'${quoteGo(char === undefined ? '\ufffd' : char.toWellFormed()).slice(1, -1)}'`
}

/** Go's `%#U`: `U+0071 'q'`. */
export function describeChar(char: string): string {
  const hex = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
  const quoted = quoteGo(char).slice(1, -1)
  const printable = quoted === char || char === '"' || char === '\\'
  return printable ? `U+${hex} '${char}'` : `U+${hex}`
}
