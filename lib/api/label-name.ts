/** The label name in a path: percent-encoded UTF-8, or Prometheus's `U__` escaping. */
import { DomainError } from '#lib/model/errors.ts'

/** Throws `invalid` for an empty name and for bytes that are not UTF-8. */
export function parseLabelName(encoded: string): string {
  const bytes = percentBytes(encoded)
  const name = bytes.toString('utf8')
  if (!Buffer.from(name).equals(bytes)) throw invalidName(quoteBytes(bytes))
  const unescaped = unescapeName(name)
  if (unescaped === '') throw invalidName('""')
  return unescaped
}

function invalidName(quoted: string): DomainError {
  return new DomainError('invalid', `invalid label name: ${quoted}`)
}

function percentBytes(text: string): Buffer {
  const latin1 = Buffer.from(text).toString('latin1')
  const decoded = latin1.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  )
  return Buffer.from(decoded, 'latin1')
}

/** As `%q` prints a string that is not UTF-8: its high bytes one by one. */
function quoteBytes(bytes: Buffer): string {
  const escaped = bytes.toString('latin1').replace(/[\x80-\xff]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16)}`
  })
  return `"${escaped}"`
}

/**
 * `U__my_2e_label__x` is `my.label_x`: after the prefix `__` is an underscore and `_<hex>_` a code point.
 * What does not follow that is taken as it stands, as Prometheus does.
 */
export function unescapeName(name: string): string {
  if (!name.startsWith('U__')) return name
  const body = name.slice(3)
  if (!/^(?:[^_]|__|_[0-9a-fA-F]{1,6}_)*$/s.test(body)) return name
  let valid = true
  const unescaped = body.replace(/__|_([0-9a-fA-F]{1,6})_/g, (_, hex?: string) => {
    if (hex === undefined) return '_'
    const code = parseInt(hex, 16)
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      valid = false
      return ''
    }
    return String.fromCodePoint(code)
  })
  return valid ? unescaped : name
}
