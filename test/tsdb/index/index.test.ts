/** Index files: writer and reader, both versions, and the sections on their own. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareLabels, compareUtf8, type Labels, labelsFrom } from '#lib/model/labels.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { IndexReader } from '#lib/tsdb/index/index-reader.ts'
import { IndexWriter } from '#lib/tsdb/index/index-writer.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import { indexSections, parseToc } from '#lib/tsdb/index/toc.ts'
import { indexV1 } from './index-v1.ts'

const chunk = (minTimeMs: number, maxTimeMs: number, segment = 0, offset = 8): ChunkMeta => ({
  minTimeMs,
  maxTimeMs,
  segment,
  offset,
})

function indexOf(series: readonly (readonly [Labels, readonly ChunkMeta[]])[]): Uint8Array {
  const pieces: Uint8Array[] = []
  const writer = new IndexWriter((bytes) => void pieces.push(bytes))
  const symbols = new Set(['', ...series.flatMap(([labels]) => labels)])
  writer.addSymbols([...symbols].sort(compareUtf8))
  for (const [labels, chunks] of series) writer.addSeries(labels, chunks)
  const { size } = writer.finish()
  const bytes = new Uint8Array(Buffer.concat(pieces))
  expect(size).toBe(bytes.length)
  return bytes
}

const up = (labels: Record<string, string>): Labels => labelsFrom({ __name__: 'up', ...labels })

describe('an index', () => {
  it('gives back its series, names, values and postings', () => {
    const name = fc.constantFrom('a', 'b', 'ä', '😀', '\uffee', 'z'.repeat(200))
    const value = fc.oneof(name, fc.string({ minLength: 1 }))
    const labels = fc.dictionary(name, value).map(labelsFrom)
    fc.assert(
      fc.property(fc.uniqueArray(labels, { selector: (one) => one.join('\0') }), (all) => {
        const sorted = all.sort(compareLabels)
        const chunks = [chunk(-5, 10), chunk(11, 20, 0, 300), chunk(30, 30, 3, 8)]
        const index = new IndexReader(indexOf(sorted.map((one) => [one, chunks])))
        const read = [...index.allSeries()]
        expect(read.map((series) => series.labels)).toEqual(sorted)
        expect(
          read.every((series) => JSON.stringify(series.chunks) === JSON.stringify(chunks)),
        ).toBe(true)
        for (const labelName of index.labelNames()) {
          const values = index.labelValues(labelName)
          expect(values).toEqual([...new Set(values)].sort(compareUtf8))
          for (const one of values) {
            const ids = read.filter(({ labels: set }) =>
              pairs(set).includes(`${labelName}\0${one}`),
            )
            expect([...index.postings(labelName, one)]).toEqual(ids.map(({ id }) => id))
          }
        }
      }),
    )
  })

  it('without series is readable', () => {
    const index = new IndexReader(indexOf([]))
    expect([index.labelNames(), [...index.allPostings()], index.symbols.size]).toEqual([[], [], 1])
  })

  it('finds nothing where there is nothing', () => {
    const index = new IndexReader(indexOf([[up({ job: 'a' }), [chunk(1, 2)]]]))
    expect([...index.postings('job', 'b')]).toEqual([])
    expect([...index.postings('instance', 'a')]).toEqual([])
    expect(index.labelValues('instance')).toEqual([])
    expect(index.symbols.find('b')).toBe(-1)
    expect(index.symbols.lookup(index.symbols.find('job'))).toBe('job')
  })

  it('says which bytes a remote reader needs', () => {
    const bytes = indexOf([
      [up({ job: 'a' }), [chunk(1, 2)]],
      [up({ job: 'b' }), [chunk(1, 2)]],
    ])
    const toc = parseToc(bytes.subarray(-52), bytes.length)
    const { symbols, series, postings, postingsTable } = indexSections(toc, bytes.length)
    expect([symbols.start, symbols.end, series.end]).toEqual([5, toc.series, toc.postings])
    expect([postings.end, postingsTable.end]).toEqual([postingsTable.start, bytes.length - 52])
    const { offsets } = new IndexReader(bytes)
    const range = offsets.findRange('job', 'a', postings.end)!
    // Size, count, one id, checksum; the next list follows.
    expect(range.end - range.start).toBe(16)
    expect(offsets.findRange('job', 'b', postings.end)!.end).toBe(postings.end)
    expect([...offsets.entriesOf('job')].map(({ value }) => value)).toEqual(['a', 'b'])
    expect([...offsets.entries()].map(({ name }) => name)).toEqual(['', '__name__', 'job', 'job'])
  })

  it('rejects series that are not there', () => {
    const index = new IndexReader(indexOf([[up({}), [chunk(1, 2)]]]))
    expect(() => index.series(0)).toThrow('no series 0 at byte 0')
    expect(() => index.series(99_999)).toThrow('no series 99999 at byte 1599984')
  })
})

describe('IndexWriter', () => {
  const writer = (symbols: string[]): IndexWriter => {
    const made = new IndexWriter(() => undefined)
    made.addSymbols(symbols)
    return made
  }

  it('rejects symbols out of order', () => {
    expect(() => writer(['b', 'a'])).toThrow('symbol "a" is out of order')
    expect(() => writer(['a', 'a'])).toThrow('symbol "a" is out of order')
  })

  it('rejects series out of order, or twice', () => {
    const made = writer(['a', 'b'])
    made.addSeries(['a', 'b'], [])
    expect(() => made.addSeries(['a', 'a'], [])).toThrow('series ["a","a"] is out of order')
    expect(() => made.addSeries(['a', 'b'], [])).toThrow('series ["a","b"] is out of order')
  })

  it('rejects labels that are no symbols', () => {
    expect(() => writer(['a']).addSeries(['a', 'b'], [])).toThrow('no symbol "b"')
  })

  it('rejects overlapping chunks', () => {
    const chunks = [chunk(1, 10), chunk(10, 20, 0, 90)]
    expect(() => writer(['a', 'b']).addSeries(['a', 'b'], chunks)).toThrow(
      'chunk 10..20 of ["a","b"] is out of order',
    )
  })

  it('is used in the order symbols, series, end', () => {
    const none = new IndexWriter(() => undefined)
    expect(() => none.addSeries([], [])).toThrow('bug: index writer is at symbols, not at series')
    const made = writer([])
    made.finish()
    expect(() => made.finish()).toThrow('bug: index writer is at done, not at series')
  })
})

describe('an index of version 1', () => {
  const series: [Labels, ChunkMeta[]][] = [
    [up({ job: 'a', zone: 'x' }), [chunk(1000, 2000), chunk(2500, 3000, 1, 70)]],
    [up({ job: 'b', zone: 'x' }), [chunk(1000, 2000, 1, 99)]],
  ]

  it('is read: symbols by offset, unsorted postings table, series by plain offset', () => {
    const index = new IndexReader(indexV1(series))
    expect(index.version).toBe(1)
    expect(index.labelNames()).toEqual(['__name__', 'job', 'zone'])
    expect(index.labelValues('job')).toEqual(['a', 'b'])
    expect([...index.allSeries()].map(({ labels, chunks }) => [labels, chunks])).toEqual(series)
    expect(index.postings('zone', 'x').length).toBe(2)
    const [id] = index.postings('job', 'b')
    expect(index.series(id!).labels).toEqual(series[1]![0])
    expect(index.symbols.lookup(index.symbols.find('zone'))).toBe('zone')
  })
})

function pairs(labels: Labels): string[] {
  return labels.flatMap((text, i) => (i % 2 === 0 ? [`${text}\0${labels[i + 1]!}`] : []))
}

it('a table of contents whose sections are out of order is rejected', () => {
  const out = new ByteWriter()
  for (const offset of [5, 4, 4, 4, 4, 4]) out.uint64(offset)
  out.crc(0)
  expect(() => parseToc(out.bytes(), 500)).toThrow('sections out of order in 500 bytes at byte 0')
})
