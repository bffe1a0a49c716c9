/** The warnings and infos of an answer: each once, and not more than a reader can use. */

export const TRUNCATED = 'results truncated due to limit'

const MAX_TEXTS = 10

export function cappedWarnings(warnings: readonly string[]): string[] {
  return capped(warnings, 'warning')
}

export function cappedInfos(infos: readonly string[]): string[] {
  return capped(infos, 'info')
}

function capped(texts: readonly string[], kind: string): string[] {
  const unique = [...new Set(texts)]
  if (unique.length <= MAX_TEXTS) return unique
  const omitted = `${unique.length - MAX_TEXTS} more ${kind} annotations omitted`
  return [...unique.slice(0, MAX_TEXTS), omitted]
}
