// A bucket as a StoreAPI: blocks, and the same as fresh packs.
import { beforeAll, describe, expect, it } from 'vitest'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { freshKey } from '#lib/fresh/fresh-key.ts'
import { writePack } from '#lib/fresh/pack-writer.ts'
import { compareLabels } from '#lib/model/labels.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { columns, labels, putBlock, testId } from '../store/sample-block.ts'
import { ACCEPTANCE_SERIES, EXTERNAL_LABELS, START_MS, storeApiAcceptance } from './acceptance.ts'
import { testStore, type TestStore } from './fixture.ts'

const SERIES = ACCEPTANCE_SERIES.map(({ labels: own, timesMs }) => ({
  labels: labels(own),
  samples: columns(timesMs.map((t) => [t, t])),
})).sort((a, b) => compareLabels(a.labels, b.labels))

async function putBlocks(bucket: Bucket): Promise<void> {
  for (const [i, externalLabels] of EXTERNAL_LABELS.entries()) {
    await putBlock(bucket, {
      id: testId(i),
      minTimeMs: START_MS,
      maxTimeMs: START_MS + 2 * 3_600_000,
      externalLabels,
      series: SERIES,
    })
  }
}

/** All of it, or the samples before a time and those from it on, apart. */
async function putPacks(bucket: Bucket, cutsMs: readonly number[]): Promise<void> {
  const bounds = [-Infinity, ...cutsMs, Infinity]
  for (const external of EXTERNAL_LABELS) {
    for (const [i, cutMs] of bounds.slice(1).entries()) {
      const series = SERIES.flatMap(({ labels, samples }) => {
        const own = [...samples.timestamps].filter((t) => t >= bounds[i]! && t < cutMs)
        const chunks = encodeChunks(columns(own.map((t) => [t, t])))
        return chunks.length > 0 ? [{ labels, chunks }] : []
      })
      const { bytes, directoryBytes, minTimeMs, maxTimeMs } = writePack({ series })
      const key = { labels: labels(external), epoch: 'e', from: i, to: i + 1 }
      await bucket.put(freshKey({ ...key, directoryBytes, minTimeMs, maxTimeMs }), bytes)
    }
  }
}

describe.each<[string, (bucket: Bucket) => Promise<void>]>([
  ['blocks', putBlocks],
  ['fresh packs', (bucket) => putPacks(bucket, [])],
  ['fresh packs of parts', (bucket) => putPacks(bucket, [START_MS + 20_000, START_MS + 200_500])],
  [
    'blocks and packs of the same',
    async (bucket) => {
      await putBlocks(bucket)
      await putPacks(bucket, [START_MS + 20_000])
    },
  ],
])('%s', (_, put) => {
  let store: TestStore
  let nowMs = 0

  beforeAll(async () => {
    const bucket = memoryBucket()
    await put(bucket)
    nowMs = START_MS + 3_600_000
    store = testStore(bucket, {}, nowMs)
  })

  storeApiAcceptance(() => store)

  it('says what it has', async () => {
    const info = await store.info()
    expect(info.componentType).toBe('store')
    expect(info.labelSets).toEqual(EXTERNAL_LABELS.map(labels))
    expect(info.store).toMatchObject({
      minTime: START_MS,
      supportsSharding: true,
      supportsWithoutReplicaLabels: true,
      supportsProjections: false,
    })
    expect(info.store!.maxTime).toBeGreaterThanOrEqual(START_MS + 499_000)
    expect(info.store!.tsdbInfos.map((tsdb) => tsdb.labels)).toEqual(EXTERNAL_LABELS.map(labels))
    const others = [info.rules, info.targets, info.exemplars, info.query, info.status]
    expect(others).toEqual(others.map(() => undefined))
  })
})
