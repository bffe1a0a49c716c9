/** What exporters say of their metrics: type, help and unit. */
import { compareUtf8 } from '#lib/model/labels.ts'

export interface MetadataRequest {
  /** One metric; all where undefined. */
  readonly metric?: string | undefined
  /** At most this many metrics; negative for all. */
  readonly limit: number
  /** At most this many entries for each; 0 or less for all. */
  readonly limitPerMetric: number
}

export type MetricMetadata = ReadonlyMap<string, readonly MetadataEntry[]>

export interface MetadataEntry {
  /** counter, gauge, histogram, gaugehistogram, summary, info, stateset, unknown. */
  readonly type: string
  readonly help: string
  readonly unit: string
}

/**
 * Each distinct entry once, in the order of the answers: clients take the first. Names ascending, so that a limit takes the same ones
 * each time.
 */
export function mergeMetadata(
  answers: readonly MetricMetadata[],
  { metric, limit, limitPerMetric }: MetadataRequest,
): MetricMetadata {
  const merged = new Map<string, MetadataEntry[]>()
  for (const [name, entries] of answers.flatMap((answer) => [...answer])) {
    if (metric !== undefined && name !== metric) continue
    let known = merged.get(name)
    if (known === undefined) merged.set(name, (known = []))
    for (const entry of entries) {
      if (limitPerMetric > 0 && known.length >= limitPerMetric) break
      if (!known.some((other) => isSame(other, entry))) known.push(entry)
    }
  }
  const names = [...merged.keys()].sort(compareUtf8)
  return new Map(
    names.slice(0, limit < 0 ? undefined : limit).map((name) => [name, merged.get(name)!]),
  )
}

function isSame(a: MetadataEntry, b: MetadataEntry): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit
}
