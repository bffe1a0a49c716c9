/** Counts of several places as one, as Thanos adds them. */
import { compareUtf8 } from '#lib/model/labels.ts'
import type { Cardinality, NameCount } from './inventory.ts'

/** Values of a label may be the same in each place, so the most of any counts; all other counts are added. */
export function mergeCardinality(parts: readonly Cardinality[], limit: number): Cardinality {
  const sum = (count: (part: Cardinality) => number): number =>
    parts.reduce((total, part) => total + count(part), 0)
  const merged = (
    counts: (part: Cardinality) => readonly NameCount[],
    both: (a: number, b: number) => number = (a, b) => a + b,
  ): NameCount[] => {
    const byName = new Map<string, number>()
    for (const { name, count } of parts.flatMap(counts)) {
      const known = byName.get(name)
      byName.set(name, known === undefined ? count : both(known, count))
    }
    return [...byName]
      .map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count || compareUtf8(a.name, b.name))
      .slice(0, limit)
  }
  const times = (time: (part: Cardinality) => number | undefined): number[] =>
    parts.flatMap((part) => time(part) ?? [])
  const minTimes = times(({ minTimeMs }) => minTimeMs)
  const maxTimes = times(({ maxTimeMs }) => maxTimeMs)
  return {
    seriesCount: sum(({ seriesCount }) => seriesCount),
    chunkCount: sum(({ chunkCount }) => chunkCount),
    labelPairCount: sum(({ labelPairCount }) => labelPairCount),
    minTimeMs: minTimes.length === 0 ? undefined : Math.min(...minTimes),
    maxTimeMs: maxTimes.length === 0 ? undefined : Math.max(...maxTimes),
    seriesByMetric: merged(({ seriesByMetric }) => seriesByMetric),
    valuesByLabel: merged(({ valuesByLabel }) => valuesByLabel, Math.max),
    bytesByLabel: merged(({ bytesByLabel }) => bytesByLabel),
    seriesByPair: merged(({ seriesByPair }) => seriesByPair),
    warnings: [...new Set(parts.flatMap(({ warnings }) => warnings))],
  }
}
