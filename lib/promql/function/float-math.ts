/** Float arithmetic where JavaScript and C99 (which PromQL follows) differ. */

/** 1 to any power and -1 to an infinite one are 1, also for NaN. */
export function power(base: number, exponent: number): number {
  if (base === 1) return 1
  if (base === -1 && (exponent === Infinity || exponent === -Infinity)) return 1
  return base ** exponent
}

/** An infinity wins over NaN. */
export function maximum(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b)
}

export function minimum(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b)
}

/** Seconds of a duration, added up from whole and fractional part. */
export function durationSeconds(ms: number): number {
  return Math.trunc(ms / 1000) + ((ms % 1000) * 1e6) / 1e9
}

/** Shortest decimal digits without exponent: `1e21` is written out. */
export function formatPlain(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (!match) return text
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const shift = Number(exponent)
  const digits = whole + fraction
  const point = whole.length + shift
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  if (point >= digits.length) return sign + digits.padEnd(point, '0')
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

/** `%g`: shortest digits, with an exponent of at least two digits below 1e-4 and from 1e21 on. */
export function formatGeneral(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  const power10 = Number(exponent)
  if (power10 < -4 || power10 >= 21) {
    const digits = String(Math.abs(power10)).padStart(2, '0')
    return `${mantissa}e${power10 < 0 ? '-' : '+'}${digits}`
  }
  return formatPlain(value)
}

/** As OpenMetrics writes label values: whole numbers get `.0`. */
export function formatOpenMetrics(value: number): string {
  if (value === 1) return '1.0'
  if (value === 0) return '0.0'
  if (value === -1) return '-1.0'
  const text = formatGeneral(value)
  return /[.eN]|Inf/.test(text) ? text : `${text}.0`
}
