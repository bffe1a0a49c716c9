/** Between requests a function stands still, and the world goes on: connections are closed, blocks come, time passes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isMissing } from '#test/peer/cache.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { type CloudBucket, startCloudBucket } from './support/cloud-bucket.ts'
import {
  type Assembly,
  type LocalCloud,
  startLocalCloud,
  synthesiseStack,
} from './support/local-cloud.ts'
import { newQuestion } from './support/limits-world.ts'
import { DAY_START_MS, putReplica } from './support/replica-world.ts'
import { startTcpWay, type TcpWay } from './support/tcp-way.ts'
import { thawOver } from './support/thaw-app.ts'

let cloudBucket: CloudBucket
let toS3: TcpWay
let toLambda: TcpWay
let assembly: Assembly
let local: LocalCloud

async function start(): Promise<void> {
  cloudBucket = await startCloudBucket()
  if (isMissing(cloudBucket.roles)) return
  const { bucket } = cloudBucket
  await putReplica(bucket, 1, { externalLabels: { cluster: 'a' }, phaseMs: 500, missing: [] })
  toS3 = await startTcpWay(() => local.roles!.gate.host)
  toLambda = await startTcpWay(() => local.roles!.gate.host)
  assembly = await synthesiseStack()
  local = await startLocalCloud({
    assembly,
    bucket: cloudBucket,
    objstore: { endpoint: toS3.endpoint },
    sliceBytes: 300,
    environment: { AWS_ENDPOINT_URL_LAMBDA: `http://${toLambda.endpoint}` },
  })
  await local.plan()
}

async function stop(): Promise<void> {
  await local?.stop()
  for (const way of [toS3, toLambda]) way?.close()
  await assembly?.remove()
  await cloudBucket?.stop()
}

async function expectRight(): Promise<void> {
  const question = newQuestion()
  const { status, warnings, data } = await local.ask('query_range', question)
  expect({ status, warnings }).toEqual({ status: 'success', warnings: undefined })
  expect(data).toEqual((await thawOver(cloudBucket.bucket)('query_range', question)).data)
}

describe('a function that stood still', () => {
  beforeAll(start)
  afterAll(stop)

  it('connections that were closed meanwhile are made again', async (context) => {
    needPeer(context, cloudBucket.roles)
    await expectRight()
    const [s3, lambda] = [toS3.count(), toLambda.count()]
    expect(Math.min(s3, lambda)).toBeGreaterThan(0)
    // They are kept from one request to the next.
    await expectRight()
    for (let i = 0; i < 6; i++) {
      toS3.cut()
      toLambda.cut()
      await expectRight()
      await local.plan()
    }
    expect(toS3.count()).toBeGreaterThan(s3)
    expect(toLambda.count()).toBeGreaterThan(lambda)
    const stats = local.cloud.stats()
    for (const name of ['thaw-query', 'thaw-store', 'thaw-plan'])
      expect(stats[name]!.failures).toBe(0)
  })

  it('what came meanwhile is seen, as time has passed', async (context) => {
    needPeer(context, cloudBucket.roles)
    const startMs = DAY_START_MS + 24 * 3_600_000
    const at = { query: 'count(late)', time: startMs / 1000 + 600 }
    expect((await local.ask('query', at)).data).toMatchObject({ result: [] })
    await putBlock(cloudBucket.bucket, {
      id: testId(900),
      minTimeMs: startMs,
      maxTimeMs: startMs + 7_200_000,
      externalLabels: { cluster: 'a' },
      series: [
        {
          labels: labels({ __name__: 'late' }),
          samples: every(30_000, startMs, startMs + 7_200_000, () => 1),
        },
      ],
    })
    await local.plan()
    // So long an index is believed: by the clock, not by what a function that stands still counts.
    await sleep(5100)
    expect((await local.ask('query', at)).data).toMatchObject({
      result: [{ value: [at.time, '1'] }],
    })
  })
})
