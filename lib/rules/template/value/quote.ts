/** Go's quoted strings and characters, written and read. Everything in and out is bytes. */
import { decodeRune, encodeRune, isSurrogate, MAX_RUNE, runesOf, RUNE_ERROR } from './bytes.ts'

const PRINTABLE = /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u

/** What Go prints as it is, `%q` and `%#U`: letters, marks, numbers, punctuation, symbols, the space. */
export function isPrintable(rune: number): boolean {
  return PRINTABLE.test(String.fromCodePoint(rune))
}

/** `%q`; with `ascii` as `%+q` does. */
export function quote(bytes: string, ascii = false): string {
  let out = '"'
  for (const { rune, width, offset } of runesOf(bytes)) {
    if (rune === RUNE_ERROR && width === 1) out += hexEscape('x', bytes.charCodeAt(offset), 2)
    else out += escapeRune(rune, '"', ascii)
  }
  return `${out}"`
}

/** `%q` of a number. */
export function quoteRune(rune: number, ascii = false): string {
  const valid = rune >= 0 && rune <= MAX_RUNE && !isSurrogate(rune)
  return `'${escapeRune(valid ? rune : RUNE_ERROR, "'", ascii)}'`
}

/** Whether the text can stand between backquotes on one line. */
export function canBackquote(bytes: string): boolean {
  for (const { rune, width } of runesOf(bytes)) {
    if (width > 1 ? rune === 0xfeff : rune === RUNE_ERROR) return false
    if ((rune < 0x20 && rune !== 9) || rune === 0x60 || rune === 0x7f) return false
  }
  return true
}

const NAMED: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['b', 8],
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
])
const NAMES = new Map([...NAMED].map(([name, code]) => [code, name]))

function escapeRune(rune: number, mark: string, ascii: boolean): string {
  if (rune === mark.charCodeAt(0) || rune === 0x5c) return `\\${String.fromCharCode(rune)}`
  if (rune < 0x80 ? rune >= 0x20 && rune < 0x7f : !ascii && isPrintable(rune)) {
    return encodeRune(rune)
  }
  const name = NAMES.get(rune)
  if (name !== undefined) return `\\${name}`
  if (rune < 0x20 || rune === 0x7f) return hexEscape('x', rune, 2)
  return rune < 0x10000 ? hexEscape('u', rune, 4) : hexEscape('U', rune, 8)
}

function hexEscape(letter: string, code: number, digits: number): string {
  return `\\${letter}${code.toString(16).padStart(digits, '0')}`
}

/** The text of a literal in double or back quotes; undefined where it is none. */
export function unquote(literal: string): string | undefined {
  const mark = literal[0]
  const body = literal.slice(1, -1)
  if (mark === '`') return body.replaceAll('\r', '')
  if (body.includes('\n')) return undefined
  let out = ''
  for (let offset = 0; offset < body.length;) {
    const char = readChar(body, offset, '"')
    if (char === undefined) return undefined
    out += char.bytes
    offset = char.end
  }
  return out
}

export interface Char {
  readonly code: number
  readonly bytes: string
  readonly end: number
}

/** One character or escape of a literal in quotes of the kind `mark`; undefined where there is none. */
export function readChar(bytes: string, offset: number, mark: string): Char | undefined {
  if (offset >= bytes.length) return undefined
  if (bytes[offset] === mark) return undefined
  if (bytes[offset] !== '\\') {
    const { rune, width } = decodeRune(bytes, offset)
    const end = offset + width
    return { code: rune, bytes: bytes.slice(offset, end), end }
  }
  const kind = bytes[offset + 1] ?? ''
  const named = NAMED.get(kind)
  if (named !== undefined) {
    return { code: named, bytes: String.fromCharCode(named), end: offset + 2 }
  }
  if (kind === '\\' || kind === mark) {
    return { code: kind.charCodeAt(0), bytes: kind, end: offset + 2 }
  }
  const length = { x: 2, u: 4, U: 8 }[kind]
  if (length !== undefined) {
    const end = offset + 2 + length
    const digits = bytes.slice(offset + 2, end)
    if (digits.length < length || !/^[0-9a-fA-F]+$/.test(digits)) return undefined
    const code = Number.parseInt(digits, 16)
    if (kind === 'x') return { code, bytes: String.fromCharCode(code), end }
    if (code > MAX_RUNE || isSurrogate(code)) return undefined
    return { code, bytes: encodeRune(code), end }
  }
  const octal = /^[0-7]{3}/.exec(bytes.slice(offset + 1, offset + 4))?.[0]
  if (octal === undefined) return undefined
  const code = Number.parseInt(octal, 8)
  return code > 255
    ? undefined
    : { code, bytes: String.fromCharCode(code), end: offset + 1 + octal.length }
}
