import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { backfillText, type TextSource } from '#lib/backfill/backfill-text.ts'
import type { BackfilledBlock, BackfillTarget } from '#lib/backfill/target.ts'
import { blockDurationMs } from '#lib/backfill/windows.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { ALL_ISSUES } from '#lib/verify/problem.ts'
import { verifyBlock } from '#lib/verify/verify-block.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'

const HOUR_MS = 3_600_000
const WINDOW_MS = 2 * HOUR_MS

let bucket: Bucket
let spilled: Bucket[]

beforeEach(() => {
  bucket = memoryBucket()
  spilled = []
})

function backfill(
  text: string,
  source: Partial<TextSource> = {},
  target: Partial<BackfillTarget> = {},
): Promise<readonly BackfilledBlock[]> {
  const bytes = new TextEncoder().encode(text)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
  }
  return backfillText(
    { name: 'text', pieces: pieces(), labels: [], durationMs: WINDOW_MS, ...source },
    {
      bucket,
      externalLabels: labelsFrom({ cluster: 'eu' }),
      parts() {
        const made = memoryBucket()
        spilled.push(made)
        return made
      },
      maxMemoryBytes: 1 << 28,
      now: () => 1_700_000_000_000,
      dryRun: false,
      ...target,
    },
  )
}

async function keys(): Promise<string[]> {
  const found: string[] = []
  for await (const { objects } of bucket.list('')) found.push(...objects.map(({ key }) => key))
  return found
}

const TEXT = `# TYPE a counter
a_total{x="1"} 1 1
a_total{x="1"} 2 7300
a_total{x="2"} 3 8000.5
# TYPE b gauge
b NaN 10
b -Inf 20
# EOF
`

describe('text', () => {
  it('becomes a block for each window, with the bounds of its samples', async () => {
    const blocks = await backfill(TEXT)
    expect(blocks).toEqual([
      {
        ulid: expect.stringMatching(/^0000[0-9A-Z]{22}$/),
        status: 'made',
        minTimeMs: 1000,
        maxTimeMs: 20_001,
        series: 2,
        samples: 3,
      },
      expect.objectContaining({ minTimeMs: 7_300_000, maxTimeMs: 8_000_501, samples: 2 }),
    ])
    const [first, second] = blocks
    expect(contentsOf(await readBlock(bucket, first!.ulid))).toEqual({
      '__name__ a_total x 1': ['1000 1'],
      '__name__ b': ['10000 NaN', '20000 -Infinity'],
    })
    const block = await readBlock(bucket, second!.ulid)
    expect(contentsOf(block)).toEqual({
      '__name__ a_total x 1': ['7300000 2'],
      '__name__ a_total x 2': ['8000500 3'],
    })
    expect(block.meta).toMatchObject({
      minTime: 7_300_000,
      maxTime: 8_000_501,
      stats: { numSeries: 2, numSamples: 2, numChunks: 2 },
      compaction: { level: 1, sources: [second!.ulid] },
      thanos: {
        labels: { cluster: 'eu' },
        source: 'bucket.backfill',
        downsample: { resolution: 0 },
        upload_time: '2023-11-14T22:13:20.000Z',
      },
    })
    expect(block.meta.compaction.parents).toBeUndefined()
    for (const { ulid } of blocks) {
      const { report } = await verifyBlock({ bucket, id: ulid, issues: new Set(ALL_ISSUES) })
      expect(report.problems).toEqual([])
    }
    expect(spilled).toEqual([])
  })

  it('is not backfilled twice, and goes on where a run was ended', async () => {
    const first = await backfill(TEXT)
    const all = await keys()
    const again = await backfill(TEXT)
    expect(again.map(({ status }) => status)).toEqual(['there', 'there'])
    expect(again.map(({ ulid }) => ulid)).toEqual(first.map(({ ulid }) => ulid))
    await bucket.delete(`${first[1]!.ulid}/meta.json`)
    expect((await backfill(TEXT)).map(({ status }) => status)).toEqual(['there', 'made'])
    expect(await keys()).toEqual(all)
    const other = await backfill(TEXT.replace('2 7300', '2 7301'))
    expect(other.map(({ ulid }) => ulid)).not.toContain(first[0]!.ulid)
  })

  it('of a dry run is read, and nothing is written', async () => {
    const planned = await backfill(TEXT, {}, { dryRun: true })
    expect(planned.map(({ status, samples }) => [status, samples])).toEqual([
      ['planned', 3],
      ['planned', 2],
    ])
    expect(await keys()).toEqual([])
  })

  it('gets labels', async () => {
    const labels = labelsFrom({ x: '9', team: 'one' })
    const [first] = await backfill(TEXT, { labels })
    expect(Object.keys(contentsOf(await readBlock(bucket, first!.ulid)))).toEqual([
      '__name__ a_total team one x 9',
      '__name__ b team one x 9',
    ])
  })

  it.each([
    ['a 1\n# EOF', 'text: line 1: a sample has no timestamp'],
    ['a 1 1\na x 1\n# EOF', 'text: line 2: "x" is no number'],
    ['a 1 1\n', 'text: line 2: the text does not end with # EOF'],
  ])('with a fault makes nothing: %j', async (text, message) => {
    await expect(backfill(text)).rejects.toThrow(message)
    expect(await keys()).toEqual([])
  })

  it('that is not UTF-8 makes nothing', async () => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode('a 1 1\n')
      yield Uint8Array.of(0xff, 0x0a)
    }
    await expect(backfill('', { pieces: pieces() })).rejects.toThrow(
      'text: behind line 1: the text is not UTF-8',
    )
    expect(await keys()).toEqual([])
  })

  it('in any order, in little memory, is what it is sorted', async () => {
    const sample = fc.record({ series: fc.nat(5), t: fc.nat(30_000), v: fc.nat(9) })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(sample, { selector: ({ series, t }) => `${series} ${t}`, minLength: 1 }),
        fc.constantFrom(1, 2000, 1 << 28),
        async (samples, maxMemoryBytes) => {
          bucket = memoryBucket()
          const lines = samples.map(({ series, t, v }) => `m{s="${series}"} ${v} ${t}`)
          const blocks = await backfill(`${lines.join('\n')}\n# EOF`, {}, { maxMemoryBytes })
          const found: Record<string, string[]> = {}
          for (const { ulid, minTimeMs, maxTimeMs } of blocks) {
            for (const [key, texts] of Object.entries(contentsOf(await readBlock(bucket, ulid)))) {
              const times = texts.map((text) => Number(text.split(' ')[0]))
              expect(times.every((t) => t >= minTimeMs && t < maxTimeMs)).toBe(true)
              found[key] = [...(found[key] ?? []), ...texts]
            }
          }
          const expected: Record<string, string[]> = {}
          for (const { series, t, v } of samples.toSorted((a, b) => a.t - b.t)) {
            const key = `__name__ m s ${series}`
            expected[key] = [...(expected[key] ?? []), `${t * 1000} ${v}`]
          }
          expect(found).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('larger than memory goes through parts', async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `m{s="${i % 50}"} ${i} ${i * 5}`)
    const blocks = await backfill(`${lines.join('\n')}\n# EOF`, {}, { maxMemoryBytes: 20_000 })
    expect(blocks.map(({ samples }) => samples)).toEqual([1440, 1440, 1440, 680])
    expect(spilled).toHaveLength(1)
    for await (const { objects } of spilled[0]!.list('')) expect(objects).toEqual([])
  })
})

it.each([
  [0, 2],
  [2, 2],
  [5.9, 2],
  [6, 6],
  [24, 18],
  [1e6, 2 * 3 ** 9],
])('blocks of at most %d hours have %d', (most, hours) => {
  expect(blockDurationMs(most * HOUR_MS)).toBe(hours * HOUR_MS)
})
