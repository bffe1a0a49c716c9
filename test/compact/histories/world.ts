/** Blocks as they come into a bucket over some days: several streams, replicas, and all that can be wrong with them. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { type BlockMeta, formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { type Tombstones, writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import type { Chance } from '#test/e2e/support/thanos-random.ts'
import {
  type At,
  customBuckets,
  FLOAT_CASES,
  HISTOGRAM_CASES,
  WRITTEN_START_MS,
} from '#test/e2e/support/written-series.ts'
import { putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import { scrapedSamples } from '#test/store/scraped.ts'
import { seriesIds } from './series-ids.ts'

export const HOUR_MS = 3_600_000
export const START_MS = WRITTEN_START_MS
/** Of a stream that nobody asks of: its blocks may be broken as a whole. */
const UNASKED_START_MS = START_MS - 30 * 24 * HOUR_MS
/** Its chunk is broken: nobody asks for it. */
const BROKEN_METRIC = 'broken'

const CASES: Readonly<Record<string, At>> = {
  ...FLOAT_CASES,
  ...HISTOGRAM_CASES,
  custom_seconds: customBuckets,
}

export interface WorldBlock {
  readonly id: string
  /** In the order in which they are put: meta.json comes last. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly meta: BlockMeta
  /** What is wrong with it. */
  readonly flaw?: Flaw | undefined
  /** The meta.json cannot be read: it is no block. */
  readonly isNoBlock: boolean
}

type Flaw = 'broken chunk' | 'broken index' | 'short segment' | 'broken meta.json' | 'no segment'

export interface World {
  /** In the order of their coming. */
  readonly blocks: readonly WorldBlock[]
  readonly metrics: readonly string[]
  readonly endMs: number
  /** Replicas scraped the same at the same times: merging them changes no answer. */
  readonly replicasAgree: boolean
  readonly hasTombstones: boolean
}

interface Stream {
  readonly labels: Readonly<Record<string, string>>
  /** Another value where two streams differ. */
  readonly shift: number
  readonly phaseMs: number
  /** Probability that a scrape found nothing. */
  readonly missing: number
}

export async function makeWorld(chance: Chance): Promise<World> {
  const hours = chance.one([8, 12, 20, 30])
  const stepMs = chance.one([150_000, 300_000, 300_000, 600_000])
  const metrics = Object.keys(CASES).filter(() => chance.is(0.35))
  if (metrics.length === 0) metrics.push('level')
  const replicasAgree = chance.is(0.3)
  const maker = new BlockMaker(chance, metrics, stepMs, replicasAgree)
  for (const stream of makeStreams(chance, replicasAgree)) {
    await maker.addStream(stream, hours)
  }
  if (chance.is(0.4)) await maker.addUnasked()
  return {
    blocks: shuffled(chance, maker.blocks),
    metrics,
    endMs: START_MS + hours * HOUR_MS,
    replicasAgree,
    hasTombstones: maker.hasTombstones,
  }
}

function makeStreams(chance: Chance, replicasAgree: boolean): Stream[] {
  const names = chance.one([
    [['a', 'x']],
    [
      ['a', 'x'],
      ['b', 'x'],
    ],
    [
      ['a', 'x'],
      ['a', 'y'],
    ],
    [
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'x'],
    ],
  ])
  return names.map(([cluster, replica], i) => ({
    labels: { cluster: cluster!, replica: replica! },
    shift: cluster === 'b' ? 3 : 0,
    phaseMs: replicasAgree ? 7313 : 7313 + i * 11_000,
    missing: replicasAgree ? 0 : chance.one([0, 0, 0.05, 0.3]),
  }))
}

/** Mostly in the order of time: what is late is late by a few blocks. */
function shuffled(chance: Chance, blocks: readonly WorldBlock[]): WorldBlock[] {
  const spread = chance.one([0, 2, 100]) * HOUR_MS
  return blocks
    .map((block) => ({ block, at: block.meta.minTime + chance.number(spread) }))
    .sort((a, b) => a.at - b.at)
    .map(({ block }) => block)
}

interface Made {
  readonly id: string
  readonly fromMs: number
  readonly toMs: number
}

class BlockMaker {
  readonly blocks: WorldBlock[] = []
  hasTombstones = false
  readonly #chance: Chance
  readonly #metrics: readonly string[]
  readonly #stepMs: number

  readonly #replicasAgree: boolean

  constructor(chance: Chance, metrics: readonly string[], stepMs: number, replicasAgree: boolean) {
    this.#chance = chance
    this.#replicasAgree = replicasAgree
    this.#metrics = metrics
    this.#stepMs = stepMs
  }

  async addStream(stream: Stream, hours: number): Promise<void> {
    const chance = this.#chance
    const made: Made[] = []
    for (let hour = 0; hour < hours; hour += 2) {
      const fromMs = START_MS + hour * HOUR_MS
      if (chance.is(0.08)) continue
      // A clock that is wrong, or a Prometheus with out-of-order samples.
      const lateMs = chance.is(0.07) ? chance.whole(-90, 90) * 60_000 : 0
      const toMs = fromMs + lateMs + (chance.is(0.05) ? 5 : 2) * HOUR_MS
      const block = await this.#add(stream, fromMs + lateMs, toMs)
      made.push(block)
      // Shipped twice under two names.
      if (chance.is(0.06)) await this.#add(stream, fromMs + lateMs, toMs)
      // The same time once more, with other samples among it.
      if (!this.#replicasAgree && chance.is(0.06)) {
        await this.#add({ ...stream, shift: stream.shift + 1 }, fromMs, toMs)
      }
    }
    if (made.length > 3 && chance.is(0.25)) await this.#addCompacted(stream, made)
  }

  /** As a compactor would have made it of some of the blocks. */
  async #addCompacted(stream: Stream, made: readonly Made[]): Promise<void> {
    const from = this.#chance.whole(0, made.length - 3)
    const some = made.slice(from, from + 3)
    if (some.some(({ id }) => this.#byId(id).flaw || this.#byId(id).meta.stats.numSamples === 0))
      return
    const files = this.#byId(some[0]!.id).files
    if (some.some(({ id }) => this.#byId(id).files.has('tombstones')) || files.size === 0) return
    const fromMs = Math.min(...some.map((one) => one.fromMs))
    const toMs = Math.max(...some.map((one) => one.toMs))
    // Only where it has just what they have.
    const isWhole = some.every((one, i) => i === 0 || some[i - 1]!.toMs === one.fromMs)
    if (!isWhole || stream.missing > 0) return
    await this.#add(
      stream,
      fromMs,
      toMs,
      some.map(({ id }) => id),
    )
  }

  #byId(id: string): WorldBlock {
    return this.blocks.find((block) => block.id === id)!
  }

  async #add(
    stream: Stream,
    fromMs: number,
    toMs: number,
    sources?: readonly string[],
  ): Promise<Made> {
    const chance = this.#chance
    const id = testId(this.blocks.length + 1)
    const isPlain = sources !== undefined
    const isEmpty = !isPlain && chance.is(0.04)
    const flaw = !isPlain && !isEmpty && chance.is(0.04) ? 'broken chunk' : undefined
    const series = isEmpty ? [] : this.#series(stream, fromMs, toMs, flaw !== undefined)
    const deletes = !isPlain && chance.is(0.1)
    await this.#take(id, { stream, fromMs, toMs, series, flaw, sources, deletes })
    return { id, fromMs, toMs }
  }

  /** A few blocks long ago, whole ones and such that are broken in any way. */
  async addUnasked(): Promise<void> {
    const chance = this.#chance
    const stream = { labels: { cluster: 'unasked' }, shift: 0, phaseMs: 0, missing: 0 }
    for (let i = 0; i < 4; i++) {
      const fromMs = UNASKED_START_MS + i * 2 * HOUR_MS
      const toMs = fromMs + 2 * HOUR_MS
      const flaws = ['broken index', 'short segment', 'broken meta.json', 'no segment'] as const
      const flaw = chance.is(0.4) ? chance.one(flaws) : undefined
      const series = this.#series(stream, fromMs, toMs, false)
      const id = testId(this.blocks.length + 1)
      await this.#take(id, { stream, fromMs, toMs, series, flaw, deletes: false })
    }
  }

  #series(stream: Stream, fromMs: number, toMs: number, broken: boolean): TestSeries[] {
    const chance = this.#chance
    const series: TestSeries[] = []
    const names = broken ? [...this.#metrics, BROKEN_METRIC] : this.#metrics
    const at = (k: number): number => START_MS + stream.phaseMs + k * this.#stepMs
    const first = Math.ceil((fromMs - at(0)) / this.#stepMs)
    for (const name of names) {
      for (const job of ['a', 'b']) {
        const times: number[] = []
        const ks: number[] = []
        for (let k = first; at(k) < toMs; k++) {
          if (stream.missing > 0 && chance.is(stream.missing)) continue
          times.push(at(k))
          ks.push(k)
        }
        // So that all that cases do is done in a few hours.
        const value = CASES[name] ?? ((k: number) => k)
        const faster = 480 / ((30 * HOUR_MS) / this.#stepMs)
        const samples = scrapedSamples(times, (i) => {
          const made = value(Math.max(0, Math.floor(ks[i]! * faster)))
          return typeof made === 'number' ? made + stream.shift : made
        })
        if (samples) series.push({ labels: labelsFrom({ __name__: name, job }), samples })
      }
    }
    return series
  }

  async #take(
    id: string,
    block: {
      readonly stream: Stream
      readonly fromMs: number
      readonly toMs: number
      readonly series: readonly TestSeries[]
      readonly flaw?: Flaw | undefined
      readonly sources?: readonly string[] | undefined
      readonly deletes: boolean
    },
  ): Promise<void> {
    const { stream, fromMs, toMs, series, flaw, sources } = block
    const made = memoryBucket()
    const meta = await putBlock(made, {
      id,
      minTimeMs: fromMs,
      maxTimeMs: toMs,
      externalLabels: stream.labels,
      series,
      meta: (meta) =>
        sources ? { ...meta, compaction: { ...meta.compaction, level: 2, sources } } : meta,
    })
    const files = await filesOf(made, id)
    if (flaw) breakFile(files, flaw)
    if (block.deletes && series.length > 0) {
      files.set('tombstones', writeTombstones(await this.#deletions(made, id, fromMs, toMs)))
      this.hasTombstones = true
    }
    const text = files.get('meta.json')!
    files.delete('meta.json')
    files.set('meta.json', text)
    this.blocks.push({ id, files, meta, flaw, isNoBlock: flaw === 'broken meta.json' })
  }

  async #deletions(made: Bucket, id: string, fromMs: number, toMs: number): Promise<Tombstones> {
    const chance = this.#chance
    const ids = (await seriesIds(made, id)).filter(() => chance.is(0.3))
    return new Map(
      ids.map((series) => {
        const minTimeMs = fromMs + Math.floor(chance.number(toMs - fromMs))
        return [series, [{ minTimeMs, maxTimeMs: minTimeMs + chance.whole(0, HOUR_MS) }]]
      }),
    )
  }
}

async function filesOf(bucket: Bucket, id: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for await (const { objects } of bucket.list(`${id}/`)) {
    for (const { key } of objects) files.set(key.slice(id.length + 1), (await bucket.get(key)).body)
  }
  return files
}

function breakFile(files: Map<string, Uint8Array>, flaw: Flaw): void {
  const chunks = files.get('chunks/000001')!
  switch (flaw) {
    case 'broken chunk':
      // `broken` sorts before all other metrics, so its are the first chunks.
      chunks[20]! ^= 0x10
      break
    case 'broken index': {
      const index = files.get('index')!
      index[Math.floor(index.length / 3)]! ^= 0x40
      break
    }
    case 'short segment':
      files.set('chunks/000001', chunks.slice(0, Math.floor(chunks.length / 2)))
      break
    case 'no segment':
      files.delete('chunks/000001')
      break
    case 'broken meta.json':
      files.set('meta.json', new TextEncoder().encode('{"version": 1, "ulid'))
  }
}

/** The meta.json of a block that is shipped now. */
export function shippedMeta(meta: BlockMeta, nowMs: number): Uint8Array {
  const thanos = { ...meta.thanos!, upload_time: new Date(nowMs).toISOString() }
  return new TextEncoder().encode(formatBlockMeta({ ...meta, thanos }))
}
