/** The agent does all that packaging/aws/agent-policy.json lets it do, over S3 and on a clock of its own, and nothing else. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shipOnce } from '#agent/ship/ship-once.ts'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { temporaryDir, writeBlock } from '#test/agent/block-fixture.ts'
import { FakeClock, pauses, runFresh } from '#test/agent/fresh/fresh-agent.ts'
import { samplesRecord, seriesRecord, WrittenLog } from '#test/agent/fresh/written-wal.ts'
import { keysOf } from '#test/agent/test-buckets.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { compare } from '#test/policies/allowance.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { type Assembly, synthesiseStack } from './support/local-cloud.ts'
import {
  AGENT,
  agentBucket,
  type RoleBucket,
  type Roles,
  startRoleBucket,
} from './support/roles.ts'

const HOUR_MS = 3_600_000
const LABELS = { cluster: 'eu' }

let assembly: Assembly
let store: RoleBucket | Missing
let roles: Roles | Missing

beforeAll(async () => {
  // Its bucket has a policy too.
  assembly = await synthesiseStack()
  store = await startRoleBucket()
  roles = isMissing(store) ? store : await store.roles(assembly, { tls: true })
})

afterAll(async () => {
  for (const it of [roles, store]) if (it && !isMissing(it)) await it.stop()
  await assembly?.remove()
})

function ship(tsdbPath: string, bucket: Bucket) {
  return shipOnce({ tsdbPath, bucket, externalLabels: LABELS, now: Date.now })
}

describe('the agent', () => {
  it('ships a block with its lookup, and sees that it is there', async (context) => {
    const all = needPeer(context, roles)
    const bucket = await agentBucket(all)
    const tsdbPath = await temporaryDir()
    const minTimeMs = Math.floor(Date.now() / HOUR_MS - 5) * HOUR_MS
    await putBlock(fileBucket(tsdbPath), {
      id: testId(1),
      minTimeMs,
      maxTimeMs: minTimeMs + 2 * HOUR_MS,
      series: [
        {
          labels: labels({ __name__: 'up', job: 'a' }),
          samples: every(15_000, minTimeMs, minTimeMs + 2 * HOUR_MS, () => 1),
        },
      ],
      // As Prometheus writes it.
      meta: (meta) => ({ ...meta, thanos: undefined }),
    })
    expect((await ship(tsdbPath, bucket)).uploaded).toMatchObject([{ ulid: testId(1) }])
    expect(await keysOf(all.bucket)).toContain(`thaw/lookup/${testId(1)}`)
    await rm(join(tsdbPath, 'thanos.shipper.json'))
    expect((await ship(tsdbPath, bucket)).uploaded).toEqual([])
    expect(all.troubles()).toEqual([])
  })

  it('gives up an upload that breaks, and believes one whose last answer is lost', async (context) => {
    const all = needPeer(context, roles)
    const bucket = await agentBucket(all)
    const tsdbPath = await temporaryDir()
    await writeBlock(tsdbPath, 1, { chunkFileSize: 18_000_000 })
    all.gate.uploads('break')
    const broken = await ship(tsdbPath, bucket)
    expect(broken.failed).toMatchObject([
      { error: { message: expect.stringContaining('broken for a test') as string } },
    ])
    all.gate.uploads('lose answers')
    expect((await ship(tsdbPath, bucket)).uploaded).toHaveLength(1)
    all.gate.uploads('work')
    expect(all.troubles()).toEqual([])
  })

  it('writes fresh blocks, merges them and those that were left, and deletes what is in a block', async (context) => {
    const all = needPeer(context, roles)
    await updateBucketIndex(all.bucket, { now: Date.now })
    const bucket = await agentBucket(all)
    const tsdbPath = await temporaryDir()
    const clock = new FakeClock(Date.now())
    const log = new WrittenLog(tsdbPath)
    log.append(seriesRecord([1, '__name__', 'up', 'job', 'a']))
    const scrape = (): void => log.append(samplesRecord([1, clock.ms, 1]))
    for (let run = 0; run < 3; run++) {
      await runFresh({ tsdbPath, bucket, clock, onPause: pauses(3, scrape) })
    }
    // Half an hour later the first are one, and hours later it is asked whether a block has them.
    await runFresh({
      tsdbPath,
      bucket,
      clock,
      onPause: pauses(80, (pause) => {
        if (pause > 60) clock.ms += HOUR_MS
      }),
    })
    const left = (await keysOf(all.bucket)).filter((key) => key.startsWith('thaw/fresh/'))
    expect(left).toHaveLength(3)
    expect(all.troubles()).toEqual([])
  })

  it('does what its policy allows, and all of it', (context) => {
    const { gate, granted } = needPeer(context, roles)
    const allowed = new Map([[AGENT, granted.get(AGENT)!]])
    expect(compare(allowed, gate.done())).toEqual([])
  })

  it.for(['meta.json', 'index', 'chunks/000001'])(
    'can not put another %s in the place of one, with its right to write it',
    async (file, context) => {
      const all = needPeer(context, roles)
      const bucket = await agentBucket(all)
      const key = `${testId(1)}/${file}`
      const before = (await all.bucket.get(key)).body
      await expect(bucket.put(key, new Uint8Array(1))).rejects.toThrow(
        'the identity-based policy denies s3:PutObject: change that policy',
      )
      const large = (async function* () {
        for (let i = 0; i < 2; i++) yield new Uint8Array(5 * 1024 * 1024)
      })()
      await expect(bucket.putStream(key, large)).rejects.toThrow('denies s3:PutObject')
      await expect(bucket.put(key, new Uint8Array(1), { ifAbsent: true })).rejects.toMatchObject({
        kind: 'conflict',
      })
      expect((await all.bucket.get(key)).body).toEqual(before)
      const refused = `${AGENT}: s3:PutObject on arn:aws:s3:::metrics/${key}, denied by WriteOverNoBlock`
      expect(all.troubles()).toEqual([refused, refused])
    },
  )
})
