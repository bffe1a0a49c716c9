/** What parts of a query said, put together as if the whole had said it. */
import type { Annotations } from '../result.ts'

export function joinAnnotations(parts: readonly Annotations[]): Annotations {
  return {
    warnings: joinTexts(parts.flatMap(({ warnings }) => warnings)),
    infos: joinTexts(parts.flatMap(({ infos }) => infos)),
  }
}

const FORCED =
  /^(.*), from buckets (\S+) to (\S+), with a max diff of (\S+), over (\d+) samples from (\S+) to (\S+) (\(\d+:\d+\))$/

/** The only text with numbers in it that add up; the others are the same or they are different texts. */
function joinTexts(texts: readonly string[]): string[] {
  const joined = new Map<string, string>()
  for (const text of texts) {
    const match = FORCED.exec(text)
    const key = match ? `${match[1]} ${match[8]}` : text
    const before = joined.get(key)
    joined.set(key, match && before !== undefined ? joinForced(before, match) : text)
  }
  return [...joined.values()]
}

function joinForced(before: string, match: RegExpExecArray): string {
  const [, said, ...b] = match
  const [, , ...a] = FORCED.exec(before)!
  const pick = (i: number, better: (x: number, y: number) => boolean): string =>
    better(numberOf(a[i]!), numberOf(b[i]!)) ? a[i]! : b[i]!
  const less = (x: number, y: number): boolean => x < y
  const more = (x: number, y: number): boolean => x > y
  const count = Number(a[3]) + Number(b[3])
  const from = a[4]! < b[4]! ? a[4] : b[4]
  const to = a[5]! > b[5]! ? a[5] : b[5]
  return `${said}, from buckets ${pick(0, less)} to ${pick(1, more)}, with a max diff of ${pick(2, more)}, over ${count} samples from ${from} to ${to} ${b[6]}`
}

/** Go writes infinity otherwise than JavaScript reads it. */
function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'))
}
