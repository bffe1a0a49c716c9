/** Starts two rulers at a time, as two schedulers would, and kills them at random steps. */
import { setTimeout as wait } from 'node:timers/promises'
import { RulerProcess, type RulerSettings, type TickEnd } from './ruler-processes.ts'

const STATE = 'put thaw/rule/state.json.gz'
const TICK_EVERY_MS = 1000
/** After so many without an evaluation one lives, so that alerts are not later than they last. */
const MOST_ROUNDS = 7

export class Killer {
  /** The steps of those that were killed. */
  readonly kills: (readonly string[])[] = []
  readonly #settings: RulerSettings
  readonly #random: () => number
  #rounds = 0
  /** Of a tick that came to its end. */
  #steps = 12

  constructor(settings: RulerSettings, seed: number) {
    this.#settings = settings
    this.#random = randomOf(seed)
  }

  /** Until so many have been killed, and not before then. */
  async run(kills: number, untilMs: number): Promise<void> {
    const twins = [this.#start(), this.#start()]
    while (this.kills.length < kills || Date.now() < untilMs) {
      const began = Date.now()
      const ends = await Promise.all(twins.map(async (twin) => (await twin).tick(this.#fate())))
      for (const [i, end] of ends.entries()) {
        if (end.killed) twins[i] = this.#start()
        this.#note(end)
      }
      this.#rounds = ends.some(({ report }) => report?.outcome === 'done') ? 0 : this.#rounds + 1
      await wait(Math.max(0, TICK_EVERY_MS - (Date.now() - began)))
    }
    await Promise.all(twins.map(async (twin) => (await twin).stop()))
  }

  /** Ticks that nobody kills, until then. */
  async calmDown(untilMs: number): Promise<void> {
    const ruler = await this.#start()
    while (Date.now() < untilMs) {
      await ruler.tick()
      await wait(TICK_EVERY_MS)
    }
    await ruler.stop()
  }

  #start(): Promise<RulerProcess> {
    return RulerProcess.start(this.#settings)
  }

  #fate(): { step: number; afterMs: number } | undefined {
    // While a tick is claimed by a dead one, others have few steps: they would be killed at these only.
    const chance = this.#rounds === 0 ? 0.7 : 0.15
    if (this.#rounds >= MOST_ROUNDS || this.#random() > chance) return undefined
    const step = 2 + Math.floor(this.#random() * this.#steps)
    return { step, afterMs: Math.floor(this.#random() * 8) }
  }

  #note({ killed, steps, report }: TickEnd): void {
    if (killed) this.kills.push(steps)
    else if (report?.outcome === 'done') this.#steps = steps.length
  }
}

/** How far it came. */
export function killPhase(steps: readonly string[]): string {
  const written = steps.filter((step) => step === STATE).length
  const phases = [
    'before they claimed the tick',
    'between claim and commit',
    'between commit and delivery',
    'after delivery',
  ]
  const isDelivering = steps.lastIndexOf('before send') > steps.lastIndexOf('send')
  return isDelivering ? 'while they sent alerts' : phases[Math.min(written, 3)]!
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
