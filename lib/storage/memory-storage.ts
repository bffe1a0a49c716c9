/** Series held in memory: for tests, scripts and benchmarks. */
import {
  compareLabels,
  compareUtf8,
  labelsKey,
  labelValue,
  type Labels,
} from '#lib/model/labels.ts'
import { indexAfter, NO_SAMPLES, type SampleColumns } from '#lib/model/samples.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type { LabelRequest, SelectRequest, SeriesSet, Storage } from './storage.ts'

export interface MemorySeries {
  readonly labels: Labels
  readonly samples: SampleColumns
}

/** `series` need no order, but their labels must be unique. Later changes are not seen. */
export function memoryStorage(series: readonly MemorySeries[]): Storage {
  const sorted = series.toSorted((a, b) => compareLabels(a.labels, b.labels))
  const keys = new Set(sorted.map(({ labels }) => labelsKey(labels)))
  if (keys.size !== sorted.length) throw new Error('bug: two series with the same labels')

  const selected = (matchers: readonly Matcher[]): MemorySeries[] => {
    const compiled = matchers.map(compileMatcher)
    return sorted.filter(({ labels }) =>
      compiled.every(({ name, matches }) => matches(labelValue(labels, name))),
    )
  }
  const asked = ({ matcherSets, startMs, endMs }: LabelRequest): readonly MemorySeries[] => {
    const sets = matcherSets.map((matchers) => new Set(selected(matchers)))
    return sorted.filter(
      (one) =>
        (sets.length === 0 || sets.some((set) => set.has(one))) &&
        within(one.samples, startMs, endMs).length > 0,
    )
  }
  const answer = (names: Iterable<string>, limit: number) => {
    const values = [...new Set(names)].sort(compareUtf8)
    return { values: limit > 0 ? values.slice(0, limit) : values, warnings: [] }
  }
  return {
    async select({ matchers, startMs, endMs, hints }: SelectRequest): Promise<SeriesSet> {
      const all = selected(matchers)
      const found = hints.limit > 0 ? all.slice(0, hints.limit) : all
      return {
        labels: found.map(({ labels }) => labels),
        warnings: [],
        samples: (index) => within(found[index]!.samples, startMs, endMs),
      }
    },
    async labelNames(request) {
      return answer(
        asked(request).flatMap(({ labels }) => labels.filter((_, i) => i % 2 === 0)),
        request.limit,
      )
    },
    async labelValues(name, request) {
      const values = asked(request).map(({ labels }) => labelValue(labels, name))
      return answer(
        values.filter((value) => value !== ''),
        request.limit,
      )
    },
  }
}

function within(samples: SampleColumns, startMs: number, endMs: number): SampleColumns {
  const from = indexAfter(samples.timestamps, samples.length, startMs - 1)
  const to = indexAfter(samples.timestamps, samples.length, endMs, from)
  if (from === 0 && to === samples.length) return samples
  if (from >= to) return NO_SAMPLES
  return {
    length: to - from,
    timestamps: samples.timestamps.subarray(from, to),
    values: samples.values.subarray(from, to),
    histograms: samples.histograms?.slice(from, to),
    startTimestamps: samples.startTimestamps?.subarray(from, to),
  }
}
