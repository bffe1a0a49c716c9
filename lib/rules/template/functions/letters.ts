/** Upper, lower and title case as Go has them: character by character. */
import { fromBytes, toBytes } from '../value/bytes.ts'

/** Only where one character becomes one. */
export function toUpper(bytes: string): string {
  return mapped(bytes, (char) => char.toUpperCase())
}

export function toLower(bytes: string): string {
  return mapped(bytes, (char) => (char === 'İ' ? 'i' : char.toLowerCase()))
}

function mapped(bytes: string, change: (char: string) => string): string {
  let out = ''
  for (const char of fromBytes(bytes)) {
    const changed = change(char)
    out += [...changed].length === 1 ? changed : char
  }
  return toBytes(out)
}

const words = new Intl.Segmenter('en-US', { granularity: 'word' })

/** Dž and its like are two letters in one character. */
const DIGRAPHS = ['ǅ', 'ǈ', 'ǋ', 'ǲ']

/** The first letter of each word; the others stay. */
export function title(bytes: string): string {
  let out = ''
  for (const { segment } of words.segment(fromBytes(bytes))) {
    out += segment.replace(/[\p{Lu}\p{Ll}\p{Lt}]/u, titleLetter)
  }
  return toBytes(out)
}

function titleLetter(char: string): string {
  const lower = char.toLowerCase()
  const digraph = DIGRAPHS.find((each) => each.toLowerCase() === lower)
  if (digraph !== undefined) return digraph
  const [first, ...rest] = char.toUpperCase()
  return first! + rest.join('').toLowerCase()
}
