/** A log as Prometheus writes it, for tests that need one which does strange things. */
import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { writeSegment } from '../../tsdb/wal/write-segment.ts'

export type Row = readonly [ref: number, timestampMs: number, value: number]

export function seriesRecord(
  ...series: readonly (readonly [ref: number, ...labels: string[]])[]
): Uint8Array {
  return record(1, (out) => {
    for (const [ref, ...labels] of series) {
      out.uint64(ref)
      writeLabels(out, labels)
    }
  })
}

export function samplesRecord(...rows: readonly Row[]): Uint8Array {
  return record(2, (out) => {
    const [[baseRef, baseTime]] = rows as readonly [Row]
    out.uint64(baseRef)
    out.uint64(baseTime)
    for (const [ref, t, value] of rows) {
      out.varint(ref - baseRef)
      out.varint(t - baseTime)
      out.float64(value)
    }
  })
}

export function exemplarRecord(ref: number, t: number, value: number, ...labels: string[]) {
  return record(4, (out) => {
    out.uint64(ref)
    out.uint64(t)
    out.varint(0)
    out.varint(0)
    out.float64(value)
    writeLabels(out, labels)
  })
}

export function tombstoneRecord(ref: number, minTime: number, maxTime: number): Uint8Array {
  return record(3, (out) => {
    out.uint64(ref)
    out.varint(minTime)
    out.varint(maxTime)
  })
}

export function metadataRecord(ref: number, unit: string, help: string): Uint8Array {
  return record(6, (out) => {
    out.uvarint(ref)
    out.uint8(1)
    out.uvarint(2)
    for (const text of ['UNIT', unit, 'HELP', help]) out.string(text)
  })
}

function record(type: number, fill: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter()
  out.uint8(type)
  fill(out)
  return out.bytes().slice()
}

function writeLabels(out: ByteWriter, labels: readonly string[]): void {
  out.uvarint(labels.length / 2)
  for (const text of labels) out.string(text)
}

/** The folder `wal` or `wbl` of a data directory. */
export class WrittenLog {
  readonly folder: string
  #segment = 0
  /** Of the segment that is written, all of them: pages depend on those before. */
  #records: Uint8Array[] = []
  #size = 0

  constructor(tsdbPath: string, name: 'wal' | 'wbl' = 'wal') {
    this.folder = join(tsdbPath, name)
    mkdirSync(this.folder, { recursive: true })
    appendFileSync(this.path(), '')
  }

  get segment(): number {
    return this.#segment
  }

  path(segment = this.#segment): string {
    return join(this.folder, segmentName(segment))
  }

  append(...records: readonly Uint8Array[]): void {
    appendFileSync(this.path(), this.encode(...records))
  }

  /** The bytes that `append` would write. */
  encode(...records: readonly Uint8Array[]): Uint8Array {
    this.#records.push(...records)
    const { bytes } = writeSegment(this.#records.map((each) => ({ bytes: each })))
    const added = bytes.subarray(this.#size)
    this.#size = bytes.length
    return added
  }

  cut(segment = this.#segment + 1): void {
    this.#segment = segment
    this.#records = []
    this.#size = 0
    appendFileSync(this.path(), '')
  }

  /** Puts a checkpoint in the place of the segments up to `segment`. */
  checkpoint(segment: number, ...records: readonly Uint8Array[]): void {
    const name = join(this.folder, `checkpoint.${segmentName(segment)}`)
    mkdirSync(`${name}.tmp`)
    const { bytes } = writeSegment(records.map((each) => ({ bytes: each })))
    writeFileSync(join(`${name}.tmp`, segmentName(0)), bytes)
    renameSync(`${name}.tmp`, name)
    this.remove(segment)
    for (const other of readdirSync(this.folder)) {
      const number = /^checkpoint\.(\d+)$/.exec(other)?.[1]
      if (number !== undefined && Number(number) < segment) {
        rmSync(join(this.folder, other), { recursive: true })
      }
    }
  }

  /** Segments up to this one are gone. */
  remove(segment: number): void {
    for (const name of readdirSync(this.folder)) {
      if (/^\d+$/.test(name) && Number(name) <= segment) rmSync(join(this.folder, name))
    }
  }
}

function segmentName(segment: number): string {
  return String(segment).padStart(8, '0')
}
