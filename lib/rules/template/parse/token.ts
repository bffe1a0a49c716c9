/** The pieces that templates are read in, and how messages show them. */
import { decodeRune, encodeRune } from '../value/bytes.ts'
import { isPrintable, quote } from '../value/quote.ts'

export type TokenKind =
  | 'error'
  | 'bool'
  | 'char'
  | 'character'
  | 'complex'
  | '='
  | ':='
  | 'eof'
  | 'field'
  | 'identifier'
  | '{{'
  | '('
  | 'number'
  | '|'
  | 'raw-string'
  | '}}'
  | ')'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'
  | 'keyword'

export interface Token {
  readonly kind: TokenKind
  /** As it is written; of an error what is wrong. `keyword`: which one, `.` is one, too. */
  readonly text: string
  readonly at: number
  readonly line: number
}

/** How messages show a token. */
export function tokenText({ kind, text }: Token): string {
  if (kind === 'eof') return 'EOF'
  if (kind === 'error') return text
  if (kind === 'keyword') return `<${text}>`
  if (text.length <= 10) return quote(text)
  let end = 0
  for (let runes = 0; runes < 10 && end < text.length; runes++) end += decodeRune(text, end).width
  return `${quote(text.slice(0, end))}...`
}

/** `U+0021 '!'` */
export function codePoint(rune: number): string {
  const hex = rune.toString(16).toUpperCase().padStart(4, '0')
  return `U+${hex}${isPrintable(rune) ? ` '${encodeRune(rune)}'` : ''}`
}
