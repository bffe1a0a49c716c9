/** Writes an index of version 1, which no program writes any more: after the format's description, for tests only. */
import type { Labels } from '#lib/model/labels.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { ChunkPlaces } from '#lib/tsdb/index/chunk-places.ts'
import { type ChunkMeta, writeSeries } from '#lib/tsdb/index/series.ts'

export function indexV1(series: readonly (readonly [Labels, readonly ChunkMeta[]])[]): Uint8Array {
  const out = new ByteWriter()
  out.uint32(0xbaaad700)
  out.uint8(1)
  const symbols = out.length
  const refs = new Map<string, number>()
  section(out, () => {
    const all = [...new Set(series.flatMap(([labels]) => labels))].sort()
    out.uint32(all.length)
    for (const symbol of all) {
      refs.set(symbol, out.length)
      out.string(symbol)
    }
  })
  const seriesStart = out.length
  const ids: number[] = []
  for (const [labels, chunks] of series) {
    ids.push(out.length)
    writeSeries(
      out,
      labels.map((symbol) => refs.get(symbol)!),
      ChunkPlaces.from(chunks),
      new ByteWriter(),
    )
  }
  const postings = out.length
  const table: [string, string, number][] = []
  const list = (name: string, value: string, members: readonly number[]): void => {
    out.align(4)
    table.push([name, value, out.length])
    section(out, () => {
      out.uint32(members.length)
      for (const id of members) out.uint32(id)
    })
  }
  for (const [i, [labels]] of series.entries()) {
    for (let l = labels.length - 2; l >= 0; l -= 2) {
      const [name, value] = [labels[l]!, labels[l + 1]!]
      if (table.some(([n, v]) => n === name && v === value)) continue
      const has = (other: Labels): boolean =>
        other.some((text, at) => at % 2 === 0 && text === name && other[at + 1] === value)
      list(
        name,
        value,
        ids.filter((_, j) => j >= i && has(series[j]![0])),
      )
    }
  }
  list('', '', ids)
  const postingsTable = out.length
  section(out, () => {
    out.uint32(table.length)
    for (const [name, value, offset] of table) {
      out.uvarint(2)
      out.string(name)
      out.string(value)
      out.uvarint(offset)
    }
  })
  const toc = out.length
  for (const at of [symbols, seriesStart, 0, 0, postings, postingsTable]) out.uint64(at)
  out.crc(toc)
  return out.bytes()
}

function section(out: ByteWriter, write: () => void): void {
  const at = out.length
  out.uint32(0)
  write()
  out.patchUint32(at, out.length - at - 4)
  out.crc(at + 4)
}
