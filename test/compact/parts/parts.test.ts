import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { compactBlocks } from '#lib/compact/compact-blocks.ts'
import type { Dedup } from '#lib/compact/jobs/job.ts'
import { cutBlocks, type CutOptions } from '#lib/compact/parts/cut-blocks.ts'
import { deleteCut, type FinishOutcome, finishParts } from '#lib/compact/parts/finish-parts.ts'
import { writePart } from '#lib/compact/parts/write-part.ts'
import { isKind } from '#lib/model/errors.ts'
import { lookupKey } from '#lib/store/lookup.ts'
import { testId } from '#test/store/sample-block.ts'
import { putBlocks, randomBlocks, readBlock } from './random-blocks.ts'

const ULID = testId(900)
const NOW_MS = Date.UTC(2026, 0, 2)
const now = (): number => NOW_MS

async function keysUnder(bucket: Bucket, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { objects } of bucket.list(prefix)) keys.push(...objects.map(({ key }) => key))
  return keys
}

/** Does what is missing, until there is a block or there will be none. */
async function driveToEnd(options: Omit<CutOptions, 'ulid'>): Promise<FinishOutcome> {
  const { bucket } = options
  const cut = await cutBlocks({ ...options, ulid: ULID })
  for (const part of cut.parts.keys()) await writePart({ bucket, ulid: ULID, part })
  return finishParts({ bucket, ulid: ULID, now })
}

const dedups: fc.Arbitrary<Dedup | undefined> = fc.constantFrom(
  undefined,
  undefined,
  { func: '', replicaLabels: ['replica'] } as const,
  { func: 'penalty', replicaLabels: ['replica'] } as const,
)

/** All of a block that does not depend on where its chunks are. */
async function contentOf(bucket: Bucket, id: string): Promise<unknown> {
  if (!(await keysUnder(bucket, id)).includes(`${id}/meta.json`)) return undefined
  const block = await readBlock(bucket, id)
  const { index, meta } = block
  const labelsById = new Map<number, string>()
  const series = [...index.allSeries()].map((one) => {
    labelsById.set(one.id, one.labels.join(' '))
    const chunks = one.chunks.map((chunk) => {
      const { encoding, data } = block.chunk(chunk)
      const bytes = Buffer.from(data).toString('hex')
      return [chunk.minTimeMs, chunk.maxTimeMs, encoding, bytes]
    })
    return { labels: one.labels, chunks }
  })
  const postings = index.labelNames().flatMap((name) =>
    index.labelValues(name).map((value) => {
      const ids = [...index.postings(name, value)]
      return [name, value, ids.map((one) => labelsById.get(one))]
    }),
  )
  const { files: _, segment_files: __, index_stats: stats, ...thanos } = meta.thanos!
  // What is written again is a source of its own.
  const sources = meta.compaction.sources.map((source) => (source === id ? 'itself' : source))
  const compaction = { ...meta.compaction, sources }
  const more = { compaction, thanos: { ...thanos, chunkMaxSize: stats?.chunk_max_size } }
  const rest = { ...meta, ...more }
  return { symbols: [...index.symbols], series, postings, meta: rest }
}

/** Numbers without a gap, as meta.json has them, and as large as it says. */
async function expectFiles(bucket: Bucket): Promise<void> {
  const { meta } = await readBlock(bucket, ULID)
  const sizes: Record<string, number | undefined> = {}
  for await (const { objects } of bucket.list(`${ULID}/`)) {
    for (const { key, size } of objects) sizes[key.slice(ULID.length + 1)] = size
  }
  const said = Object.fromEntries(
    meta.thanos!.files!.map((file) => [file.rel_path, file.size_bytes]),
  )
  expect(said).toEqual({ ...sizes, 'meta.json': undefined })
  const segments = Object.keys(sizes).filter((path) => path.startsWith('chunks/'))
  const names = segments.map((_, i) => String(i + 1).padStart(6, '0'))
  expect(segments.sort()).toEqual(names.map((name) => `chunks/${name}`))
  expect(meta.thanos!.segment_files).toEqual(names)
}

async function compactedWhole(
  bucket: Bucket,
  blocks: readonly BlockRecord[],
  dedup: Dedup | undefined,
): Promise<unknown> {
  const id = testId(901)
  await compactBlocks({ bucket, blocks, ulid: id, now, dedup })
  const content = (await contentOf(bucket, id)) as { meta: object } | undefined
  for (const key of [...(await keysUnder(bucket, id)), lookupKey(id)]) await bucket.delete(key)
  return content && { ...content, meta: { ...content.meta, ulid: ULID } }
}

describe('a block made in parts', () => {
  it('is the block that is made at once, however it is cut, in whatever order, and wherever who makes it is killed', async () => {
    const step = fc.record({
      what: fc.nat({ max: 9 }),
      parts: fc.integer({ min: 1, max: 6 }),
      killAt: fc.integer({ min: 1, max: 25 }),
      answerIsLost: fc.boolean(),
    })
    let killed = 0
    await fc.assert(
      fc.asyncProperty(
        randomBlocks,
        dedups,
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(400, 3000, undefined),
        fc.array(step, { maxLength: 12 }),
        async (description, dedup, parts, segmentSize, steps) => {
          const inner = memoryBucket()
          const blocks = await putBlocks(inner, description, dedup !== undefined)
          const expected = await compactedWhole(inner, blocks, dedup)
          const before = await keysUnder(inner, '')
          for (const { what, parts: other, killAt, answerIsLost } of steps) {
            const { bucket, hits } = faultyBucket(
              inner,
              ...(answerIsLost
                ? [
                    {
                      from: killAt,
                      times: 1,
                      fault: { type: 'lose-answer', error: unavailableError() },
                    } as const,
                  ]
                : []),
              {
                from: killAt + Number(answerIsLost),
                fault: { type: 'fail', error: unavailableError() },
              },
            )
            try {
              if (what === 0) {
                const asked = { parts: other, segmentSize, dedup }
                await cutBlocks({ bucket, blocks, ulid: ULID, ...asked })
              } else if (what > 7) await finishParts({ bucket, ulid: ULID, now })
              else await writePart({ bucket, ulid: ULID, part: what - 1 })
            } catch (error) {
              if (!isKind(error, 'unavailable') && !isKind(error, 'invalid')) throw error
              killed += Number(hits.length > 0)
            }
          }
          const outcome = await driveToEnd({ bucket: inner, blocks, parts, segmentSize, dedup })
          expect(outcome.status).toBe('done')
          const content = await contentOf(inner, ULID)
          expect(content).toEqual(expected)
          if (content) await expectFiles(inner)
          await deleteCut(inner, ULID)
          const made = (await keysUnder(inner, '')).filter((key) => !before.includes(key))
          const beside = made.filter((key) => !content || !key.startsWith(`${ULID}/`))
          expect(beside).toEqual(content ? [lookupKey(ULID)] : [])
        },
      ),
      { numRuns: 80 },
    )
    // 43 on average, with a deviation of 7.
    expect(killed).toBeGreaterThan(10)
  }, 120_000)

  it('is made too where somebody took away what its index begins with', async () => {
    const bucket = memoryBucket()
    const series = [0, 1, 2, 3].map((number) => {
      return { number, isHistogram: number === 2, startMs: 0, count: 9, seed: number }
    })
    const blocks = await putBlocks(bucket, [
      { startMs: 0, series, deleted: [] },
      { startMs: 4000, series, deleted: [] },
    ])
    await cutBlocks({ bucket, blocks, ulid: ULID, parts: 2 })
    for (const part of [0, 1]) await writePart({ bucket, ulid: ULID, part })
    await bucket.delete(`thaw/compact/${ULID}/head`)
    expect((await finishParts({ bucket, ulid: ULID, now })).status).toBe('done')
    const made = await contentOf(bucket, ULID)
    expect(made).toEqual(await compactedWhole(bucket, blocks, undefined))
  })

  it('has the very bytes of the block that is made at once, where it is one part', async () => {
    await fc.assert(
      fc.asyncProperty(randomBlocks, dedups, async (description, dedup) => {
        const [inParts, atOnce] = [memoryBucket(), memoryBucket()]
        const blocks = await putBlocks(inParts, description, dedup !== undefined)
        await putBlocks(atOnce, description, dedup !== undefined)
        await driveToEnd({ bucket: inParts, blocks, parts: 1, dedup })
        await deleteCut(inParts, ULID)
        await compactBlocks({ bucket: atOnce, blocks, ulid: ULID, now, dedup })
        const keys = await keysUnder(atOnce, '')
        expect(await keysUnder(inParts, '')).toEqual(keys)
        for (const key of keys) {
          expect([key, (await inParts.get(key)).body]).toEqual([key, (await atOnce.get(key)).body])
        }
      }),
      { numRuns: 25 },
    )
  }, 60_000)
})
