/**
 * One history: blocks come, planners look, workers work, all of them at once and in an order by chance; they die at any operation, and time
 * goes on in the middle of everything. Whenever it is asked, the bucket answers as one in which nothing was ever compacted.
 */
import { ulid } from 'ulid'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { Chance } from '#test/e2e/support/thanos-random.ts'
import { Answers } from './answers.ts'
import { readIndex, unreferencedKeys } from './bucket-state.ts'
import { DEFAULT_COMPACT_SETTINGS, type CompactSettings } from '#lib/compact/plan/settings.ts'
import { type Actor, type Planned, planTick, textOf, work } from './driver.ts'
import { makeQuestions, type Question } from './questions.ts'
import { type Dangers, NO_DANGERS, type Process, settled, Turns } from './turns.ts'
import { HOUR_MS, makeWorld, shippedMeta, type World, type WorldBlock } from './world.ts'

export interface HistoryReport {
  readonly seed: number
  /** What went wrong; none in a good history. */
  readonly failures: readonly string[]
  readonly log: readonly string[]
  readonly counts: Counts & Pick<Answers, 'questions' | 'values'>
}

export interface Counts {
  blocks: number
  blocksAtEnd: number
  deaths: number
  faults: number
  plans: number
  works: number
  /** By type of the job and what became of it. */
  readonly outcomes: Record<string, number>
}

/** An agent whose upload ended does not come back later than this: what is left of it may be deleted. */
const COMES_BACK_MS = 20 * HOUR_MS
const MOST_AT_ONCE = 5

export async function runHistory(seed: number): Promise<HistoryReport> {
  const chance = new Chance(seed)
  const world = await makeWorld(chance)
  const history = new History(chance, world)
  try {
    await history.run()
    await history.finish()
  } catch (error) {
    history.fail(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return history.report(seed)
}

interface Shipment {
  readonly block: WorldBlock
  /** When it began; the same for whoever ships it again. */
  readonly sinceMs: number
}

function settingsOf(chance: Chance, world: World): CompactSettings {
  const hours = (list: readonly number[]): number => chance.one(list) * HOUR_MS
  const raw = hours([0, 0, 0, 30, 96, 480])
  return {
    ...DEFAULT_COMPACT_SETTINGS,
    deleteDelayMs: hours([48, 48, 30, 0]),
    consistencyDelayMs: hours([0, 0.5]),
    retentionMs: { raw, fiveMinutes: raw, oneHour: raw },
    downsampling: false,
    dedup: world.replicasAgree ? { func: '', replicaLabels: ['replica'] } : undefined,
    rangesMs: chance
      .one([
        [2, 8, 48, 336],
        [2, 8],
        [2, 4, 12],
      ])
      .map((range) => range * HOUR_MS),
    maxIndexBytes: chance.one([1e9, 1e9, 20_000]),
    maxInputs: chance.one([32, 32, 3]),
    maxJobSeconds: chance.one([600, 600, 0.6]),
  }
}

/** A job that is planned still is sent again after this long. */
const RESEND_MS = 20 * 60_000

class History {
  readonly failures: string[] = []
  readonly counts: Counts
  readonly #chance: Chance
  readonly #world: World
  readonly #settings: CompactSettings
  readonly #turns: Turns
  readonly #live: Bucket
  readonly #answers: Answers
  readonly #questions: readonly Question[]
  readonly #toCome: WorldBlock[]
  readonly #running = new Set<Process>()
  readonly #queue: Planned[] = []
  #cutOff: Shipment | undefined
  /** Blocks of which no meta.json ever came, unless the agent died just behind it. */
  readonly #givenUp = new Set<WorldBlock>()
  #nowMs: number
  #dangers: Dangers
  #count = 0

  constructor(chance: Chance, world: World) {
    this.#chance = chance
    this.#world = world
    this.#settings = settingsOf(chance, world)
    this.#turns = new Turns(chance)
    this.#toCome = [...world.blocks]
    this.#nowMs = world.blocks[0]!.meta.maxTime
    this.#dangers = chance.one([
      NO_DANGERS,
      { dies: 0.005, fails: 0 },
      { dies: 0.02, fails: 0 },
      { dies: 0.01, fails: 0.01 },
      { dies: 0.1, fails: 0 },
    ])
    const now = (): number => this.#nowMs
    this.#live = memoryBucket({ now, pageSize: chance.one([1000, 3, 17]) })
    this.#questions = makeQuestions(chance, world, 10)
    this.#answers = new Answers(this.#live, world.blocks, {
      now,
      replicaLabels: this.#settings.dedup || chance.is(0.5) ? ['replica'] : [],
      sliceBytes: chance.one([500, 5000, 1e9]),
      retentionMs: this.#settings.retentionMs.raw,
    })
    this.counts = {
      blocks: world.blocks.length,
      blocksAtEnd: 0,
      deaths: 0,
      faults: 0,
      plans: 0,
      works: 0,
      outcomes: {},
    }
    this.#log(`settings ${JSON.stringify(this.#settings)}`)
    for (const { id, meta, flaw, files } of world.blocks) {
      const hours = (ms: number): string => (ms / HOUR_MS - 488_000).toFixed(2)
      const more = [
        flaw,
        files.has('tombstones') && 'tombstones',
        meta.compaction.level > 1 && meta.compaction.sources,
      ].filter(Boolean)
      this.#log(
        `block ${id} ${JSON.stringify(meta.thanos!.labels)} ${hours(meta.minTime)}…${hours(meta.maxTime)} ${meta.stats.numSamples} samples ${more.join()}`,
      )
    }
  }

  get log(): readonly string[] {
    return this.#turns.log
  }

  report(seed: number): HistoryReport {
    const { failures, log, counts } = this
    const { questions, values } = this.#answers
    return { seed, failures, log, counts: { ...counts, questions, values } }
  }

  fail(text: string): void {
    this.failures.push(text)
    this.#log(`FAILURE ${text}`)
  }

  /** Everything at once. */
  async run(): Promise<void> {
    const chance = this.#chance
    // A bucket without an index is scanned: who looks then may know more than the planner that is listing it.
    await updateBucketIndex(this.#live, { now: () => this.#nowMs })
    const steps = chance.whole(300, 1200)
    for (let step = 0; step < steps && this.failures.length === 0; step++) {
      const what = chance.number()
      if (what < 0.03) await this.#ship()
      else if (what < 0.045) await this.#startPlanner()
      else if (what < 0.12) await this.#startWorker()
      else if (what < 0.13) this.#wait()
      else if (what < 0.134) await this.#askAll([0, 1, 2].map(() => chance.one(this.#questions)))
      else if (this.#turns.isIdle && this.#running.size > 0) this.fail(`hangs: ${this.#names()}`)
      else if (this.#turns.isIdle) await this.#startSomething()
      else await this.#turns.next()
    }
  }

  /** Nothing goes wrong any more, everything has come, and all delays are over. */
  async finish(): Promise<void> {
    if (this.failures.length > 0) return
    this.#dangers = NO_DANGERS
    if (this.#chance.is(0.5)) for (const process of this.#running) this.#turns.kill(process)
    await this.#untilDone()
    while (this.#toCome.length > 0 || this.#cutOff) {
      await this.#ship()
      await this.#untilDone()
    }
    this.#queue.length = 0
    for (let quiet = 0, round = 0; quiet < 6; round++) {
      if (round === 60) return this.fail('there is always something to do')
      if (round > 0) this.#nowMs += quiet === 0 ? HOUR_MS : 25 * HOUR_MS
      quiet = (await this.#workOff()) ? 0 : quiet + 1
    }
    await this.#check()
  }

  async #untilDone(): Promise<void> {
    while (this.#running.size > 0) {
      if (this.#turns.isIdle) throw new Error(`hangs: ${this.#names()}`)
      await this.#turns.next()
    }
  }

  #names(): string {
    return [...this.#running].map(({ name }) => name).join()
  }

  /** Whether there was something to do. */
  async #workOff(): Promise<boolean> {
    const actor = this.#actor('the last', this.#live)
    const planned = await planTick(actor, this.#settings, 0)
    await this.#answers.look()
    for (const one of planned) {
      const { status, report } = await work(one.job, actor, this.#settings)
      this.#log(`the last: ${textOf(one)}: ${status}, ${report}`)
    }
    return planned.length > 0
  }

  async #check(): Promise<void> {
    const now = (): number => this.#nowMs
    await updateBucketIndex(this.#live, { now })
    await this.#answers.look()
    const { raw: retentionMs } = this.#settings.retentionMs
    const isOver = ({ meta }: WorldBlock): boolean =>
      retentionMs > 0 && meta.maxTime + retentionMs < this.#nowMs
    for (const block of this.#world.blocks) {
      if (!block.isNoBlock && !this.#answers.seen.has(block.id) && !this.#givenUp.has(block))
        this.fail(`${block.id} was never seen`)
    }
    await this.#askAll(this.#questions)
    const { blocks } = await readIndex(this.#live, now)
    this.counts.blocksAtEnd = blocks.length
    for (const block of blocks) {
      if (block.hidden) this.fail(`${block.id} is ${block.hidden} still`)
      if (retentionMs > 0 && block.maxTimeMs + retentionMs < this.#nowMs) {
        this.fail(`${block.id} is too old still`)
      }
    }
    const flawed = new Map(
      this.#world.blocks.filter(({ flaw }) => flaw).map((one) => [one.id, one]),
    )
    const left = await unreferencedKeys(this.#live, now)
    if (left.length > 0) this.fail(`unreferenced: ${left.join(' ')}`)
    const ids = new Set(blocks.map(({ id }) => id))
    for (const [id, block] of flawed) {
      // What cannot be read cannot have been replaced.
      const stays = ['broken chunk', 'broken index', 'short segment'].includes(block.flaw!)
      if (stays && this.#answers.seen.has(id) && !ids.has(id) && !isOver(block)) {
        this.fail(`${id} (${block.flaw}) is gone, and nobody could read it`)
      }
    }
  }

  #log(text: string): void {
    this.#turns.log.push(text)
  }

  #actor(name: string, bucket: Bucket): Actor {
    const chance = this.#chance
    const skewMs = Math.floor(chance.number(chance.one([0, 0, 60_000])))
    return {
      name,
      bucket,
      now: () => this.#nowMs + skewMs,
      newUlid: () => ulid(this.#nowMs, () => chance.number()),
    }
  }

  async #start(
    name: string,
    work: (actor: Actor) => Promise<void>,
    died: () => void = () => undefined,
  ): Promise<void> {
    const process: Process = {
      name: `${name}#${++this.#count}`,
      dangers: this.#dangers,
      dead: false,
      onDeath: () => {
        this.#running.delete(process)
        this.counts.deaths++
        died()
      },
    }
    this.#running.add(process)
    const actor = this.#actor(process.name, this.#turns.bucketOf(process, this.#live))
    void work(actor)
      .catch((error: unknown) => {
        const expected = error instanceof DomainError && EXPECTED.has(error.kind)
        if (expected) {
          this.counts.faults++
          this.#log(`${process.name}: rejected ${error.message}`)
          died()
        } else this.fail(`${process.name}: ${(error as Error).stack}`)
      })
      .finally(() => this.#running.delete(process))
    await settled()
  }

  async #startSomething(): Promise<void> {
    const what = this.#chance.whole(0, 3)
    if (what === 0) await this.#ship()
    else if (what === 1 && this.#queue.length > 0) await this.#startWorker()
    else if (what === 2) await this.#startPlanner()
    else this.#wait()
  }

  #wait(): void {
    const minutes = this.#chance.one([1, 5, 20, 20, 60, 180, 600, 1600, 3000])
    // Those that hold on to a listing for days are rare.
    if (minutes > 700 && this.#chance.is(0.7)) return
    this.#nowMs += minutes * 60_000
    this.#log(`${minutes} minutes later`)
  }

  async #ship(): Promise<void> {
    if (this.#running.size >= MOST_AT_ONCE) return
    let shipment = this.#cutOff
    if (shipment && this.#nowMs - shipment.sinceMs > COMES_BACK_MS) {
      this.#givenUp.add(shipment.block)
      shipment = undefined
    }
    if (!shipment) {
      const block = this.#toCome.shift()
      if (!block) {
        this.#cutOff = undefined
        return
      }
      this.#nowMs = Math.max(this.#nowMs, block.meta.maxTime + 60_000)
      shipment = { block, sinceMs: this.#nowMs }
    }
    this.#cutOff = undefined
    const { block, sinceMs } = shipment
    const text = block.isNoBlock ? block.files.get('meta.json')! : shippedMeta(block.meta, sinceMs)
    await this.#start(
      `agent ${block.id.slice(-3)}`,
      async ({ bucket }) => {
        for (const [file, bytes] of block.files) {
          await bucket.put(`${block.id}/${file}`, file === 'meta.json' ? text : bytes)
        }
      },
      () => {
        // Others of its blocks come later: an agent ships one after the other.
        if (this.#cutOff) this.#toCome.unshift(block)
        else this.#cutOff = shipment
      },
    )
  }

  async #startPlanner(): Promise<void> {
    if (this.#running.size >= MOST_AT_ONCE) return
    await this.#start('planner', async (actor) => {
      const planned = await planTick(actor, this.#settings, RESEND_MS)
      this.counts.plans++
      await this.#answers.look()
      for (const one of planned) {
        // A queue gives some twice, and out of order; some are lost with the planner.
        const times = this.#chance.one([1, 1, 1, 1, 2, 0])
        for (let i = 0; i < times; i++) this.#queue.push(one)
      }
      for (const one of planned) this.#log(`${actor.name} planned ${textOf(one)}`)
    })
  }

  async #startWorker(): Promise<void> {
    if (this.#running.size >= MOST_AT_ONCE || this.#queue.length === 0) return
    const [taken] = this.#queue.splice(this.#chance.whole(0, this.#queue.length - 1), 1)
    await this.#start(
      `worker`,
      async (actor) => {
        this.counts.works++
        this.#log(`${actor.name} takes ${textOf(taken!)}`)
        const { status, report } = await work(taken!.job, actor, this.#settings)
        this.#log(`${actor.name}: ${status}, ${report}`)
        const outcome = `${taken!.job.type} ${status}`
        this.counts.outcomes[outcome] = (this.counts.outcomes[outcome] ?? 0) + 1
        if (status === 'held' && this.#chance.is(0.5)) this.#queue.push(taken!)
      },
      () => {
        if (this.#chance.is(0.6)) this.#queue.push(taken!)
      },
    )
  }

  async #askAll(questions: readonly Question[]): Promise<void> {
    await this.#answers.look()
    for (const question of questions) {
      const wrong = await this.#answers.wrong(question)
      if (wrong !== undefined) return this.fail(wrong)
    }
  }
}

/** What a later try may cure. */
const EXPECTED: ReadonlySet<string> = new Set([
  'unavailable',
  'timeout',
  'conflict',
  'not-found',
  'canceled',
])
