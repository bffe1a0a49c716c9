/** Names of metrics and labels for clients that know only the old alphabet. */

export type NameEscaping = 'allow-utf-8' | 'underscores' | 'dots' | 'values'

const LEGACY = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/** Whether it was a metric name before names could be any UTF-8. */
export function isLegacyName(name: string): boolean {
  return LEGACY.test(name)
}

/** Names of the old alphabet stay as they are. */
export function escapeName(name: string, escaping: NameEscaping): string {
  if (escaping === 'allow-utf-8' || isLegacyName(name) || name === '') return name
  const legacy = (char: string, i: number): boolean =>
    /[a-zA-Z_:]/.test(char) || (i > 0 && /[0-9]/.test(char))
  // By code point; only the place of the first matters.
  const chars = [...name.toWellFormed()]
  if (escaping === 'underscores') {
    return chars.map((char, i) => (legacy(char, i) ? char : '_')).join('')
  }
  if (escaping === 'dots') {
    const dotted = (char: string, i: number): string => {
      if (char === '.') return '_dot_'
      return char !== '_' && legacy(char, i) ? char : '__'
    }
    return chars.map(dotted).join('')
  }
  const coded = (char: string, i: number): string => {
    if (char === '_') return '__'
    return legacy(char, i) ? char : `_${char.codePointAt(0)!.toString(16)}_`
  }
  return `U__${chars.map(coded).join('')}`
}
