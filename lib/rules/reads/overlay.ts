/** Results of rules that no query finds in the bucket yet: a source of series beside it, which has them as the bucket will. */
import { type Labels, labelsKey, labelValue, mergeLabels, METRIC_NAME } from '#lib/model/labels.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { SeriesSource, SourceRequest } from '#lib/store/series-source.ts'
import { SeriesCollector } from '#lib/store/series-collector.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import type { ResultSample } from '../evaluate/contract.ts'
import { resultColumns } from '../results/result-series.ts'

interface OverlaySeries {
  /** With the external labels. */
  readonly labels: Labels
  readonly samples: ResultSample[]
  /** Of all samples; made when they are asked for. */
  chunks?: readonly ReadyChunk[] | undefined
}

export class Overlay {
  readonly #external: Labels
  /** By metric name, then by labels. */
  #metrics = new Map<string, Map<string, OverlaySeries>>()
  /** How often something was written under a metric name, or at all. */
  readonly #writes = new Map<string, number>()
  #allWrites = 0

  constructor(externalLabels: Labels) {
    this.#external = externalLabels
  }

  write(samples: readonly ResultSample[]): void {
    const names = new Set<string>()
    for (const sample of samples) {
      const labels = mergeLabels(sample.labels, this.#external)
      const name = labelValue(labels, METRIC_NAME)
      names.add(name)
      const metric = valueAt(this.#metrics, name, () => new Map<string, OverlaySeries>())
      const series = valueAt(metric, labelsKey(labels), () => ({ labels, samples: [] }))
      series.samples.push(sample)
      series.chunks = undefined
    }
    this.#count(names)
  }

  clear(): void {
    this.#count(this.#metrics.keys())
    this.#metrics = new Map()
  }

  /** Another number whenever what it has of these metrics, or of any, changed. */
  version(names: ReadonlySet<string> | undefined): number {
    if (!names) return this.#allWrites
    let sum = 0
    for (const name of names) sum += this.#writes.get(name) ?? 0
    return sum
  }

  /** None where it has nothing of these metrics, or of any. */
  sources(names: ReadonlySet<string> | undefined): readonly SeriesSource[] {
    const all = this.#metrics
    const has = names ? [...names].some((name) => all.has(name)) : all.size > 0
    return has ? [this.#source()] : []
  }

  #count(names: Iterable<string>): void {
    for (const name of names) {
      this.#writes.set(name, (this.#writes.get(name) ?? 0) + 1)
      this.#allWrites++
    }
  }

  #source(): SeriesSource {
    return {
      address: 'results of rules',
      labelSets: [this.#external],
      minTimeMs: -Infinity,
      maxTimeMs: Infinity,
      downsamples: false,
      select: async (request) => ({ ...this.#select(request), warnings: [] }),
      // Rules ask for samples only.
      labelNames: async () => ({ values: [], warnings: [] }),
      labelValues: async () => ({ values: [], warnings: [] }),
    }
  }

  #select({ matchers, labelsOnly }: SourceRequest): ReturnType<SeriesCollector['finish']> {
    const compiled = matchers.map(compileMatcher)
    const collector = new SeriesCollector()
    for (const [name, metric] of this.#metrics) {
      const mayMatch = compiled.every((one) => one.name !== METRIC_NAME || one.matches(name))
      if (!mayMatch) continue
      for (const series of metric.values()) {
        const { labels } = series
        if (!compiled.every((one) => one.matches(labelValue(labels, one.name)))) continue
        collector.series(labels)
        if (labelsOnly) continue
        series.chunks ??= encodeChunks(resultColumns(series.samples))
        for (const { minTimeMs, maxTimeMs, encoding, data } of series.chunks) {
          collector.chunk(minTimeMs, maxTimeMs, encoding, data)
        }
      }
    }
    return collector.finish('')
  }
}

function valueAt<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}
