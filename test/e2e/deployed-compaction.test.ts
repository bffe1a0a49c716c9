/** The bundled functions of the synthesised stack plan and do all there is to do with a bucket, and answers stay what they were. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { compactAll } from '#localstack/compaction.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import { type Assembly, startLocalCloud, synthesiseStack } from './support/local-cloud.ts'

const HOUR_MS = 3_600_000
const START = 1_699_920_000_000 - (1_699_920_000_000 % (48 * HOUR_MS))
const END = START + 48 * HOUR_MS
const QUERIES = [
  'sum by (job) (rate(requests_total[5m]))',
  'count by (replica) (up)',
  'max_over_time(temperature[1h])',
  'absent(up{instance="3"})',
]

async function fill(bucket: Bucket): Promise<void> {
  let n = 0
  for (const replica of ['a', 'b']) {
    for (let startMs = START; startMs < END; startMs += 2 * HOUR_MS) {
      const series = ['1', '2', '3'].flatMap((instance) => {
        const of = (name: string, value: (t: number) => number) => ({
          labels: labels({ __name__: name, instance, job: `job-${instance}` }),
          samples: every(60_000, startMs, startMs + 2 * HOUR_MS, value),
        })
        return [
          of('up', () => 1),
          of('requests_total', (t) => (t - START) / 1000),
          of('temperature', (t) => Math.sin(t / 1e7)),
        ]
      })
      await putBlock(bucket, {
        id: testId(++n),
        minTimeMs: startMs,
        maxTimeMs: startMs + 2 * HOUR_MS,
        externalLabels: { cluster: 'a', replica },
        series,
      })
    }
  }
}

describe('the deployed functions', () => {
  let assembly: Assembly
  let cloudBucket: CloudBucket

  beforeAll(async () => {
    assembly = await synthesiseStack()
    cloudBucket = await startCloudBucket()
    await fill(cloudBucket.bucket)
  })

  afterAll(async () => {
    await assembly.remove()
    await cloudBucket.stop()
  })

  async function blocksIn(): Promise<string[]> {
    const names = (await keysIn('')).map((key) => key.split('/')[0]!)
    return [...new Set(names)].filter((name) => name.length === 26).toSorted()
  }

  async function keysIn(prefix: string): Promise<string[]> {
    const keys: string[] = []
    for await (const { objects } of cloudBucket.bucket.list(prefix)) {
      keys.push(...objects.map(({ key }) => key))
    }
    return keys
  }

  it('merge two days of two replicas, downsample them and delete the rest', async () => {
    const local = await startLocalCloud({
      assembly,
      bucket: cloudBucket,
      sliceBytes: 1 << 20,
      compactFlags: '--consistency-delay=0s --delete-delay=0s',
    })
    try {
      const { ask, cloud, log } = local
      const answers = (): Promise<unknown[]> =>
        Promise.all(
          QUERIES.map(async (query) => {
            const step = { start: START / 1000, end: END / 1000, step: 900 }
            const { data, warnings } = await ask('query_range', { query, ...step, dedup: 'false' })
            return { data, warnings }
          }),
        )
      const before = await answers()
      expect(before).toHaveLength(QUERIES.length)
      const { left } = await compactAll({ cloud, signal: AbortSignal.timeout(120_000) })
      expect(left).toBe(0)
      expect(log.filter((line) => line.includes('"level":"ERROR"'))).toEqual([])
      expect(await answers()).toEqual(before)
      // Raw and of five minutes, of each replica.
      expect(await blocksIn()).toHaveLength(4)
      expect(await keysIn('thaw/lookup/')).toEqual(
        (await blocksIn()).map((id) => `thaw/lookup/${id}`),
      )
      expect(await keysIn('thaw/lease/')).toEqual([])
      expect(await keysIn('thaw/compact/')).toEqual([])
    } finally {
      await local.stop()
    }
  })
})
