/**
 * The metric filters of the template over what the bundled functions log in Lambda's JSON format: each makes data when its trouble is there, and
 * none while all is well.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { SECRET_BYTES, tokenText } from '#lib/auth/token.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { claimDue } from '#lib/compact/plan/backlog.ts'
import { planJobs } from '#lib/compact/plan/plan-jobs.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { readPlanInput } from '#lib/compact/read-plan-input.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { readRulerState, writeRulerState } from '#lib/rules/tick/state-object.ts'
import { compactAll, plan } from '#localstack/compaction.ts'
import { tick } from '#localstack/rules.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import {
  type CloudBucket,
  type CloudStore,
  directoryObjstore,
  startCloudBucket,
  storeWithoutRoles,
} from './support/cloud-bucket.ts'
import { type Assembly, synthesiseStack } from './support/local-cloud.ts'
import { readResources, startWatchedCloud, type WatchedCloud } from './support/watched-cloud.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const PLAN = 'thaw-plan'
const RULE = 'thaw-rule'
const COMPACT = 'thaw-compact'
const COMPACT_FLAGS = '--consistency-delay=0s --delete-delay=0s'
/** Nobody listens there. */
const RULE_FLAGS = '--alertmanagers.url=http://127.0.0.1:9 --alertmanagers.send-timeout=1s'

const RULES = `groups:
- name: loads
  interval: 10s
  rules:
  - record: load:sum
    expr: sum(load)
`
const ALERT = `groups:
- name: alerts
  interval: 10s
  rules:
  - alert: Always
    expr: vector(1)
`

describe('what functions log', () => {
  let assembly: Assembly
  let cloudBucket: CloudBucket
  let bucket: Bucket
  let watched: WatchedCloud
  let packs: number

  beforeAll(async () => {
    assembly = await synthesiseStack()
  })
  afterAll(() => assembly?.remove())

  beforeEach(async () => {
    packs = 0
    cloudBucket = await startCloudBucket()
    bucket = cloudBucket.bucket
    watched = await start(COMPACT_FLAGS)
  })
  afterEach(async () => {
    await watched?.stop()
    await cloudBucket?.stop()
  })

  const start = (
    compactFlags: string | undefined,
    store: CloudStore = cloudBucket,
  ): Promise<WatchedCloud> =>
    startWatchedCloud({ assembly, bucket: store, compactFlags, ruleFlags: RULE_FLAGS })

  /** What an agent puts each half minute; returns its key. */
  async function putPack(cluster: string, agoMs = 0): Promise<string> {
    const timeMs = Date.now() - agoMs
    const samples = [{ labels: labelsFrom({ __name__: 'load' }), timeMs, value: 7 }]
    const place = { externalLabels: labelsFrom({ cluster }), epoch: '01DATA', number: packs++ }
    const { key, bytes } = resultPack(samples, place)!
    await bucket.put(key, bytes)
    await cloudBucket.age(key, agoMs)
    return key
  }

  async function putRules(text: string, agoMs: number): Promise<void> {
    await putRuleFile(bucket, 'rules.yaml', text)
    await cloudBucket.age('thaw/rule/files/rules.yaml', agoMs)
  }

  /** Four blocks of two hours, which are to become one. */
  async function putBlocks(): Promise<void> {
    const startMs = Math.floor(Date.now() / (8 * HOUR_MS)) * 8 * HOUR_MS - 48 * HOUR_MS
    for (let n = 0; n < 4; n++) {
      const minTimeMs = startMs + n * 2 * HOUR_MS
      const maxTimeMs = minTimeMs + 2 * HOUR_MS
      const samples = every(MINUTE_MS, minTimeMs, maxTimeMs, () => n)
      const series = [{ labels: labels({ __name__: 'load' }), samples }]
      await putBlock(bucket, { id: testId(n + 1), minTimeMs, maxTimeMs, series })
    }
  }

  function reportOf(functionName: string): Record<string, unknown> {
    const { message } = JSON.parse(watched.lines(functionName).at(-1)!) as {
      message: Record<string, unknown>
    }
    return message
  }

  it('makes no data while all is well', async () => {
    await putPack('eu')
    await putPack('us', 9 * MINUTE_MS)
    await putRules(RULES, 2 * MINUTE_MS)
    await putBlocks()
    await plan(watched.cloud)
    expect((await tick(watched.cloud)).evaluations).toBeGreaterThan(5)
    await compactAll({ cloud: watched.cloud, signal: AbortSignal.timeout(60_000) })
    expect(reportOf(PLAN)).toMatchObject({ jobs: 0, writers: 3, silentWriters: 0, setAside: 0 })
    expect(watched.lines(COMPACT).some((line) => line.includes('"status":"done"'))).toBe(true)
    expect(watched.metrics()).toEqual({})
  })

  it('makes none of an empty bucket', async () => {
    await plan(watched.cloud)
    await tick(watched.cloud)
    expect(watched.lines(PLAN).length + watched.lines(RULE).length).toBe(2)
    expect(watched.metrics()).toEqual({})
  })

  it('names agents that are silent, and not the ruler', async () => {
    await putPack('eu')
    await putPack('us', 11 * MINUTE_MS)
    await putRules(RULES, 2 * MINUTE_MS)
    await tick(watched.cloud)
    const results = (await keysOf('thaw/fresh/')).filter((key) => key.includes('ruler='))
    expect(results).not.toEqual([])
    for (const key of results) await cloudBucket.age(key, 20 * MINUTE_MS)
    await plan(watched.cloud)
    expect(reportOf(PLAN)['lastWrites']).toMatch(/^\{cluster="us"\} 11m\d*s? ago; \{cluster="eu"\}/)
    expect(watched.metrics()).toEqual({ SilentWriters: [1] })
    await putPack('us')
    await plan(watched.cloud)
    expect(watched.metrics()).toEqual({})
  })

  it('names them where another compactor works, and plans nothing', async () => {
    await watched.stop()
    watched = await start(undefined)
    await putPack('us', 11 * MINUTE_MS)
    await putBlocks()
    expect(await plan(watched.cloud)).toEqual({ blocks: 4, jobs: 0, sent: 0 })
    expect(watched.metrics()).toEqual({ SilentWriters: [1] })
    expect(await keysOf('thaw/backlog')).toEqual([])
  })

  it('counts a block that can not be read until somebody mends it', async () => {
    await putBlocks()
    const segment = `${testId(3)}/chunks/000001`
    const { body } = await bucket.get(segment)
    await bucket.put(segment, body.with(20, body[20]! ^ 0xff))
    await compactAll({ cloud: watched.cloud, signal: AbortSignal.timeout(60_000) })
    await plan(watched.cloud)
    expect(reportOf(PLAN)).toMatchObject({ setAside: 1, setAsideNames: testId(3) })
    const { SetAside, ...others } = watched.metrics()
    expect(SetAside?.at(-1)).toBe(1)
    expect(others).toEqual({})
    for (const key of await keysOf(`${testId(3)}/`)) await bucket.delete(key)
    await plan(watched.cloud)
    expect(watched.metrics()).toEqual({})
  })

  it('counts evaluations that are missed', async () => {
    await putPack('eu')
    await putRules(RULES, 2 * MINUTE_MS)
    await tick(watched.cloud)
    expect(watched.metrics()).toEqual({})
    const stored = await readRulerState(bucket)
    if (!stored || !('state' in stored)) throw new Error('no state')
    const { state, etag } = stored
    // Nobody ran the ruler for an hour; ten minutes are made up for.
    const groups = state.groups.map((group) => ({ ...group, nextMs: group.nextMs - HOUR_MS }))
    await writeRulerState(bucket, { ...state, updatedMs: state.updatedMs - HOUR_MS, groups }, etag)
    const { missed } = await tick(watched.cloud)
    expect(missed).toBeGreaterThan(290)
    expect(watched.metrics()).toEqual({ MissedSlots: [missed] })
    await tick(watched.cloud)
    expect(watched.metrics()).toEqual({})
  })

  it('counts alerts that no Alertmanager takes', async () => {
    await putRules(ALERT, 2 * MINUTE_MS)
    const { alertsWaiting } = await tick(watched.cloud)
    expect(alertsWaiting).toBe(1)
    expect(watched.metrics()).toEqual({ WaitingAlerts: [1] })
  })

  it('says how old the oldest job is when it is old: sent, and still not done', async () => {
    await putBlocks()
    await planned(7 * HOUR_MS)
    await plan(watched.cloud)
    const { OldestJobSeconds, ...others } = watched.metrics()
    expect(OldestJobSeconds).toHaveLength(1)
    expect(OldestJobSeconds![0]! - 7 * 3600).toBeLessThan(60)
    expect(others).toEqual({})
  })

  it('has a job that always fails put aside in the queue that an alarm watches', async () => {
    const resources = await readResources(assembly.dir)
    const alarm = Object.values(resources).find(
      ({ Properties }) => Properties['AlarmName'] === 'thaw-dead-jobs',
    )
    const [{ Value }] = alarm!.Properties['Dimensions'] as [
      { Value: { 'Fn::GetAtt': [string, string] } },
    ]
    const dead = String(resources[Value['Fn::GetAtt'][0]]!.Properties['QueueName'])
    const { cloud } = watched
    for (let n = 1; cloud.queue(dead).size === 0; n++) {
      expect(n).toBeLessThan(6)
      cloud.queue('thaw-jobs').send('no job')
      await until(() => (cloud.stats()[COMPACT]?.failures ?? 0) >= n)
      watched.passTime(HOUR_MS)
    }
    expect(watched.lines(COMPACT).some((line) => line.includes('"level":"ERROR"'))).toBe(true)
    expect(watched.metrics()).toEqual({})
  })

  it.each([PLAN, RULE])(
    'is a sentence where %s can not use the bucket, an error that Lambda counts, and goes on when it can',
    async (name) => {
      await watched.stop()
      const directory = await mkdtemp(join(tmpdir(), 'thaw-alarms-'))
      await rm(directory, { recursive: true })
      const objstore = directoryObjstore(directory)
      const gone = storeWithoutRoles('alarms.test.ts, a bucket that is gone', objstore)
      watched = await start(COMPACT_FLAGS, gone)
      const { failure } = await watched.cloud.invoke(name, {})
      expect(failure?.type).toBe('not-found')
      const [line, ...more] = watched.lines(name)
      expect(more).toEqual([])
      expect(JSON.parse(line!)).toMatchObject({
        level: 'ERROR',
        message: { errorMessage: `no bucket: directory ${directory} does not exist` },
      })
      expect(watched.metrics()).toEqual({})
      await mkdir(directory)
      expect((await watched.cloud.invoke(name, {})).failure).toBeUndefined()
      expect(watched.cloud.stats()[name]!.coldStarts).toBe(1)
      await rm(directory, { recursive: true })
    },
  )

  it('is an error of authorize, and so a 500, where it can not read the tokens', async () => {
    await bucket.put('thaw/tokens.json.gz', new Uint8Array([1, 2, 3]))
    const token = tokenText(testId(1), new Uint8Array(SECRET_BYTES))
    const event = { identitySource: [`Bearer ${token}`] }
    const { failure } = await watched.cloud.invoke('thaw-authorize', event)
    expect(failure).toBeDefined()
  })

  /** All there is to do was planned so long ago, and sent just now. */
  async function planned(agoMs: number): Promise<void> {
    const now = Date.now
    await updateBucketIndex(bucket, { now })
    const settings = { ...DEFAULT_COMPACT_SETTINGS, consistencyDelayMs: 0 }
    const jobs = planJobs(await readPlanInput(bucket, { settings, now }))
    const rules = { resendMs: HOUR_MS, leased: new Set<string>() }
    await claimDue(bucket, jobs, { ...rules, nowMs: now() - agoMs })
    const { due } = await claimDue(bucket, jobs, { ...rules, nowMs: now() })
    expect(due).toHaveLength(1)
  }

  async function keysOf(prefix: string): Promise<string[]> {
    const keys: string[] = []
    for await (const { objects } of bucket.list(prefix)) keys.push(...objects.map(({ key }) => key))
    return keys
  }
})

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; !done(); i++) {
    if (i === 1000) throw new Error('it does not happen')
    await sleep(20)
  }
}
