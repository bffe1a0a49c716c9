/** What parts of a query said, put together as if the whole had said it. */
import type { Position } from '../parse/ast.ts'
import type { Annotations } from '../result.ts'
import { evaluatedAfter } from './annotation-set.ts'

export function joinAnnotations(parts: readonly Annotations[]): Annotations {
  const places: Record<string, Position> = {}
  return {
    warnings: joinTexts(parts, 'warnings', places),
    infos: joinTexts(parts, 'infos', places),
    places,
  }
}

interface Said {
  readonly text: string
  readonly place: Position
}

const WITH_PLACE = /^(.*) (\(\d+:\d+\))$/s
const FORCED =
  /^(.*), from buckets (\S+) to (\S+), with a max diff of (\S+), over (\d+) samples from (\S+) to (\S+) (\(\d+:\d+\))$/s

/** The same text is shown once, at one of its places. Only one has numbers in it that add up. */
function joinTexts(
  parts: readonly Annotations[],
  kind: 'warnings' | 'infos',
  places: Record<string, Position>,
): string[] {
  const joined = new Map<string, Said>()
  for (const part of parts) {
    for (const text of part[kind]) {
      const forced = FORCED.exec(text)
      const key = (forced ?? WITH_PLACE.exec(text))?.[1] ?? text
      const said = { text, place: part.places[text]! }
      const before = joined.get(key)
      if (!before) joined.set(key, said)
      else if (forced) joined.set(key, joinForced(before, said))
      else if (evaluatedAfter(said.place, before.place)) joined.set(key, said)
    }
  }
  for (const { text, place } of joined.values()) places[text] = place
  return [...joined.values()].map(({ text }) => text)
}

/** What adds up is shown where it began. */
function joinForced(x: Said, y: Said): Said {
  const [before, after] = evaluatedAfter(x.place, y.place) ? [y, x] : [x, y]
  const [, said, ...a] = FORCED.exec(before.text)!
  const [, , ...b] = FORCED.exec(after.text)!
  const pick = (i: number, better: (x: number, y: number) => boolean): string =>
    better(numberOf(a[i]!), numberOf(b[i]!)) ? a[i]! : b[i]!
  const less = (x: number, y: number): boolean => x < y
  const more = (x: number, y: number): boolean => x > y
  const count = Number(a[3]) + Number(b[3])
  const from = a[4]! < b[4]! ? a[4] : b[4]
  const to = a[5]! > b[5]! ? a[5] : b[5]
  return {
    text: `${said}, from buckets ${pick(0, less)} to ${pick(1, more)}, with a max diff of ${pick(2, more)}, over ${count} samples from ${from} to ${to} ${a[6]}`,
    place: before.place,
  }
}

/** Go writes infinity otherwise than JavaScript reads it. */
function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'))
}
