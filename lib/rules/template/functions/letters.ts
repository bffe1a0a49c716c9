/** Upper, lower and title case as Go has them: character by character. */
import { fromBytes, toBytes } from '../value/bytes.ts'

/** Only where one character becomes one. */
export function toUpper(bytes: string): string {
  return mapped(bytes, (char) => withIota(char) ?? char.toUpperCase())
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

/** Dž and its like are two letters in one character. */
const DIGRAPHS = ['ǅ', 'ǈ', 'ǋ', 'ǲ']

const CASED = /\p{Cased}/u
/** One of them does not end a word, two do: apostrophe, full stop, colon, middle dot. */
const MIDDLE =
  /['.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a]/u
/** Letters that are not words of their own, marks, digits, underscores. */
const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Cf}]/u
const NO_SPACES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

/** The first letter of each word, where words end as Go's golang.org/x/text ends them; the other letters stay. */
export function title(bytes: string): string {
  let out = ''
  let inWord = false
  let afterMiddle = false
  for (const char of fromBytes(bytes)) {
    const middle = MIDDLE.test(char)
    if (afterMiddle && middle) inWord = false
    afterMiddle = middle
    if (CASED.test(char)) {
      out += inWord ? char : titleLetter(char)
      inWord = true
    } else {
      out += char
      if (!middle && (!WORD.test(char) || NO_SPACES.test(char))) inWord = false
    }
  }
  return toBytes(out)
}

function titleLetter(char: string): string {
  const lower = char.toLowerCase()
  const digraph = DIGRAPHS.find((each) => each.toLowerCase() === lower)
  if (digraph !== undefined) return digraph
  // Georgian has capitals, but not at the beginning of words.
  if (/[ა-ჿ]/.test(char)) return char
  const [first, ...rest] = char.toUpperCase()
  return withIota(char) ?? first! + rest.join('').toLowerCase()
}

/** Greek capitals that keep an iota below, where JavaScript makes two letters of them. */
function withIota(char: string): string | undefined {
  const upper = char.toUpperCase()
  if (!/[ᾀ-ῼ]/u.test(char) || [...upper].length !== 2 || !upper.endsWith('Ι')) return undefined
  return `${[...upper][0]}\u0345`.normalize('NFC')
}
