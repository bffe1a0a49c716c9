// What this thaw does with each kind of object that a newer one has written: while functions are updated one after the other, and after a
// rollback, it meets them. It says so, or does without; it never takes one for what it is not. docs/updating.md has the table.
import { gunzipSync, gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { freshPacks } from '#agent/fresh/fresh-packs.ts'
import { decodeTokens, encodeTokens, TOKENS_KEY } from '#lib/auth/token-list.ts'
import { TokenReader } from '#lib/auth/token-reader.ts'
import {
  BUCKET_INDEX_ROOT,
  BucketIndexReader,
  updateBucketIndex,
} from '#lib/blocks/bucket-index.ts'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { formatJob, type Job, parseJob } from '#lib/compact/jobs/job.ts'
import { LEASE_PREFIX, liveLeases, takeLease } from '#lib/compact/jobs/lease.ts'
import { runJob } from '#lib/compact/jobs/run-job.ts'
import { cutBlocks } from '#lib/compact/parts/cut-blocks.ts'
import { cutKey } from '#lib/compact/parts/cut.ts'
import { finishParts } from '#lib/compact/parts/finish-parts.ts'
import { encodeSummary, readSummary } from '#lib/compact/parts/part-file.ts'
import { readCuts } from '#lib/compact/parts/read-cuts.ts'
import { writePart } from '#lib/compact/parts/write-part.ts'
import { BACKLOG_KEY, readBacklog } from '#lib/compact/plan/backlog.ts'
import { freshKey, parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { compressPage, decompressPage, FOOTER_BYTES } from '#lib/fresh/pack-format.ts'
import { NewerFormatError } from '#lib/model/errors.ts'
import { answerEvent } from '#lib/query/answer-event.ts'
import { decodeAnswer, decodeFindings, encodeFindings, FRAME } from '#lib/query/frame.ts'
import { LABEL_SLICE_VERSION, type LabelEvent } from '#lib/query/label-slice.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import { SLICE_VERSION, type SliceEvent } from '#lib/query/slice.ts'
import { keepPacksFew } from '#lib/rules/results/few-packs.ts'
import { RULE_STATE_KEY, readRulerState } from '#lib/rules/tick/state-object.ts'
import { loadLookup } from '#lib/store/load-lookup.ts'
import { lookupKey } from '#lib/store/lookup.ts'
import { packDirectory } from '#lib/store/pack-read.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { floatSeries } from '#test/fresh/pack-fixture.ts'
import { putPack } from '#test/store/put-pack.ts'
import { columns, labels, putBlock, testId } from '#test/store/sample-block.ts'

const NEWER = /was written by a newer thaw \(format \d+, this one knows \d+\): update the functions/
const HOUR_MS = 3_600_000
const MADE = testId(900)

let bucket: Bucket

/** Two blocks. */
beforeEach(async () => {
  bucket = memoryBucket()
  for (const i of [0, 1]) {
    const points = Array.from({ length: 20 }, (_, n): [number, number] => [i * 1000 + n, n])
    await putBlock(bucket, {
      id: testId(i + 1),
      minTimeMs: i * 1000,
      maxTimeMs: (i + 1) * 1000,
      series: [{ labels: labels({ __name__: 'up' }), samples: columns(points) }],
    })
  }
})

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const parse = (body: Uint8Array): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>

async function newer(key: string): Promise<void> {
  const { body } = await bucket.get(key)
  const isPacked = key.endsWith('.gz')
  const json = parse(isPacked ? gunzipSync(body) : body)
  const changed = text({ ...json, version: (json['version'] as number) + 1 })
  await bucket.put(key, isPacked ? gzipSync(changed) : changed)
}

async function keys(prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const { objects } of bucket.list(prefix)) found.push(...objects.map(({ key }) => key))
  return found
}

describe('the bucket index of a newer thaw', () => {
  const ids = [testId(1), testId(2)]

  beforeEach(async () => {
    await updateBucketIndex(bucket, { now: () => 1e6 })
    await newer(BUCKET_INDEX_ROOT)
  })

  it('is none to queries: they scan the bucket', async () => {
    const reader = new BucketIndexReader(bucket, { now: () => 1e6, maxAgeMs: 0 })
    expect((await reader.blocks(0, Infinity)).map(({ id }) => id)).toEqual(ids)
  })

  it('is made anew by the next plan', async () => {
    const update = await updateBucketIndex(bucket, { now: () => 2e6 })
    expect(update).toMatchObject({ blocks: 2, written: true })
    expect(parse(gunzipSync((await bucket.get(BUCKET_INDEX_ROOT)).body))['version']).toBe(1)
  })
})

describe('a lookup of a newer thaw', () => {
  it('is made anew from the index', async () => {
    const [block] = (await scanBlocks(bucket, new Map())).blocks
    const key = lookupKey(block!.id)
    await loadLookup(bucket, block!, new StoreCache(1e6))
    const { body } = await bucket.get(key)
    const changed = body.slice()
    changed[4]!++
    await bucket.put(key, changed)
    const lookup = await loadLookup(bucket, block!, new StoreCache(1e6))
    expect(lookup.indexVersion).toBe(2)
    expect((await bucket.get(key)).body).toEqual(body)
  })
})

describe('a slice between two thaws', () => {
  const runner = { bucket: memoryBucket(), cache: new StoreCache(1e6), now: () => 0 }

  async function answered(event: SliceEvent | LabelEvent): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = []
    for await (const frame of answerEvent(runner, event, () => [])) frames.push(frame)
    return frames
  }

  it('that is a newer one’s is refused in a frame', async () => {
    const common = { deadlineMs: 1000, blocks: [], packs: {} }
    const query = { ...common, version: SLICE_VERSION + 1 } as unknown as SliceEvent
    await expect(decodeAnswer(await answered(query), none)).rejects.toThrow(NEWER)
    const labelled = { ...common, kind: 'labels', version: LABEL_SLICE_VERSION + 1 }
    const frames = await answered(labelled as unknown as LabelEvent)
    await expect(decodeFindings(frames)).rejects.toThrow(NEWER)
  })

  it('is refused where the answer is a newer one’s', async () => {
    const head = { version: 2, grid: { startMs: 0, endMs: 0, stepMs: 1 }, type: 'vector' }
    await expect(decodeAnswer([frame(FRAME.head, head)], none)).rejects.toThrow(NEWER)
    const findings = { version: 2, findings: {}, cost: {} }
    await expect(decodeFindings([frame(FRAME.findings, findings)])).rejects.toThrow(NEWER)
  })

  it('is read where the answer says no version, as before there was one', async () => {
    const answer = { findings: { names: ['up'] }, cost: {} } as never
    expect(await decodeFindings([frame(FRAME.findings, answer)])).toEqual(answer)
    expect(await decodeFindings([encodeFindings(answer)])).toEqual(answer)
  })

  it('in the cache of results is no result', async () => {
    const head = { version: 2, grid: { startMs: 0, endMs: 0, stepMs: 1 }, type: 'vector' }
    const end = { annotations: { warnings: [], infos: [] }, warnings: [], stats: {}, cost: {} }
    await bucket.put(
      'thaw/results/a/b',
      Buffer.concat([frame(FRAME.head, head), frame(FRAME.end, end)]),
    )
    const cache = new ResultsCache({
      maxBytes: 1e6,
      maxFreshnessMs: 0,
      inBucket: true,
      random: () => 0,
    })
    expect(await cache.fetch(bucket, 'a/b')).toBeUndefined()
  })
})

const none = (): Promise<never> => Promise.reject(new Error('nothing is spilled'))

function frame(kind: number, value: unknown): Uint8Array {
  const payload = text(value)
  const bytes = new Uint8Array(5 + payload.length)
  new DataView(bytes.buffer).setUint32(0, payload.length + 1)
  bytes[4] = kind
  bytes.set(payload, 5)
  return bytes
}

describe('tokens of a newer thaw', () => {
  it('let nobody in by guessing', async () => {
    await bucket.put(TOKENS_KEY, encodeTokens([]))
    await newer(TOKENS_KEY)
    const { body } = await bucket.get(TOKENS_KEY)
    expect(() => decodeTokens(body)).toThrow(NEWER)
    const reader = new TokenReader({ bucket, now: () => 0, warn: () => {} })
    await expect(reader.verify('Bearer thaw_x')).rejects.toThrow(NewerFormatError)
  })
})

describe('the state of a newer ruler', () => {
  it('is neither read nor put aside', async () => {
    await bucket.put(RULE_STATE_KEY, gzipSync(text({ version: 2 })))
    await expect(readRulerState(bucket)).rejects.toThrow(NEWER)
    expect(await keys('thaw/rule/')).toEqual([RULE_STATE_KEY])
  })
})

describe('the backlog of a newer plan', () => {
  it('is empty: what is planned is sent again', async () => {
    await bucket.put(BACKLOG_KEY, gzipSync(text({ version: 2, jobs: [{ key: 'a' }] })))
    expect(await readBacklog(bucket)).toMatchObject({ jobs: [] })
  })
})

describe('a job of a newer plan', () => {
  it('is refused, and comes again with the queue', () => {
    const job: Job = { type: 'delete', ids: [testId(1)] }
    expect(parseJob(JSON.stringify(job))).toEqual(job)
    expect(parseJob(formatJob(job))).toEqual(job)
    const later = JSON.stringify({ ...job, version: 2 })
    expect(() => parseJob(later)).toThrow(NEWER)
    expect(() => parseJob('{"type":"fold"}')).toThrow('a newer thaw sent it, update the functions')
  })
})

describe('a lease of a newer worker', () => {
  const take = () =>
    takeLease(bucket, 'job', { owner: 'a', now: () => 1000, newUlid: () => MADE, ttlMs: 60_000 })
  const lease = (untilMs: number): Promise<unknown> =>
    bucket.put(
      `${LEASE_PREFIX}job`,
      text({ version: 2, writer: 2, owner: 'b', ulid: testId(7), untilMs, more: {} }),
    )

  it('is held like any other', async () => {
    await lease(61_000)
    expect(await take()).toEqual({ heldBy: 'b', untilMs: 61_000 })
    expect([...(await liveLeases(bucket, 1000)).keys()]).toEqual(['job'])
  })

  it('is taken over when it ran out, for a block of another name', async () => {
    await lease(-20_000)
    const taken = await take()
    expect(taken).toMatchObject({ ulid: MADE })
    if ('release' in taken) await taken.release()
  })
})

describe('a block in parts that a newer thaw began', () => {
  beforeEach(async () => {
    const { blocks } = await scanBlocks(bucket, new Map())
    await cutBlocks({ bucket, blocks, ulid: MADE, parts: 1 })
  })

  it('is left to it: neither gone on with, nor deleted as if it were broken', async () => {
    await newer(cutKey(MADE))
    expect(await readCuts(bucket, Date.now() + 10 * HOUR_MS)).toEqual([])
    await expect(writePart({ bucket, ulid: MADE, part: 0 })).rejects.toThrow(NEWER)
    await expect(finishParts({ bucket, ulid: MADE, now: () => 0 })).rejects.toThrow(NEWER)
    const job: Job = { type: 'part', ulid: MADE, part: 0 }
    await expect(run(job)).rejects.toThrow(NEWER)
    expect(await keys(testId(1))).not.toContain(`${testId(1)}/no-compact-mark.json`)
  })

  it('keeps its parts', async () => {
    await writePart({ bucket, ulid: MADE, part: 0 })
    const summary = await readSummary(bucket, MADE, 0)
    const key = `thaw/compact/${MADE}/part-0001`
    await bucket.put(key, encodeSummary({ ...summary, version: 2 as never }))
    await expect(writePart({ bucket, ulid: MADE, part: 0 })).rejects.toThrow(
      `${key} was written by`,
    )
    await expect(finishParts({ bucket, ulid: MADE, now: () => 0 })).rejects.toThrow(NEWER)
    expect(await keys(key)).toEqual([key])
  })
})

function run(job: Job): ReturnType<typeof runJob> {
  const facts = { now: () => 0, newUlid: () => testId(901), owner: 'worker', deleteDelayMs: 0 }
  return runJob(job, { bucket, ...facts })
}

describe('a fresh block of a newer agent', () => {
  let key: string

  beforeEach(async () => {
    const series = [floatSeries({ __name__: 'up' }, [[1000, 1]])]
    const ours = await putPack(bucket, { from: 0, to: 1 }, { series })
    const { bytes, directoryBytes } = newerPack((await bucket.get(ours)).body)
    await bucket.delete(ours)
    key = freshKey({ ...parseFreshKey(ours)!, directoryBytes })
    await bucket.put(key, bytes)
  })

  it('is an error that names it, or a warning where half an answer will do', async () => {
    const reader = new BucketIndexReader(bucket, { now: () => 1e6, maxAgeMs: 0 })
    const block = (await reader.blocks(0, Infinity)).find(({ pack }) => pack !== undefined)!
    const reading = packDirectory({ bucket, cache: new StoreCache(1e6), block })
    await expect(reading).rejects.toThrow(`${key} was written by a newer thaw`)
    await expect(reading).rejects.toMatchObject({ kind: 'unsupported' })
  })

  it('is not set aside by a job that would make a block of it', async () => {
    const job: Job = { type: 'merge-packs', packs: [key], startMs: 0, endMs: HOUR_MS }
    await expect(run(job)).rejects.toThrow(`${key} was written by a newer thaw`)
    expect(await keys('thaw/fresh/-')).toEqual([])
  })

  it('is left alone by the ruler, and says nothing to an agent', async () => {
    const next = await putPack(
      bucket,
      { from: 1, to: 2 },
      { series: [floatSeries({ __name__: 'up' }, [[2000, 1]])] },
    )
    const last = await putPack(bucket, { from: 0, to: 1, epoch: 'f' }, {})
    const known = [key, next, last].map((name) => ({ key: name, size: 100 }))
    const kept = await keepPacksFew(known, { bucket, nowMs: 1e6 })
    expect(kept).toEqual([{ key: last, size: 100 }])
    expect(await keys(key)).toEqual([key])
    const packs = freshPacks(bucket, labels({}))
    const pack = { ...parseFreshKey(key)!, key, size: 100, lastModifiedMs: 0 }
    expect(await packs.note(pack, AbortSignal.timeout(1000))).toBeUndefined()
  })
})

/** The same pack, with a directory that says the next version. */
function newerPack(pack: Uint8Array): { bytes: Uint8Array; directoryBytes: number } {
  const footer = pack.subarray(pack.length - FOOTER_BYTES)
  const size = new DataView(footer.buffer, footer.byteOffset).getUint32(0)
  const start = pack.length - FOOTER_BYTES - size
  const json = parse(decompressPage(pack.subarray(start, start + size)))
  const directory = compressPage(text({ ...json, version: (json['version'] as number) + 1 }))
  const end = new Uint8Array(footer)
  new DataView(end.buffer).setUint32(0, directory.length)
  const bytes = Buffer.concat([pack.subarray(0, start), directory, end])
  return { bytes, directoryBytes: directory.length + FOOTER_BYTES }
}
