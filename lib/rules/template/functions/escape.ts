/** Text made safe for HTML, JavaScript and URLs, as Go's text/template does. */
import { runesOf, RUNE_ERROR } from '../value/bytes.ts'
import { isPrintable } from '../value/quote.ts'

const HTML: Readonly<Record<string, string>> = {
  '\0': '\xef\xbf\xbd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}

export function escapeHtml(bytes: string): string {
  return bytes.replaceAll(/[\0"'&<>]/g, (char) => HTML[char]!)
}

export function escapeJs(bytes: string): string {
  let out = ''
  for (const { rune, width, offset } of runesOf(bytes)) {
    const char = bytes.slice(offset, offset + width)
    if (rune < 0x80) {
      if (/[\\'"]/.test(char)) out += `\\${char}`
      else if (rune < 0x20 || /[<>&=]/.test(char)) out += `\\u${hex(rune)}`
      else out += char
    } else {
      out += rune === RUNE_ERROR || isPrintable(rune) ? char : `\\u${hex(rune)}`
    }
  }
  return out
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0')
}

export function escapeQuery(bytes: string): string {
  return bytes.replaceAll(/[^A-Za-z0-9\-_.~]/g, (char) =>
    char === ' ' ? '+' : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}
