/**
 * Go's strings are bytes. Inside of the template engine every string is one too: each of its characters stands for a byte,
 * 0 to 255. So lengths, indexes, slices, orders and positions in messages are Go's, and text is decoded where it is asked for.
 */

export function toBytes(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** Bytes that are not UTF-8 become U+FFFD. */
export function fromBytes(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8')
}

/** As `fromBytes`, but nothing is lost: a byte that is not UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF. */
export function fromAnyBytes(bytes: string): string {
  if (invalidAt(bytes) < 0) return fromBytes(bytes)
  let out = ''
  for (const { rune, width, offset } of runesOf(bytes)) {
    const invalid = rune === RUNE_ERROR && width === 1
    out += invalid
      ? String.fromCharCode(0xdc00 + bytes.charCodeAt(offset))
      : String.fromCodePoint(rune)
  }
  return out
}

/** The way back. */
export function toAnyBytes(text: string): string {
  if (text.isWellFormed()) return toBytes(text)
  return [...text]
    .map((char) =>
      /^[\udc80-\udcff]$/.test(char)
        ? String.fromCharCode(char.charCodeAt(0) - 0xdc00)
        : toBytes(char),
    )
    .join('')
}

export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

export const RUNE_ERROR = 0xfffd
export const MAX_RUNE = 0x10ffff

export interface Rune {
  readonly rune: number
  /** In bytes; 1 with `RUNE_ERROR` for what is not UTF-8. */
  readonly width: number
}

const INVALID: Rune = { rune: RUNE_ERROR, width: 1 }

/** The rune that begins at `offset`, which must be inside of the bytes. */
export function decodeRune(bytes: string, offset: number): Rune {
  const lead = bytes.charCodeAt(offset)
  if (lead < 0x80) return { rune: lead, width: 1 }
  const width = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (lead < 0xc2 || lead > 0xf4 || offset + width > bytes.length) return INVALID
  let rune = lead & (0xff >> (width + 1))
  for (let i = 1; i < width; i++) {
    const next = bytes.charCodeAt(offset + i)
    if ((next & 0xc0) !== 0x80) return INVALID
    rune = (rune << 6) | (next & 0x3f)
  }
  const tooLong = (width === 3 && rune < 0x800) || (width === 4 && rune < 0x10000)
  if (tooLong || rune > MAX_RUNE || isSurrogate(rune)) return INVALID
  return { rune, width }
}

export function isSurrogate(rune: number): boolean {
  return rune >= 0xd800 && rune <= 0xdfff
}

/** Where the first byte is that is not UTF-8; -1 where all are. */
export function invalidAt(bytes: string): number {
  for (const { rune, width, offset } of runesOf(bytes)) {
    if (rune === RUNE_ERROR && width === 1) return offset
  }
  return -1
}

export function* runesOf(bytes: string): Generator<Rune & { readonly offset: number }> {
  for (let offset = 0; offset < bytes.length;) {
    const { rune, width } = decodeRune(bytes, offset)
    yield { rune, width, offset }
    offset += width
  }
}

export function countRunes(bytes: string): number {
  if (isAscii(bytes)) return bytes.length
  let count = 0
  for (let offset = 0; offset < bytes.length; count++) offset += decodeRune(bytes, offset).width
  return count
}

/** What is no character becomes U+FFFD. */
export function encodeRune(rune: number): string {
  const valid = rune >= 0 && rune <= MAX_RUNE && !isSurrogate(rune)
  return toBytes(String.fromCodePoint(valid ? rune : RUNE_ERROR))
}
