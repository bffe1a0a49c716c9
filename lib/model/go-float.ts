/** Floats as Go's strconv prints them: the shortest digits that read back as the same number, in three layouts. */

/** Prometheus's JSON values: plain digits, an exponent below 1e-6 and from 1e21 on. `1e-07`, `+Inf`, `-0`. */
export function formatFloat(value: number): string {
  if (value !== value) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const text = String(value)
  // JavaScript changes to exponents at the same two magnitudes, but writes one exponent digit where Go writes two.
  const length = text.length
  if (length > 3 && text.charCodeAt(length - 3) === 0x65 /* e */) {
    return `${text.slice(0, length - 1)}0${text[length - 1]}`
  }
  return text
}

/** Format 'f' with the fewest digits: never an exponent. Scalars, `count_values`, string forms of samples. */
export function formatPlain(value: number): string {
  const text = formatFloat(value)
  const e = text.indexOf('e')
  if (e < 0) return text
  const exponent = Number(text.slice(e + 1))
  const sign = text[0] === '-' ? '-' : ''
  const mantissa = text.slice(sign.length, e)
  const digits = mantissa.replace('.', '')
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  return sign + digits.padEnd(exponent + 1, '0')
}

/** Format 'e' with the fewest digits: always an exponent of at least two digits, `1e+00`. Values of alerts. */
export function formatExponent(value: number): string {
  if (!Number.isFinite(value)) return formatFloat(value)
  if (value === 0) return Object.is(value, -0) ? '-0e+00' : '0e+00'
  const text = value.toExponential()
  const e = text.indexOf('e')
  const digits = text.slice(e + 2)
  return text.slice(0, e + 2) + digits.padStart(2, '0')
}

/** Format 'g' with the fewest digits: an exponent below 1e-4 and from 1e6 on. The text exposition format. */
export function formatGeneral(value: number): string {
  const magnitude = Math.abs(value)
  if (magnitude === 0) return '0'
  const plain = magnitude >= 1e-4 && magnitude < 1e6
  return plain ? formatPlain(value) : formatExponent(value)
}
