import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import type { ChunkMeta } from '#lib/tsdb/index/series.ts'
import { readLookupParts } from '#lib/store/load-lookup.ts'
import { encodeLookup, lookupKey } from '#lib/store/lookup.ts'
import { ALL_ISSUES, type Issue } from '#lib/verify/problem.ts'
import { verifyBlock } from '#lib/verify/verify-block.ts'
import { readBlock } from '#test/rewrite/block-contents.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { uncheckedIndex, type UncheckedIndex } from './unchecked-index.ts'

const ID = testId(1)
const HOUR_MS = 3_600_000

let bucket: Bucket

const SERIES = ['a', 'b'].flatMap((host) =>
  ['cpu', 'mem'].map((name) => ({
    labels: labels({ __name__: name, host }),
    samples: every(15_000, 0, HOUR_MS, (t) => Math.sin(t)),
  })),
)

async function makeBlock(): Promise<Bucket> {
  const made = memoryBucket()
  await putBlock(made, { id: ID, minTimeMs: 0, maxTimeMs: HOUR_MS, series: SERIES })
  return made
}

beforeEach(async () => {
  bucket = await makeBlock()
})

async function problemsOf(issues: readonly Issue[] = ALL_ISSUES): Promise<string[]> {
  const { report } = await verifyBlock({ bucket, id: ID, issues: new Set(issues) })
  return report.problems.map(
    ({ issue, message, count, examples }) => `${issue}: ${count} × ${message} (${examples[0]})`,
  )
}

async function change(file: string, edit: (body: Uint8Array) => Uint8Array): Promise<void> {
  const { body } = await bucket.get(`${ID}/${file}`)
  await bucket.put(`${ID}/${file}`, edit(Uint8Array.from(body)))
}

const changeText = (file: string, edit: (text: string) => string): Promise<void> =>
  change(file, (body) => new TextEncoder().encode(edit(new TextDecoder().decode(body))))

/** Puts an index of the same chunks that is otherwise. */
async function putIndex(
  edit: (series: UncheckedIndex['series']) => Partial<UncheckedIndex>,
): Promise<void> {
  const block = await readBlock(bucket, ID)
  const series = [...block.index.allSeries()].map((one) => ({
    labels: one.labels,
    chunks: one.chunks,
  }))
  await bucket.put(`${ID}/index`, uncheckedIndex({ series, ...edit(series) }))
}

describe('a good block', () => {
  it('has no problems, and everything of it was read', async () => {
    const seen: number[] = []
    const { report } = await verifyBlock({
      bucket,
      id: ID,
      issues: new Set(ALL_ISSUES),
      onSeries: (count) => seen.push(count),
    })
    expect(report).toEqual({ id: ID, problems: [], series: 4, chunks: 8, samples: 960 })
  })

  it('is read whole once', async () => {
    const read = new Map<string, number>()
    const inner = bucket
    bucket = {
      ...inner,
      async getRange(key, ...rest) {
        const bytes = await inner.getRange(key, ...rest)
        read.set(key, (read.get(key) ?? 0) + bytes.length)
        return bytes
      },
    }
    await problemsOf()
    const size = async (file: string) => (await inner.head(`${ID}/${file}`)).size
    expect(read.get(`${ID}/chunks/000001`)).toBe(await size('chunks/000001'))
    expect(read.get(`${ID}/index`)).toBeLessThanOrEqual(await size('index'))
  })

  it('is not read below meta.json for issues of marks alone', async () => {
    const inner = bucket
    bucket = { ...inner, getRange: () => Promise.reject(new Error('reads')) }
    expect(await problemsOf(['marks', 'files'])).toEqual([])
  })
})

describe('a flipped bit', () => {
  let index: Uint8Array
  let chunks: Uint8Array
  let padding: ReadonlySet<number>

  beforeAll(async () => {
    bucket = await makeBlock()
    index = (await bucket.get(`${ID}/index`)).body
    chunks = (await bucket.get(`${ID}/chunks/000001`)).body
    const { sections, offsets, bytes } = (await readBlock(bucket, ID)).index
    // Bytes before a postings list that only align it.
    padding = new Set(
      [...offsets.entries()].flatMap(({ offset }) => {
        const before: number[] = []
        for (let at = offset - 1; at >= sections.postings.start && offset - at < 4; at--) {
          if (bytes[at] === 0) before.push(at)
          else break
        }
        return before
      }),
    )
  })

  it('of any byte of the index is found', async () => {
    const missed: number[] = []
    for (let at = 0; at < index.length; at++) {
      await bucket.put(`${ID}/index`, flipped(index, at))
      if ((await problemsOf()).length === 0) missed.push(at)
    }
    // Byte 4 is the version: 3 is read as 2 is.
    expect(missed.filter((at) => !padding.has(at))).toEqual([4])
  })

  it('of any byte of the chunks is found', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(chunks.length - 1), fc.nat(7), async (at, bit) => {
        await bucket.put(`${ID}/chunks/000001`, flipped(chunks, at, bit))
        // Three bytes of the header mean nothing.
        expect((await problemsOf()).length > 0).toBe(at < 5 || at > 7)
      }),
      { numRuns: 300 },
    )
  })

  it('in a chunk leaves the others readable', async () => {
    await bucket.put(`${ID}/chunks/000001`, flipped(chunks, 100))
    expect(await problemsOf()).toEqual([
      `chunks: 1 × a chunk cannot be read (${ID}/chunks/000001 at byte 8: checksum of the chunk differs)`,
    ])
  })
})

function flipped(bytes: Uint8Array, at: number, bit = 0): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at]! ^= 1 << bit
  return copy
}

describe('a file that is cut off', () => {
  it.each(['index', 'chunks/000001', 'meta.json'])('is found: %s', async (file) => {
    const { body } = await bucket.get(`${ID}/${file}`)
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length - 1), async (length) => {
        await bucket.put(`${ID}/${file}`, body.slice(0, length))
        expect(await problemsOf()).not.toEqual([])
      }),
      { numRuns: 100 },
    )
  })
})

describe('files', () => {
  it('that are missing are found', async () => {
    await bucket.delete(`${ID}/chunks/000001`)
    await changeText('meta.json', (text) =>
      text.replace('"source"', '"segment_files": ["000001"], "source"'),
    )
    expect(await problemsOf()).toEqual([
      `files: 1 × a segment is missing (${ID}/chunks/000001)`,
      `chunks: 8 × the index names chunks of a segment that is not there (${ID}/chunks/000001)`,
    ])
    await bucket.delete(`${ID}/index`)
    expect(await problemsOf(['files'])).toContain(`files: 1 × there is no index (${ID}/index)`)
    await bucket.delete(`${ID}/meta.json`)
    expect(await problemsOf(['meta'])).toEqual([
      `meta: 1 × there is no meta.json: an upload broke off, or is going on (${ID}/meta.json)`,
    ])
  })

  it('that meta.json has otherwise are found', async () => {
    const files = [
      { rel_path: 'index', size_bytes: 5 },
      { rel_path: 'chunks/000001' },
      { rel_path: 'other' },
      { rel_path: 'meta.json' },
    ]
    const { meta } = await readBlock(bucket, ID)
    const text = formatBlockMeta({ ...meta, thanos: { ...meta.thanos!, files } })
    await changeText('meta.json', () => text)
    await bucket.put(`${ID}/chunks/000002`, new Uint8Array([0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0]))
    await bucket.put(`${ID}/debug.txt`, new Uint8Array(1))
    const { size } = await bucket.head(`${ID}/index`)
    expect(await problemsOf()).toEqual([
      `files: 1 × an object that is no part of a block (${ID}/debug.txt)`,
      `files: 1 × a file is not as long as meta.json says (${ID}/index has ${size} bytes, not 5)`,
      `files: 1 × meta.json lists a file that is not there (${ID}/other)`,
      `files: 1 × meta.json does not list a file (${ID}/chunks/000002)`,
    ])
  })
})

describe('meta.json', () => {
  it.each([
    ['"numSamples": 960', '"numSamples": 961', `${ID}: numSamples is 961, not 960`],
    ['"numSeries": 4', '"numSeries": 3', `${ID}: numSeries is 3, not 4`],
    ['"numChunks": 8', '"numChunks": 9', `${ID}: numChunks is 9, not 8`],
    ['"numFloatSamples": 960', '"numFloatSamples": 1', `${ID}: numFloatSamples is 1, not 960`],
  ])('with %s as %s', async (from, to, example) => {
    await changeText('meta.json', (text) => text.replace(from, to))
    expect(await problemsOf()).toEqual([`meta: 1 × meta.json counts otherwise (${example})`])
  })

  it.each([
    ['of another block', [ID, testId(2)], `meta.json is that of ${testId(2)}`],
    ['without times', ['"maxTime": 3600000', '"maxTime": 0'], 'a block ends before it begins'],
    ['that is no JSON', ['{', '['], 'meta.json is not JSON at byte 0'],
  ] as const)('%s', async (_, [from, to], message) => {
    await changeText('meta.json', (text) => text.replace(from, to))
    expect((await problemsOf(['meta']))[0]).toBe(`meta: 1 × ${message} (${ID}/meta.json)`)
  })
})

describe('marks', () => {
  it.each([
    ['deletion-mark.json', 'nothing', 'a mark is no JSON, so it is none'],
    ['no-compact-mark.json', '{"version": 2}', 'a mark is not of version 1'],
    ['no-downsample-mark.json', '{"version": 1, "id": "x"}', 'a mark is of another block'],
    ['tombstones', 'nothing', 'tombstones magic 6e6f7468 at byte 0'],
  ])('%s with %s', async (file, text, message) => {
    await bucket.put(`${ID}/${file}`, new TextEncoder().encode(text))
    expect(await problemsOf()).toEqual([`marks: 1 × ${message} (${ID}/${file})`])
  })
})

describe('the index', () => {
  const swapped = (chunks: readonly ChunkMeta[]) => chunks.toReversed()

  it('as it should be has no problems', async () => {
    await putIndex(() => ({}))
    expect(await problemsOf()).toEqual([])
  })

  it('with chunks out of order', async () => {
    await putIndex((all) => ({
      series: all.map((one, i) => (i === 1 ? { ...one, chunks: swapped(one.chunks) } : one)),
    }))
    expect(await problemsOf()).toEqual([
      'index_known_issues: 1 × chunks are out of order or overlap (cpu{host="b"} 0..1785000)',
    ])
  })

  it('with chunks that come twice', async () => {
    await putIndex((all) => ({
      series: all.map((one) => ({ ...one, chunks: one.chunks.flatMap((chunk) => [chunk, chunk]) })),
    }))
    expect((await problemsOf())[0]).toBe(
      'index_known_issues: 8 × chunks have the same times (cpu{host="a"} 0..1785000)',
    )
  })

  it.each([
    [2_000_000, 3_000_000, '4 × chunks are completely outside of the times of the block'],
    [1_800_000, 3_600_000, '4 × chunks are completely outside of the times of the block'],
    [0, 1_800_000, '4 × chunks begin where the block ends'],
    [0, 1_000_000, '4 × chunks are partly outside of the times of the block'],
  ])('with chunks outside of %i..%i', async (minTime, maxTime, expected) => {
    const { meta } = await readBlock(bucket, ID)
    await changeText('meta.json', () => formatBlockMeta({ ...meta, minTime, maxTime }))
    expect((await problemsOf()).join('\n')).toContain(`index_known_issues: ${expected}`)
  })

  it.each<[string, Parameters<typeof putIndex>[0], string]>([
    [
      'series out of order',
      (all) => ({ series: all.toReversed() }),
      'index: 3 × series are out of order (mem{host="a"})',
    ],
    [
      'labels out of order',
      (all) => ({
        series: all.map(({ labels: [a, b, c, d], chunks }) => ({
          labels: [c!, d!, a!, b!],
          chunks,
        })),
      }),
      'index_known_issues: 4 × labels of a series are out of order (cpu{host="a"})',
    ],
    [
      'symbols out of order',
      () => ({ symbols: ['', 'b', 'a', '__name__', 'cpu', 'host', 'mem'] }),
      `index: 2 × symbols are out of order (${ID}/index: "a")`,
    ],
    [
      'a series without chunks',
      (all) => ({ series: [{ ...all[0]!, chunks: [] }, ...all.slice(1)] }),
      'index: 1 × a series has no chunks (cpu{host="a"})',
    ],
    [
      'an empty label',
      (all) => ({ series: [{ ...all[0]!, labels: ['__name__', ''] }, ...all.slice(1)] }),
      'index: 1 × a label is empty ({})',
    ],
    [
      'a list that lacks a series',
      () => ({ postings: (_, value, ids) => (value === 'cpu' ? ids.slice(1) : ids) }),
      'postings: 1 × a list is not that of the series with the label (__name__="cpu")',
    ],
    [
      'a list that is missing',
      () => ({ postings: (_, value, ids) => (value === 'cpu' ? undefined : ids) }),
      `postings: 1 × labels of series have no postings (${ID}/index: 1 label pairs)`,
    ],
    [
      'a list out of order',
      () => ({ postings: (_, value, ids) => (value === 'a' ? ids.toReversed() : ids) }),
      'postings: 1 × a list is out of order (host="a")',
    ],
    [
      'all series that are not all',
      () => ({ postings: (name, _, ids) => (name === '' ? ids.slice(1) : ids) }),
      'postings: 1 × a list is not that of the series with the label (all series)',
    ],
  ])('with %s', async (_, edit, expected) => {
    await putIndex(edit)
    expect(await problemsOf()).toContain(expected)
  })

  it('with times that are not those of the chunks', async () => {
    await putIndex((all) => ({
      series: all.map((one, i) =>
        i === 0 ? { ...one, chunks: [{ ...one.chunks[0]!, minTimeMs: 1 }, one.chunks[1]!] } : one,
      ),
    }))
    expect(await problemsOf()).toEqual([
      `chunks: 1 × a chunk has other times than the index says (${ID}/chunks/000001 at byte 8 of cpu{host="a"} 1..1785000)`,
    ])
  })
})

describe('the lookup', () => {
  it('is that of the index, however it was packed', async () => {
    await bucket.put(lookupKey(ID), encodeLookup(await readLookupParts(bucket, `${ID}/index`)))
    expect(await problemsOf()).toEqual([])
  })

  it.each([
    ['of another index', true],
    ['that is broken', false],
  ])('%s is found', async (_, other) => {
    const lookup = encodeLookup(await readLookupParts(bucket, `${ID}/index`))
    await bucket.put(lookupKey(ID), other ? lookup : lookup.slice(0, -1))
    if (other) await putIndex((all) => ({ series: all.slice(1) }))
    expect((await problemsOf(['lookup']))[0]).toMatch(
      /^lookup: 1 × a lookup is not that of the index/,
    )
  })
})
