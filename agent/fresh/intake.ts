/** Takes records of the log in, as Prometheus's own replay does. */
import { isKind } from '#lib/model/errors.ts'
import { labelValue, METRIC_NAME } from '#lib/model/labels.ts'
import {
  decodeRecord,
  type ExemplarsRecord,
  type MetadataRecord,
  type SamplesRecord,
  type SeriesRecord,
  type TombstonesRecord,
} from '#lib/tsdb/wal/record.ts'
import type { Head } from './head.ts'
import type { SeriesTable } from './series-table.ts'

/** Where a record comes from decides what counts of it. */
export type Source =
  /** The log: samples in order; late ones are passed over, as the log of late samples has them. */
  | 'wal'
  /** The log of late samples. */
  | 'wbl'
  /** What was read before: only who the series are. */
  | 'series'

export interface IntakeCounts {
  /** Of series that the log did not name. */
  unknownRefs: number
  /** Records that are not what their type says. */
  corruptRecords: number
}

/** Of records that name series. */
export const SERIES_TYPE = 1

export class Intake {
  readonly #counts: IntakeCounts = { unknownRefs: 0, corruptRecords: 0 }
  /** Samples before this time are in a block that is in the bucket; late ones may not be. */
  dropBeforeMs = -Infinity
  readonly #table: SeriesTable
  readonly #head: Head

  constructor(table: SeriesTable, head: Head) {
    this.#table = table
    this.#head = head
  }

  /** Since the last call. */
  takeCounts(): IntakeCounts {
    const taken = { ...this.#counts }
    Object.assign(this.#counts, { unknownRefs: 0, corruptRecords: 0 })
    return taken
  }

  /** `segment` is where the log has the record. */
  take(bytes: Uint8Array, source: Source, segment: number): void {
    if (source === 'series' && bytes[0] !== SERIES_TYPE) return
    try {
      this.#decode(bytes, source, segment)
    } catch (error) {
      if (!isKind(error, 'corrupt')) throw error
      this.#counts.corruptRecords++
    }
  }

  #decode(bytes: Uint8Array, source: Source, segment: number): void {
    const record = decodeRecord(bytes)
    switch (record?.type) {
      case 'series':
        return this.#series(record, segment)
      case 'samples':
        return source === 'wbl' ? this.#late(record) : this.#samples(record)
      case 'exemplars':
        return this.#exemplars(record)
      case 'tombstones':
        return this.#tombstones(record)
      case 'metadata':
        return this.#metadata(record)
      default:
    }
  }

  #series({ refs, labels }: SeriesRecord, segment: number): void {
    for (let i = 0; i < refs.length; i++) this.#table.add(refs[i]!, labels[i]!, segment)
  }

  #samples(record: SamplesRecord): void {
    const table = this.#table
    const { refs, timestamps } = record
    const bits = bitsOf(record.values)
    const rows = this.#head.rowsFor(record, false)
    const { dropBeforeMs } = this
    for (let i = 0; i < refs.length; i++) {
      const id = table.idOf(refs[i]!)
      if (id < 0) {
        this.#counts.unknownRefs++
        continue
      }
      const t = timestamps[i]!
      if (t <= table.lastTimes[id]!) continue
      table.lastTimes[id] = t
      if (t < dropBeforeMs) continue
      rows.add(id, record, bits, i)
    }
  }

  #late(record: SamplesRecord): void {
    const bits = bitsOf(record.values)
    const rows = this.#head.rowsFor(record, true)
    for (let i = 0; i < record.refs.length; i++) {
      const id = this.#known(record.refs[i]!)
      if (id < 0) continue
      rows.add(id, record, bits, i)
    }
  }

  #exemplars({ refs, timestamps, values, labels }: ExemplarsRecord): void {
    for (let i = 0; i < refs.length; i++) {
      const id = this.#known(refs[i]!)
      if (id < 0 || timestamps[i]! < this.dropBeforeMs) continue
      this.#head.addExemplar({
        labels: this.#table.labelsOf(id),
        timestampMs: timestamps[i]!,
        value: values[i]!,
        exemplarLabels: labels[i]!,
      })
    }
  }

  #tombstones({ refs, minTimes, maxTimes }: TombstonesRecord): void {
    for (let i = 0; i < refs.length; i++) {
      const id = this.#known(refs[i]!)
      if (id < 0) continue
      if (minTimes[i] === -Infinity && maxTimes[i] === Infinity) {
        // All of it: Prometheus moved the series to a block. It may begin again with any sample.
        this.#table.lastTimes[id] = -Infinity
      } else {
        this.#head.addDeletion(this.#table.labelsOf(id), minTimes[i]!, maxTimes[i]!)
      }
    }
  }

  #metadata({ refs, metricTypes, units, helps }: MetadataRecord): void {
    for (let i = 0; i < refs.length; i++) {
      const id = this.#known(refs[i]!)
      if (id < 0) continue
      const metric = labelValue(this.#table.labelsOf(id), METRIC_NAME)
      if (metric === '') continue
      const [type, unit, help] = [metricTypes[i]!, units[i]!, helps[i]!]
      this.#head.setMetadata([{ metric, type, unit, help }])
    }
  }

  #known(ref: number): number {
    const id = this.#table.idOf(ref)
    if (id < 0) this.#counts.unknownRefs++
    return id
  }
}

function bitsOf(values: Float64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2)
}
