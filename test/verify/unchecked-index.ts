/** An index file with whatever is wrong with it: what real writers refuse to write, and bugs of theirs wrote once. */
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { INDEX_MAGIC, writeToc } from '#lib/tsdb/index/toc.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'

export interface UncheckedSeries {
  /** Name, value, name, value… in any order. */
  readonly labels: readonly string[]
  readonly chunks: readonly ChunkMeta[]
}

export interface UncheckedIndex {
  /** In the order in which they are written. */
  readonly series: readonly UncheckedSeries[]
  /** Sorted and complete, unless given. */
  readonly symbols?: readonly string[]
  /** In place of the ids that have the pair. */
  readonly postings?: (
    name: string,
    value: string,
    ids: readonly number[],
  ) => readonly number[] | undefined
}

export function uncheckedIndex({ series, symbols, postings }: UncheckedIndex): Uint8Array {
  const strings = symbols ?? [...new Set(['', ...series.flatMap(({ labels }) => labels)])].sort()
  const out = new ByteWriter(1024)
  out.uint32(INDEX_MAGIC)
  out.uint8(2)
  const symbolsAt = out.length
  const table = new ByteWriter()
  table.uint32(strings.length)
  for (const text of strings) table.string(text)
  section(out, table)
  const seriesAt = out.length
  const lists = new Map<string, number[]>([[JSON.stringify(['', '']), []]])
  for (const { labels, chunks } of series) {
    out.align(16)
    const id = out.length / 16
    lists.get(JSON.stringify(['', '']))!.push(id)
    for (let i = 0; i < labels.length; i += 2) {
      const pair = JSON.stringify([labels[i], labels[i + 1]])
      lists.set(pair, [...(lists.get(pair) ?? []), id])
    }
    writeEntry(
      out,
      labels.map((text) => strings.indexOf(text)),
      chunks,
    )
  }
  const postingsAt = out.length
  const offsets = new ByteWriter()
  const pairs = [...lists].sort(([a], [b]) => (a < b ? -1 : 1))
  const kept = pairs.flatMap(([key, ids]) => {
    const [name, value] = JSON.parse(key) as [string, string]
    const list = postings ? postings(name, value, ids) : ids
    return list ? [{ name, value, list }] : []
  })
  offsets.uint32(kept.length)
  for (const { name, value, list } of kept) {
    out.align(4)
    offsets.uvarint(2)
    offsets.string(name)
    offsets.string(value)
    offsets.uvarint(out.length)
    const body = new ByteWriter()
    body.uint32(list.length)
    for (const id of list) body.uint32(id)
    section(out, body)
  }
  const tableAt = out.length
  section(out, offsets)
  writeToc(out, {
    symbols: symbolsAt,
    series: seriesAt,
    labelIndices: postingsAt,
    labelIndicesTable: tableAt,
    postings: postingsAt,
    postingsTable: tableAt,
  })
  return out.bytes().slice()
}

function writeEntry(out: ByteWriter, refs: readonly number[], chunks: readonly ChunkMeta[]): void {
  const body = new ByteWriter()
  body.uvarint(refs.length / 2)
  for (const ref of refs) body.uvarint(ref)
  body.uvarint(chunks.length)
  let time = 0
  let ref = 0
  for (const [i, { minTimeMs, maxTimeMs, segment, offset }] of chunks.entries()) {
    const place = segment * 2 ** 32 + offset
    if (i === 0) body.varint(minTimeMs)
    else uvarintOfInt(body, minTimeMs - time)
    body.uvarint(maxTimeMs - minTimeMs)
    if (i === 0) body.uvarint(place)
    else body.varint(place - ref)
    time = maxTimeMs
    ref = place
  }
  out.uvarint(body.length)
  body.crc(0)
  out.append(body.bytes())
}

/** As Go's `PutUvarint(uint64(value))`. */
export function uvarintOfInt(out: ByteWriter, value: number): void {
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest >= 0x80n) {
    out.uint8(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  out.uint8(Number(rest))
}

function section(out: ByteWriter, body: ByteWriter): void {
  out.uint32(body.length)
  body.crc(0)
  out.append(body.bytes())
}
