/** Broken bytes: every cut and every flipped bit is either noticed or harmless, and nothing hangs. */
import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { parseTombstones, writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { parseAggregateChunk, writeAggregateChunk } from '#lib/tsdb/chunk/aggregate.ts'
import { expectSegmentHeader, readChunk } from '#lib/tsdb/chunk/chunk-frame.ts'
import { decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { IndexReader } from '#lib/tsdb/index/index-reader.ts'
import { goldenBlock, goldenBlocks } from './golden.ts'

/** What reading gives, or 'rejected'. Any other error than ours goes through and fails the test. */
function outcome<T>(read: () => T): T | 'rejected' {
  try {
    return read()
  } catch (error) {
    if (error instanceof DomainError && /^(corrupt|unsupported)$/.test(error.kind))
      return 'rejected'
    throw error
  }
}

function* flips(bytes: Uint8Array): IterableIterator<Uint8Array> {
  const copy = bytes.slice()
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      copy[at] = bytes[at]! ^ (1 << bit)
      yield copy
    }
    copy[at] = bytes[at]!
  }
}

/** Cuts that are not rejected, and flips that give something else than the whole bytes do. */
function unnoticed(bytes: Uint8Array, read: (bytes: Uint8Array) => unknown): unknown[] {
  const whole = JSON.stringify(read(bytes))
  const found: unknown[] = []
  for (let size = 0; size < bytes.length; size++) {
    if (outcome(() => read(bytes.subarray(0, size))) !== 'rejected') found.push(`cut at ${size}`)
  }
  let rejected = 0
  for (const flipped of flips(bytes)) {
    const result = outcome(() => read(flipped))
    if (result === 'rejected') rejected++
    else if (JSON.stringify(result) !== whole) found.push(result)
  }
  if (rejected < bytes.length) found.push(`only ${rejected} flips rejected`)
  return found
}

function readIndex(bytes: Uint8Array): unknown {
  const index = new IndexReader(bytes)
  const postings: [string, string, number[]][] = []
  for (const name of index.labelNames()) {
    for (const value of index.labelValues(name)) {
      postings.push([name, value, [...index.postings(name, value)]])
    }
  }
  return { symbols: [...index.symbols], series: [...index.allSeries()], postings }
}

describe.each(['prometheus-2.42', 'prometheus-3.14'])('the files of %s', (producer) => {
  const golden = goldenBlock(producer)

  it('have an index of which each cut and flip is noticed', () => {
    expect(unnoticed(golden.files('index')!, readIndex)).toEqual([])
  })

  it('have chunks of which each cut and flip is noticed', () => {
    const metas = [...new BlockReader(golden.files).index.allSeries()].flatMap((one) => one.chunks)
    const readAll = (bytes: Uint8Array): unknown => {
      expectSegmentHeader(bytes)
      return metas.map(({ offset }) => {
        const { encoding, data } = readChunk(bytes, offset)
        return [encoding, ...data]
      })
    }
    expect(unnoticed(golden.files('chunks/000001')!, readAll)).toEqual([])
  })

  it('have a meta.json of which each cut is noticed and no flip gives anything but a meta', () => {
    const bytes = golden.files('meta.json')!
    for (let size = 0; size < bytes.length; size++) {
      expect(outcome(() => parseBlockMeta(bytes.subarray(0, size)))).toBe('rejected')
    }
    for (const flipped of flips(bytes)) {
      const result = outcome(() => parseBlockMeta(flipped))
      const meta = result === 'rejected' ? parseBlockMeta(bytes) : result
      expect([typeof meta.ulid, meta.version]).toEqual(['string', 1])
    }
  })
})

it('tombstones: each cut and flip is noticed', () => {
  const bytes = writeTombstones(
    new Map([
      [3, [{ minTimeMs: -5, maxTimeMs: 1_700_000_000_000 }]],
      [5, [{ minTimeMs: 0, maxTimeMs: 0 }]],
    ]),
  )
  expect(unnoticed(bytes, (some) => [...parseTombstones(some)])).toEqual([])
})

/** One chunk of each encoding and counter reset header, as small as there is. */
const chunks = new Map<string, { encoding: number; data: Uint8Array }>()
for (const golden of goldenBlocks()) {
  const reader = new BlockReader(golden.files)
  for (const series of reader.index.allSeries()) {
    for (const meta of series.chunks) {
      const { encoding, data } = reader.chunk(meta)
      const name = series.labels[1]!
      if (data.length < 700) chunks.set(`${encoding} (${name})`, { encoding, data: data.slice() })
    }
  }
}

describe.each([...chunks])(
  'a chunk of encoding %s without its checksum',
  (_, { encoding, data }) => {
    const builder = new ColumnBuilder()
    const read = (bytes: Uint8Array): number | 'rejected' =>
      outcome(() => {
        builder.reset()
        decodeChunk(encoding, bytes, builder)
        return builder.length
      })

    it('is rejected when it is cut, and then adds nothing', () => {
      const whole = read(data)
      for (let size = 0; size < data.length - 1; size++) {
        expect([size, read(data.subarray(0, size))]).toEqual([size, 'rejected'])
        expect(builder.length).toBe(0)
      }
      // The last byte may be the zero byte that some writers add.
      expect([whole, 'rejected']).toContain(read(data.subarray(0, data.length - 1)))
    })

    it('gives the samples it counts or is rejected when a bit is flipped', () => {
      for (const flipped of flips(data)) {
        const first = (flipped[0]! << 8) | flipped[1]!
        const count = encoding >= 5 ? first & 0x3fff : first
        expect([count, 'rejected']).toContain(read(flipped))
      }
    })
  },
)

it('an aggregate chunk cut anywhere but between its parts is rejected', () => {
  const inner = { encoding: 1, data: new Uint8Array([0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0]) }
  const data = writeAggregateChunk({ count: inner, sum: inner, counter: inner })
  expect(parseAggregateChunk(data)).toEqual({ count: inner, sum: inner, counter: inner })
  for (let size = 0; size < data.length; size++) {
    expect(outcome(() => parseAggregateChunk(data.subarray(0, size)))).toBe('rejected')
  }
})
