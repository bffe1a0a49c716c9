/** Fresh blocks of a Prometheus whose log is out of reach: what remote read gives, once. */
import { describe, expect, it } from 'vitest'
import type { RemoteQuery, RemoteSeries } from '#agent/prometheus/remote-read.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { FakeClock, pauses, runFresh } from './fresh-agent.ts'
import { readFresh } from './read-packs.ts'

const NOWHERE = '/nowhere/data'

/** Has samples, each from a moment on. */
class FakeHead {
  readonly queries: RemoteQuery[] = []
  fails = false
  readonly #clock: FakeClock
  readonly #samples: { job: string; t: number; v: number; thereMs: number }[] = []

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  add(job: string, t: number, v: number, thereMs = t): void {
    this.#samples.push({ job, t, v, thereMs })
  }

  readonly ask = async function* (
    this: FakeHead,
    query: RemoteQuery,
  ): AsyncGenerator<RemoteSeries> {
    this.queries.push(query)
    for (const job of ['a', 'b']) {
      // As chunks are: more than was asked for.
      const there = this.#samples
        .filter((one) => one.job === job && one.thereMs <= this.#clock.ms)
        .filter(({ t }) => t >= query.minTimeMs - 60_000 && t <= query.maxTimeMs + 60_000)
        .sort((x, y) => x.t - y.t)
      if (there.length === 0) continue
      if (this.fails && job === 'b') throw unavailableError('connection lost')
      const chunks = encodeChunks({
        length: there.length,
        timestamps: Float64Array.from(there, ({ t }) => t),
        values: Float64Array.from(there, ({ v }) => v),
      })
      yield { labels: ['__name__', 'up', 'cluster', 'eu', 'job', job], chunks }
    }
  }.bind(this)
}

function world() {
  const clock = new FakeClock()
  const bucket = memoryBucket({ now: clock.now })
  const head = new FakeHead(clock)
  const parts = { tsdbPath: NOWHERE, freshSource: 'auto' as const, clock, bucket, ask: head.ask }
  return { clock, bucket, head, parts }
}

describe('by remote read', () => {
  it('each sample comes once, without the external labels', async () => {
    const { clock, bucket, head, parts } = world()
    await runFresh({
      ...parts,
      onPause: pauses(8, (pause) => {
        head.add('a', clock.ms, pause)
        head.add('b', clock.ms + 1, -pause)
      }),
    })
    const found = await readFresh(bucket)
    expect([...found.series.keys()]).toEqual(['up{job="a"}', 'up{job="b"}'])
    expect([...found.series.get('up{job="a"}')!.values()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(found.twice).toBe(0)
    expect(found.packs).toHaveLength(8)
  })

  it('slow scrapes are not missed', async () => {
    const { clock, bucket, head, parts } = world()
    await runFresh({
      ...parts,
      onPause: pauses(12, (pause) => {
        head.add('a', clock.ms, pause)
        head.add('b', clock.ms, pause, clock.ms + 90_000)
      }),
    })
    const found = await readFresh(bucket)
    expect([...found.series.get('up{job="b"}')!.values()]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ])
    expect(found.twice).toBe(0)
  })

  it('a broken answer is asked for again', async () => {
    const { clock, bucket, head, parts } = world()
    await runFresh({
      ...parts,
      onPause: pauses(9, (pause) => {
        head.add('a', clock.ms, pause)
        head.add('b', clock.ms, pause)
        head.fails = pause > 2 && pause < 6
      }),
    })
    const found = await readFresh(bucket)
    for (const job of ['a', 'b']) {
      const values = [...found.series.get(`up{job="${job}"}`)!.values()]
      expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    }
    expect(found.twice).toBe(0)
  })

  it('reading begins three hours back, and goes on after a restart, in bounded steps', async () => {
    const { clock, bucket, head, parts } = world()
    const begin = clock.ms
    for (let t = begin - 4 * 3_600_000; t < begin; t += 15_000) head.add('a', t, t)
    const metrics = await runFresh({ ...parts, freshMaxMemory: 2000, onPause: pauses(0) })
    const first = await readFresh(bucket)
    expect([...first.series.get('up{job="a"}')!.keys()][0]).toBe(begin - 3 * 3_600_000)
    expect(first.series.get('up{job="a"}')!.size).toBe(720)
    expect(metrics.get('thaw_fresh_packs_total')).toBeGreaterThan(5)
    clock.ms += 1_800_000
    for (let t = begin; t < clock.ms; t += 15_000) head.add('a', t, t)
    head.queries.length = 0
    await runFresh({ ...parts, onPause: pauses(0) })
    expect(head.queries[0]!.minTimeMs).toBeGreaterThan(begin - 200_000)
    const found = await readFresh(bucket)
    expect(found.series.get('up{job="a"}')!.size).toBe(720 + (clock.ms - 30_000 - begin) / 15_000)
  })
})
