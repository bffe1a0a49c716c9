/** Floats as Go's strconv reads them, in the forms that Prometheus's text formats allow: no hexadecimals, no underscores. */

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const INFINITE = /^([+-]?)inf(?:inity)?$/i
const NOT_A_NUMBER = /^nan$/i

/** Undefined where it is none, or more than a float can hold. */
export function parseGoFloat(text: string): number | undefined {
  if (DECIMAL.test(text)) {
    const value = Number(text)
    return Number.isFinite(value) ? value : undefined
  }
  if (NOT_A_NUMBER.test(text)) return NaN
  const infinite = INFINITE.exec(text)
  if (infinite === null) return undefined
  return infinite[1] === '-' ? -Infinity : Infinity
}
