/** Where numbers and durations end in a query, and the few character classes of PromQL. */

export function isSpace(code: number): boolean {
  return code === 0x20 || code === 9 || code === 10 || code === 13
}

export function isLineEnd(code: number): boolean {
  return code === 10 || code === 13
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

export function isAlpha(code: number): boolean {
  return code === 0x5f || (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)
}

export function isAlphaNumeric(code: number): boolean {
  return isAlpha(code) || isDigit(code)
}

/** Whether a surrogate pair starts here. */
export function isPair(text: string, at: number): boolean {
  return (text.codePointAt(at) ?? 0) > 0xffff
}

export interface Scan {
  readonly valid: boolean
  /** Where it ends, or how far was read before it turned out to be none. */
  readonly end: number
}

/**
 * Decimal, exponent, hex, `_` between digits. Only the shape: `parseNumber` decides. After an exponent's `e`
 * or an underscore, and around dots, some characters cannot follow, and the text cannot end.
 */
export function scanNumber(text: string, start: number): Scan {
  let at = start
  let digits = '0123456789'
  const is = (set: string): boolean => at < text.length && set.includes(text[at]!)
  const accept = (set: string): boolean => {
    if (!is(set)) return false
    at++
    return true
  }
  const fail = (): Scan => ({ valid: false, end: at })
  if (accept('0') && accept('xX')) {
    accept('_')
    digits = '0123456789abcdefABCDEF'
  }
  const hex = digits.length > 10
  accept('.')
  accept(digits)
  let dot = false
  let exponent = false
  for (;;) {
    if (is('.')) {
      at++
      if (dot) return fail()
      dot = true
      if (accept('_.') || hex) return fail()
    } else if (is('eE')) {
      at++
      if (exponent) return fail()
      exponent = true
      accept('+-')
      if (accept('._eE') || at === text.length) return fail()
    } else if (is('_')) {
      at++
      if (accept('._eE') || at === text.length) return fail()
    } else if (is(digits)) {
      while (is(digits)) at++
    } else break
  }
  if (at === start || isAlphaNumeric(text.charCodeAt(at))) return fail()
  return { valid: true, end: at }
}

/** The units and further numbers of a duration whose first number ends at `start`. */
export function scanDuration(text: string, start: number): Scan {
  let at = start
  const accept = (set: string): boolean => {
    if (at === text.length || !set.includes(text[at]!)) return false
    at++
    return true
  }
  if (!accept('smhdwy')) return { valid: false, end: at }
  accept('s')
  while (isDigit(text.charCodeAt(at))) {
    while (isDigit(text.charCodeAt(at))) at++
    if (!accept('smhdw')) return { valid: false, end: at }
    accept('s')
  }
  // A letter that does not belong is part of what the error shows.
  if (isAlphaNumeric(text.charCodeAt(at))) return { valid: false, end: at + 1 }
  return { valid: true, end: at }
}
