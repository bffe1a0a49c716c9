/** What goes on beside the queries: rules are evaluated, blocks arrive, plans are made and jobs done. */
import { setTimeout as sleep } from 'node:timers/promises'
import { readRulerState } from '#lib/rules/tick/state-object.ts'
import type { Cloud } from '#localstack/cloud/embedded-cloud.ts'
import { RULE_INTERVAL_MS, type RollingWorld } from './rolling-world.ts'

const TICK_MS = 2000
const ARRIVAL_MS = 4000

export interface TrafficFigures {
  /** Runs of the ruler. */
  readonly ticks: number
  readonly evaluated: number
  readonly arrived: number
  /** Jobs that were done. */
  readonly compacted: number
  readonly problems: readonly string[]
}

export class Traffic {
  readonly #cloud: Cloud
  readonly #world: RollingWorld
  readonly #problems: string[] = []
  readonly #running: Promise<void>[] = []
  #stopped = false
  #ticks = 0
  #evaluated = 0
  #arrived = 0

  constructor(cloud: Cloud, world: RollingWorld) {
    this.#cloud = cloud
    this.#world = world
  }

  start(): void {
    this.#running.push(
      this.#each(TICK_MS, () => this.#tick()),
      this.#each(ARRIVAL_MS, () => this.#arrive()),
    )
  }

  async stop(): Promise<TrafficFigures> {
    this.#stopped = true
    await Promise.all(this.#running)
    const compacted = this.#cloud.stats()['thaw-compact']!.invokes
    const dead = this.#cloud.queue('thaw-dead-jobs').size
    if (dead > 0) this.#problems.push(`${dead} jobs failed three times`)
    const { failures } = this.#cloud.stats()['thaw-compact']!
    if (failures > 0) this.#problems.push(`${failures} jobs failed`)
    await this.#checkRules()
    return {
      ticks: this.#ticks,
      evaluated: this.#evaluated,
      arrived: this.#arrived,
      compacted,
      problems: this.#problems,
    }
  }

  async #each(everyMs: number, what: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await what().catch((error: unknown) => void this.#problems.push(String(error)))
      await sleep(everyMs)
    }
  }

  async #tick(): Promise<void> {
    for (const { failure, payload } of await this.#cloud.runSchedule('thaw-rule')) {
      this.#ticks++
      if (failure !== undefined) this.#problems.push(`rule: ${payload.toString()}`)
      else {
        const report = JSON.parse(payload.toString()) as { evaluations: number; problems: string[] }
        this.#evaluated += report.evaluations
        this.#problems.push(...report.problems.map((problem) => `rule: ${problem}`))
      }
    }
  }

  async #arrive(): Promise<void> {
    const { key, size } = await this.#world.arrive()
    this.#arrived++
    const woken = this.#cloud.objectCreated(key, size)
    if (woken.length !== 1) this.#problems.push(`${woken.length} functions were woken by a block`)
  }

  /** No slot was left out, whoever evaluated it. */
  async #checkRules(): Promise<void> {
    const stored = await readRulerState(this.#world.bucket)
    if (!stored || !('state' in stored)) {
      this.#problems.push('there is no state of the ruler')
      return
    }
    const [group] = stored.state.groups
    const missed = group?.missed ?? 0
    if (missed > 0) this.#problems.push(`${missed} slots of ${RULE_INTERVAL_MS} ms were missed`)
  }
}
