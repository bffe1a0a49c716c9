/** Two planners, ten workers and a compactor of Thanos at once on one bucket, while blocks come: no sample is lost or doubled, nothing is left behind. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ulid } from 'ulid'
import { describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { type CompactSettings, DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { runHere } from '#lib/compact/run-here.ts'
import { DomainError } from '#lib/model/errors.ts'
import { readIndex, unreferencedKeys } from '#test/compact/histories/bucket-state.ts'
import { type Planned, planTick, work } from '#test/compact/histories/driver.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { startCompactor } from '#test/peer/thanos.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { thawOver } from './support/thaw-app.ts'
import { Chance } from './support/thanos-random.ts'

const BINARY = process.env['THAW_THANOS']
const SEED = Number(process.env['THAW_SEED'] ?? 1)
const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2026, 2, 1)
const BLOCKS = 60
const STEP_MS = 300_000
const SERIES = ['a', 'b', 'c']
const STREAMS = ['one', 'two']

const SETTINGS: CompactSettings = {
  ...DEFAULT_COMPACT_SETTINGS,
  consistencyDelayMs: 0,
  deleteDelayMs: 3000,
  downsampling: false,
  maxJobSeconds: 3,
}

/** Of a series: by its times. */
type Samples = Map<number, number>

class World {
  readonly #bucket: Bucket
  readonly #chance: Chance
  readonly #expected = new Map<string, Samples>()
  /** Jobs by what became of them. */
  readonly outcomes: Record<string, number> = {}
  readonly #queue: Planned[] = []
  #isOver = false

  constructor(bucket: Bucket, seed: number) {
    this.#bucket = bucket
    this.#chance = new Chance(seed)
  }

  get expected(): ReadonlyMap<string, Samples> {
    return this.#expected
  }

  /** Blocks of two hours, some of which have times in common with the one before. */
  async comeAll(): Promise<void> {
    for (let i = 0; i < BLOCKS; i++) {
      const cluster = STREAMS[i % STREAMS.length]!
      const lateMs = this.#chance.is(0.15) ? HOUR_MS : 0
      const fromMs = START_MS + Math.floor(i / STREAMS.length) * 2 * HOUR_MS - lateMs
      const toMs = fromMs + lateMs + 2 * HOUR_MS
      const series = SERIES.map((name, at) => {
        const samples = every(STEP_MS, fromMs, toMs, (t) => ((t / STEP_MS) % 1000) + at)
        const known = this.#samplesOf(`${cluster} ${name}`)
        samples.timestamps.forEach((t, index) => known.set(t, samples.values[index]!))
        return { labels: labels({ __name__: 'm', name }), samples }
      })
      await putBlock(this.#bucket, {
        id: testId(i + 1),
        minTimeMs: fromMs,
        maxTimeMs: toMs,
        externalLabels: { cluster },
        series,
      })
      await sleep(this.#chance.number(200))
    }
  }

  #samplesOf(name: string): Samples {
    const known = this.#expected.get(name) ?? new Map<number, number>()
    this.#expected.set(name, known)
    return known
  }

  end(): void {
    this.#isOver = true
  }

  async planOn(name: string): Promise<void> {
    while (!this.#isOver) {
      await this.#try('plan', async () => {
        const planned = await planTick(this.#actor(name), SETTINGS, 1000)
        // Now and then twice, as queues do.
        for (const one of planned) this.#queue.push(one, ...(this.#chance.is(0.2) ? [one] : []))
        return 'done'
      })
      await sleep(this.#chance.number(300))
    }
  }

  async workOn(name: string): Promise<void> {
    while (!this.#isOver) {
      const planned = this.#queue.shift()
      if (!planned) await sleep(20)
      else {
        const { job } = planned
        await this.#try(job.type, async () => (await work(job, this.#actor(name), SETTINGS)).status)
      }
    }
  }

  #actor(name: string): Parameters<typeof planTick>[0] {
    return { name, bucket: this.#bucket, now: Date.now, newUlid: () => ulid() }
  }

  async #try(what: string, run: () => Promise<string>): Promise<void> {
    let outcome: string
    try {
      outcome = await run()
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      outcome = `failed with ${error.kind}`
    }
    const name = `${what} ${outcome}`
    this.outcomes[name] = (this.outcomes[name] ?? 0) + 1
  }
}

/** What of Thanos's compactor came to something; the bucket has all samples, once, and nothing else. */
async function runWorld(binary: string, seed: number): Promise<number> {
  const workDir = await mkdtemp(join(tmpdir(), 'thaw-beside-'))
  const bucketDir = join(workDir, 'bucket')
  await mkdir(bucketDir)
  const bucket = fileBucket(bucketDir)
  const world = new World(bucket, seed)
  const compactor = await startCompactor(binary, bucketDir, workDir)
  try {
    const all = [
      ...['planner 1', 'planner 2'].map((name) => world.planOn(name)),
      ...Array.from({ length: 10 }, (_, i) => world.workOn(`worker ${i}`)),
    ]
    await world.comeAll()
    await sleep(8000)
    world.end()
    await Promise.all(all)
    await compactor.stop()
    await comeToRest(bucket)
    const made = compactor.log().match(/msg="compacted blocks"|msg="uploaded block"/g)?.length ?? 0
    console.log(`seed ${seed}: Thanos made ${made}; ${JSON.stringify(world.outcomes)}`)
    await expectAll(bucket, world.expected)
    return made
  } finally {
    await compactor.stop()
    await rm(workDir, { recursive: true, force: true })
  }
}

/** All that is planned is done, and all delays are over. */
async function comeToRest(bucket: Bucket): Promise<void> {
  let nowMs = Date.now()
  for (let round = 0; round < 6; round++) {
    nowMs += 25 * HOUR_MS
    const { done } = await runHere({
      bucket,
      settings: SETTINGS,
      now: () => nowMs,
      newUlid: () => ulid(nowMs),
      owner: 'the last',
      concurrency: 2,
    })
    const failed = done.filter(({ outcome }) => outcome.status === 'failed')
    expect(failed).toEqual([])
  }
}

async function expectAll(bucket: Bucket, expected: ReadonlyMap<string, Samples>): Promise<void> {
  const { blocks } = await readIndex(bucket, Date.now)
  // The samples that blocks say they have are those that came: none is in two of them.
  const counted = blocks.reduce((sum, { sampleCount }) => sum + sampleCount, 0)
  const want = [...expected.values()].reduce((sum, { size }) => sum + size, 0)
  expect(counted).toBe(want)
  expect(blocks.length).toBeLessThan(BLOCKS / 2)
  const ask = thawOver(bucket, { sliceBytes: 1e9 })
  const time = (START_MS + (BLOCKS / STREAMS.length) * 2 * HOUR_MS) / 1000
  const { data } = await ask('query', { query: 'm[100h]', time })
  const found = (
    data as { result: { metric: Record<string, string>; values: [number, string][] }[] }
  ).result
  const actual = new Map(
    found.map(({ metric, values }) => [
      `${metric['cluster']} ${metric['name']}`,
      new Map(values.map(([t, value]) => [t * 1000, Number(value)])),
    ]),
  )
  for (const [name, samples] of expected) {
    const sorted = new Map([...samples].sort(([a], [b]) => a - b))
    expect([...(actual.get(name) ?? [])]).toEqual([...sorted])
  }
  const left = await unreferencedKeys(bucket, Date.now)
  expect(left.filter((key) => !key.startsWith('debug/'))).toEqual([])
}

if (BINARY === undefined) {
  describeSkipped('compaction beside Thanos', { missing: 'THAW_THANOS names no Thanos' })
} else {
  describe('two planners, ten workers and a compactor of Thanos', () => {
    it('lose and double nothing', async () => {
      expect(await runWorld(BINARY, SEED)).toBeGreaterThan(0)
    })
  })
}
