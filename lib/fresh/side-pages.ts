/** What a pack has beside samples: exemplars, metadata and deletions, a page of each. */
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import {
  compareLabels,
  compareUtf8,
  type Labels,
  labelValue,
  METRIC_NAME,
} from '#lib/model/labels.ts'
import { decompressPage, type PageEntry } from './pack-format.ts'
import { countWithin, readStrings } from './series-page.ts'

export interface PackedExemplar {
  /** Of the series, without external labels. */
  readonly labels: Labels
  readonly timestampMs: number
  readonly value: number
  readonly exemplarLabels: Labels
}

export interface PackedMetadata {
  readonly metric: string
  readonly type: string
  readonly help: string
  readonly unit: string
}

/** Samples of a series that were deleted by Prometheus's API: of this pack, of those before it of the same epoch, and of earlier epochs. A closed interval. */
export interface PackedDeletion {
  readonly labels: Labels
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

interface Pages {
  add(raw: Uint8Array): { readonly start: number; readonly end: number }
}

/** Sorted by series, then time. */
export function writeExemplars(file: Pages, exemplars: readonly PackedExemplar[]): PageEntry {
  const sorted = exemplars.toSorted(
    (a, b) => compareLabels(a.labels, b.labels) || a.timestampMs - b.timestampMs,
  )
  return writeRows(
    file,
    sorted,
    metricOf,
    (writer, { labels, timestampMs, value, exemplarLabels }) => {
      writeLabels(writer, labels)
      writer.varint(timestampMs)
      writer.float64(value)
      writeLabels(writer, exemplarLabels)
    },
  )
}

export function readExemplars(page: Uint8Array): PackedExemplar[] {
  return readRows(page, (reader) => ({
    labels: readStrings(reader),
    timestampMs: reader.varint(),
    value: reader.float64(),
    exemplarLabels: readStrings(reader),
  }))
}

/** Sorted by metric. */
export function writeMetadata(file: Pages, metadata: readonly PackedMetadata[]): PageEntry {
  const sorted = metadata.toSorted((a, b) => compareUtf8(a.metric, b.metric))
  return writeRows(
    file,
    sorted,
    ({ metric }) => metric,
    (writer, { metric, type, help, unit }) => {
      for (const text of [metric, type, help, unit]) writer.string(text)
    },
  )
}

export function readMetadata(page: Uint8Array): PackedMetadata[] {
  return readRows(page, (reader) => ({
    metric: reader.string(),
    type: reader.string(),
    help: reader.string(),
    unit: reader.string(),
  }))
}

export function writeDeletions(file: Pages, deletions: readonly PackedDeletion[]): PageEntry {
  const sorted = deletions.toSorted((a, b) => compareLabels(a.labels, b.labels))
  return writeRows(file, sorted, metricOf, (writer, { labels, minTimeMs, maxTimeMs }) => {
    writeLabels(writer, labels)
    writer.varint(minTimeMs)
    writer.varint(maxTimeMs)
  })
}

export function readDeletions(page: Uint8Array): PackedDeletion[] {
  return readRows(page, (reader) => ({
    labels: readStrings(reader),
    minTimeMs: reader.varint(),
    maxTimeMs: reader.varint(),
  }))
}

/** At least one row. The entry says the least and the greatest name. */
function writeRows<T>(
  file: Pages,
  rows: readonly T[],
  nameOf: (row: T) => string,
  write: (writer: ByteWriter, row: T) => void,
): PageEntry {
  const writer = new ByteWriter(4096)
  writer.uvarint(rows.length)
  for (const row of rows) write(writer, row)
  const names = rows.map(nameOf)
  const first = names.reduce((a, b) => (compareUtf8(a, b) <= 0 ? a : b))
  const last = names.reduce((a, b) => (compareUtf8(a, b) >= 0 ? a : b))
  return { ...file.add(writer.bytes()), first, last }
}

function readRows<T>(page: Uint8Array, read: (reader: ByteReader) => T): T[] {
  const reader = new ByteReader(decompressPage(page))
  const rows: T[] = []
  for (let left = countWithin(reader); left > 0; left--) rows.push(read(reader))
  return rows
}

function metricOf({ labels }: { readonly labels: Labels }): string {
  return labelValue(labels, METRIC_NAME)
}

function writeLabels(writer: ByteWriter, labels: Labels): void {
  writer.uvarint(labels.length)
  for (const text of labels) writer.string(text)
}
