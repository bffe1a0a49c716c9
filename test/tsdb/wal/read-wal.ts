/** Everything in a log, by series: what a reader that starts from nothing knows in the end. */
import { zstdDecompressSync } from 'node:zlib'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { formatLabels, type Labels } from '#lib/model/labels.ts'
import { isStale } from '#lib/model/samples.ts'
import { decodeRecord, type ExemplarsRecord, type SamplesRecord } from '#lib/tsdb/wal/record.ts'
import { readRecords } from '#lib/tsdb/wal/records.ts'

export interface ReadSample {
  readonly t: number
  readonly v: number
  readonly stale: boolean
  readonly start: number
  readonly histogram: FloatHistogram | undefined
}

export const decodeZstd = (bytes: Uint8Array): Uint8Array =>
  zstdDecompressSync(bytes, { maxOutputLength: 1 << 26 })

export class ReadWal {
  readonly labels = new Map<number, Labels>()
  /** By `formatLabels`. */
  readonly samples = new Map<string, ReadSample[]>()
  readonly exemplars = new Map<string, { t: number; v: number; labels: Labels }[]>()
  readonly metadata = new Map<string, { metricType: string; unit: string; help: string }>()
  readonly tombstones: { series: string; minTime: number; maxTime: number }[] = []
  readonly recordTypes = new Set<number>()
  /** Records whose type was not known. */
  unknown = 0

  /** `bytes` of a segment from `offset` on; gives where to go on. */
  read(bytes: Uint8Array, offset = 0): number {
    return readRecords(bytes, offset, decodeZstd, (record) => this.#add(record))
  }

  #add(bytes: Uint8Array): void {
    this.recordTypes.add(bytes[0]!)
    const record = decodeRecord(bytes)
    if (record === undefined) this.unknown++
    else if (record.type === 'series') {
      for (const [i, ref] of record.refs.entries()) this.labels.set(ref, record.labels[i]!)
    } else if (record.type === 'samples') this.#addSamples(record)
    else if (record.type === 'exemplars') this.#addExemplars(record)
    else if (record.type === 'metadata') {
      for (const [i, ref] of record.refs.entries()) {
        const [metricType, unit, help] = [
          record.metricTypes[i]!,
          record.units[i]!,
          record.helps[i]!,
        ]
        this.metadata.set(this.#series(ref), { metricType, unit, help })
      }
    } else if (record.type === 'tombstones') {
      for (const [i, ref] of record.refs.entries()) {
        const [minTime, maxTime] = [record.minTimes[i]!, record.maxTimes[i]!]
        this.tombstones.push({ series: this.#series(ref), minTime, maxTime })
      }
    }
  }

  #series(ref: number): string {
    const labels = this.labels.get(ref)
    if (labels === undefined) throw new Error(`no series ${ref}`)
    return formatLabels(labels)
  }

  #addSamples({ refs, timestamps, values, startTimestamps, histograms }: SamplesRecord): void {
    for (let i = 0; i < refs.length; i++) {
      const series = this.#series(refs[i]!)
      const all = this.samples.get(series) ?? []
      this.samples.set(series, all)
      all.push({
        t: timestamps[i]!,
        v: values[i]!,
        stale: isStale(values, i),
        start: startTimestamps?.[i] ?? 0,
        histogram: histograms?.at(i),
      })
    }
  }

  #addExemplars({ refs, timestamps, values, labels }: ExemplarsRecord): void {
    for (let i = 0; i < refs.length; i++) {
      const series = this.#series(refs[i]!)
      const all = this.exemplars.get(series) ?? []
      this.exemplars.set(series, all)
      all.push({ t: timestamps[i]!, v: values[i]!, labels: labels[i]! })
    }
  }
}
