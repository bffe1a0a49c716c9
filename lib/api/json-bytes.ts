/** JSON as bytes, appended to one buffer that grows: what a million samples are written with. */
import { formatFloat } from '#lib/model/go-float.ts'
import { LimitError } from '#lib/model/errors.ts'
import { writeDigits } from './float-digits.ts'
import type { Prefixes } from './point-prefixes.ts'

/** More than any number, quoted, or any timestamp in milliseconds takes. */
export const NUMBER_ROOM = 40

/** `expect` does not trust more than this. */
const MOST_EXPECTED = 64 * 1024 * 1024

const QUOTE = 0x22
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const COMMA = 0x2c
const OPEN = 0x5b
const CLOSE = 0x5d

const encoder = new TextEncoder()

const LAST_PLAIN = 0x7e

/** By ASCII code: 1 for what stands in a string as it is. */
const PLAIN_IN_LABEL = plainWithout('"\\')
const PLAIN = plainWithout('"\\<>&')

function plainWithout(special: string): Uint8Array {
  return Uint8Array.from({ length: LAST_PLAIN + 1 }, (_, unit) =>
    unit >= 0x20 && !special.includes(String.fromCharCode(unit)) ? 1 : 0,
  )
}

/**
 * `raw*` methods without a room check of their own are only called after `reserve`; the others grow by themselves.
 * Past `maxBytes` the buffer refuses to grow, with a LimitError: a heap that is too small is not an answer.
 */
export class JsonBytes {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #maxBytes: number
  length = 0

  constructor(maxBytes: number, capacity = 1024) {
    this.#maxBytes = maxBytes
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** The bytes so far; shares memory until the next append. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length)
  }

  /** The bytes so far, as the taker's own; the next ones begin a new piece, and count anew. */
  take(): Uint8Array<ArrayBuffer> {
    const piece = this.#bytes.slice(0, this.length)
    this.length = 0
    return piece
  }

  reserve(size: number): void {
    const needed = this.length + size
    if (needed <= this.#bytes.length) return
    if (needed > this.#maxBytes) {
      throw new LimitError(
        `the answer is larger than ${this.#maxBytes} bytes; ask for fewer series, a larger step or a shorter range`,
        this.#maxBytes,
        needed,
      )
    }
    this.#grow(Math.max(needed, Math.min(this.#maxBytes, this.#bytes.length * 2)))
  }

  /** This much may come: grows once, where growing step by step would leave as much behind. */
  expect(size: number): void {
    const capacity = Math.min(this.#maxBytes, this.length + size, MOST_EXPECTED)
    if (capacity > this.#bytes.length) this.#grow(capacity)
  }

  #grow(capacity: number): void {
    const bigger = new Uint8Array(capacity)
    bigger.set(this.#bytes.subarray(0, this.length))
    this.#bytes = bigger
    this.#view = new DataView(bigger.buffer)
  }

  /** Writes over a byte that is there. */
  replace(at: number, byte: number): void {
    this.#bytes[at] = byte
  }

  /** Text that is ASCII and needs no escape. */
  ascii(text: string): void {
    this.reserve(text.length)
    this.rawAscii(text)
  }

  rawAscii(text: string): void {
    const bytes = this.#bytes
    let at = this.length
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
    this.length = at
  }

  append(piece: Uint8Array): void {
    this.reserve(piece.length)
    this.#bytes.set(piece, this.length)
    this.length += piece.length
  }

  /** A string in quotes, escaped as Go does: `<`, `>`, `&` and the two line separators are safe inside HTML and scripts. */
  string(text: string): void {
    if (!this.#quotePlain(text, PLAIN)) this.append(encoder.encode(quoteJson(text)))
  }

  /** A name or value of a label in quotes: as Go's other JSON writer, which leaves what is special in HTML alone. */
  label(text: string): void {
    if (!this.#quotePlain(text, PLAIN_IN_LABEL)) this.append(encoder.encode(quoteLabel(text)))
  }

  /** False, with nothing written, where a unit is not in `plain` and wants an escape or UTF-8. */
  #quotePlain(text: string, plain: Uint8Array): boolean {
    this.reserve(text.length + 2)
    const bytes = this.#bytes
    let at = this.length
    bytes[at++] = QUOTE
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > LAST_PLAIN || plain[unit] !== 1) return false
      bytes[at++] = unit
    }
    bytes[at++] = QUOTE
    this.length = at
    return true
  }

  /** `[<seconds>,"<value>"]` */
  rawPoint(timestampMs: number, value: number): void {
    this.#bytes[this.length++] = OPEN
    this.rawTimestamp(timestampMs)
    this.#bytes[this.length++] = COMMA
    this.rawQuotedFloat(value)
    this.#bytes[this.length++] = CLOSE
  }

  /** Point number `index` with the value in its place. */
  rawPointAfter({ words, stride, lengths }: Prefixes, index: number, value: number): void {
    const view = this.#view
    const start = this.length
    // Whole words, past the end of the prefix: what comes next is written over that.
    for (let i = 0; i < stride; i++) view.setInt32(start + 4 * i, words[index * stride + i]!)
    this.length = start + lengths[index]!
    this.rawFloat(value)
    this.#bytes[this.length++] = QUOTE
    this.#bytes[this.length++] = CLOSE
  }

  rawByte(byte: number): void {
    this.#bytes[this.length++] = byte
  }

  /** Milliseconds as seconds: whole ones as an integer, others with three decimals. */
  rawTimestamp(ms: number): void {
    const positive = Math.abs(ms)
    if (ms < 0) this.#bytes[this.length++] = MINUS
    const seconds = Math.floor(positive / 1000)
    const rest = positive - seconds * 1000
    this.#rawDigits(seconds)
    if (rest === 0) return
    const bytes = this.#bytes
    bytes[this.length++] = POINT
    bytes[this.length++] = ZERO + Math.floor(rest / 100)
    bytes[this.length++] = ZERO + (Math.floor(rest / 10) % 10)
    bytes[this.length++] = ZERO + (rest % 10)
  }

  rawQuotedFloat(value: number): void {
    this.#bytes[this.length++] = QUOTE
    this.rawFloat(value)
    this.#bytes[this.length++] = QUOTE
  }

  /** As `formatFloat`, mostly without making a string. */
  rawFloat(value: number): void {
    const magnitude = value < 0 ? -value : value
    // A number of at most 15 digits is the only one that short for its double, so it is also the shortest:
    // when thousandths divide back to the same double, their digits are the answer.
    if (magnitude < 1e12) {
      const thousandths = Math.round(magnitude * 1000)
      if (thousandths / 1000 === magnitude && (magnitude !== 0 || 1 / value > 0)) {
        if (value < 0) this.#bytes[this.length++] = MINUS
        this.#rawThousandths(thousandths)
        return
      }
    } else if (Number.isSafeInteger(value)) {
      if (value < 0) this.#bytes[this.length++] = MINUS
      this.#rawDigits(magnitude)
      return
    }
    const sign = value < 0 ? 1 : 0
    const end = writeDigits(this.#bytes, this.length + sign, magnitude)
    if (end < 0) {
      this.rawAscii(formatFloat(value))
      return
    }
    if (sign === 1) this.#bytes[this.length] = MINUS
    this.length = end
  }

  #rawThousandths(thousandths: number): void {
    const whole = Math.floor(thousandths / 1000)
    const rest = thousandths - whole * 1000
    this.#rawDigits(whole)
    if (rest === 0) return
    const bytes = this.#bytes
    bytes[this.length++] = POINT
    bytes[this.length++] = ZERO + Math.floor(rest / 100)
    const hundredths = rest % 100
    if (hundredths === 0) return
    bytes[this.length++] = ZERO + Math.floor(hundredths / 10)
    if (hundredths % 10 !== 0) bytes[this.length++] = ZERO + (hundredths % 10)
  }

  /** Decimal digits of a non-negative safe integer. */
  #rawDigits(value: number): void {
    if (value < 1e9) this.#rawSmallDigits(value | 0)
    else if (Number.isSafeInteger(value)) {
      const high = Math.floor(value / 1e9)
      this.#rawSmallDigits(high)
      this.#rawNineDigits((value - high * 1e9) | 0)
    } else this.rawAscii(String(value))
  }

  #rawSmallDigits(value: number): void {
    let rest = value
    let count = 1
    for (let limit = 10; count < 10 && limit <= rest; limit *= 10) count++
    const bytes = this.#bytes
    let at = this.length + count
    this.length = at
    do {
      const tenth = (rest / 10) | 0
      bytes[--at] = ZERO + rest - tenth * 10
      rest = tenth
    } while (rest > 0)
  }

  #rawNineDigits(value: number): void {
    const bytes = this.#bytes
    let rest = value
    for (let at = this.length + 8; at >= this.length; at--) {
      const tenth = (rest / 10) | 0
      bytes[at] = ZERO + rest - tenth * 10
      rest = tenth
    }
    this.length += 9
  }
}

/** A JSON string as Go's encoder writes it. Lone surrogates become U+FFFD, as bytes that are not UTF-8 do there. */
export function quoteJson(text: string): string {
  return escapeForHtml(JSON.stringify(text.toWellFormed()))
}

function quoteLabel(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(/\\[\\bf]/g, (escape) => {
    if (escape === '\\\\') return escape
    return escape === '\\b' ? '\\u0008' : '\\u000c'
  })
}

/** A JSON document with the escapes of Go's encoder, for the answers that are small. */
export function stringifyJson(value: unknown): string {
  return escapeForHtml(JSON.stringify(value))
}

/** In JSON text these characters only stand inside strings. */
function escapeForHtml(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
