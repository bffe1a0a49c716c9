// Forty minutes of a ruler, undisturbed or with all that can happen to it, drawn from a seed.
import { DomainError } from '#lib/model/errors.ts'
import { readRulerState } from '#lib/rules/tick/state-object.ts'
import { RandomSource } from '../../promql/random/random-source.ts'
import { BEGIN, MINUTE, type Ruler, World } from './world.ts'

const FAST = (threshold: number): string => `groups:
- name: fast
  interval: 15s
  rules:
  - record: load:sum
    expr: sum(load)
  - record: load:by_pod
    expr: max by (pod) (load)
    labels: {kind: '${threshold}'}
- name: alerts
  interval: 30s
  labels: {team: db}
  rules:
  - alert: High
    expr: load > ${threshold}
    for: 1m
    keep_firing_for: 45s
  - alert: Gone
    expr: absent(load{pod="c"})
`
const DERIVED = `groups:
- name: derived
  rules:
  - record: load:sum:avg3m
    expr: avg_over_time(load:sum[3m])
  - record: load:change
    expr: load:sum - load:sum offset 2m
  - alert: SumHigh
    expr: load:sum:avg3m > 160
- name: over alerts
  query_offset: 2m
  rules:
  - record: alerts:count
    expr: count by (alertname, alertstate) (ALERTS)
`
const ADDED = `groups:
- name: added
  rules:
  - record: load:min
    expr: min({__name__=~"load:.*"})
`

/** Minute → file → what it becomes. */
const CHANGES: Readonly<Record<number, readonly [name: string, yaml: string]>> = {
  12: ['a.yaml', FAST(70)],
  20: ['c.yaml', ADDED],
  28: ['b.yaml', DERIVED.slice(0, DERIVED.indexOf('- name: over alerts'))],
}
const MINUTES = 40

export interface Ending {
  readonly samples: ReadonlySet<string>
  readonly alerts: ReadonlySet<string>
  readonly groups: readonly string[]
  readonly waiting: number
  /** What happened, by kind. */
  readonly happened: ReadonlyMap<string, number>
}

export async function undisturbed(): Promise<Ending> {
  return new History().run()
}

export async function disturbed(seed: number): Promise<Ending> {
  return new History(new RandomSource(seed)).run()
}

interface Sleeper {
  readonly untilMinute: number
  readonly wake: () => void
  readonly end: Promise<unknown>
}

class History {
  readonly #world = new World()
  readonly #random: RandomSource | undefined
  readonly #happened = new Map<string, number>()
  #ruler: Ruler | undefined
  #sleepers: Sleeper[] = []
  /** Minutes in a row without a tick that was done. */
  #lost = 0

  constructor(random?: RandomSource) {
    this.#random = random
  }

  async run(): Promise<Ending> {
    const world = this.#world
    await world.putData(MINUTES + 10)
    world.nowMs = BEGIN - 3 * MINUTE
    await world.putFile('a.yaml', FAST(60))
    await world.putFile('b.yaml', DERIVED)
    for (let minute = 0; minute < MINUTES; minute++) {
      world.nowMs = BEGIN + minute * MINUTE
      const change = CHANGES[minute]
      if (change) await world.putFile(...change)
      world.nowMs += 7000
      await this.#wake(minute)
      const isCalm = minute === 0 || minute > MINUTES - 8 || this.#lost >= 4
      if (isCalm || !this.#random) await this.#calm()
      else await this.#disturbed(minute, this.#random)
    }
    await this.#wake(Infinity)
    await this.#calm()
    return this.#ending()
  }

  async #calm(): Promise<void> {
    const world = this.#world
    world.skewMs = 0
    world.receiver.isDown = false
    const report = await this.#living().tick()
    this.#count(`calm ${report.outcome}`)
    // A claim of one that was killed, or of a clock that was ahead, runs out.
    if (report.outcome === 'done') this.#lost = 0
  }

  #living(): Ruler {
    if (!this.#ruler || this.#ruler.isDead || this.#ruler.isAsleep)
      this.#ruler = this.#world.ruler()
    this.#ruler.fate = () => {}
    return this.#ruler
  }

  async #disturbed(minute: number, random: RandomSource): Promise<void> {
    const world = this.#world
    this.#lost++
    if (random.chance(0.1)) world.receiver.isDown = !world.receiver.isDown
    const nearChange = Object.keys(CHANGES).some((at) => Math.abs(Number(at) - minute) <= 4)
    if (nearChange) world.skewMs = 0
    else if (random.chance(0.15))
      world.skewMs = random.pick([-180_000, -20_000, 0, 45_000, 200_000])
    const dice = random.next()
    if (dice < 0.08) this.#count('no tick')
    else if (dice < 0.2) await this.#twins(random)
    else if (dice < 0.4) await this.#killed(random)
    else if (dice < 0.5) await this.#asleep(minute, random)
    else if (dice < 0.6) await this.#faulty(random)
    else await this.#tick(this.#living(), 'tick')
  }

  async #tick(ruler: Ruler, name: string): Promise<void> {
    try {
      const { outcome } = await ruler.tick()
      if (outcome === 'done') this.#lost = 0
      this.#count(`${name} ${outcome}`)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.#count(`${name} ${error.kind}`)
    }
  }

  async #twins(random: RandomSource): Promise<void> {
    const other = this.#world.ruler()
    const slow = random.pick([other, this.#living()])
    // Their steps take turns in another way each time.
    slow.fate = async () => {
      for (let turns = random.below(4); turns > 0; turns--) await new Promise(setImmediate)
    }
    await Promise.all([this.#tick(this.#living(), 'twin'), this.#tick(other, 'twin')])
  }

  async #killed(random: RandomSource): Promise<void> {
    const ruler = this.#living()
    const at = 1 + random.below(random.pick([10, 40, 120]))
    ruler.fate = (step) => {
      if (step >= at) ruler.isDead = true
    }
    await this.#tick(ruler, 'kill')
  }

  async #asleep(minute: number, random: RandomSource): Promise<void> {
    const ruler = this.#living()
    const at = 1 + random.below(random.pick([10, 40, 120]))
    let fallAsleep = (): void => {}
    const asleep = new Promise<void>((resolve) => (fallAsleep = resolve))
    let wake = (): void => {}
    const awake = new Promise<void>((resolve) => (wake = resolve))
    ruler.fate = async (step) => {
      if (step < at || ruler.isAsleep === false) return
      ruler.isAsleep = true
      fallAsleep()
      await awake
    }
    const end = this.#tick(ruler, 'sleep')
    await Promise.race([asleep, end])
    if (ruler.isAsleep !== true) return
    this.#sleepers.push({
      untilMinute: minute + 1 + random.below(4),
      wake: () => {
        ruler.isAsleep = false
        wake()
      },
      end,
    })
  }

  async #faulty(random: RandomSource): Promise<void> {
    const ruler = this.#living()
    let left = 1 + random.below(3)
    const from = random.below(30)
    ruler.fate = (step, what) => {
      // Without a list of files the ruler goes on with those it knows: what it evaluates then differs near a change.
      const isOurs = /thaw\/rule\/state|put thaw\/fresh/.test(what)
      if (!isOurs || step < from || left === 0) return
      left--
      throw new DomainError('unavailable', `${what}: slow down`)
    }
    await this.#tick(ruler, 'fault')
  }

  async #wake(minute: number): Promise<void> {
    const due = this.#sleepers.filter(({ untilMinute }) => untilMinute <= minute)
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper))
    for (const { wake, end } of due) {
      wake()
      await end
    }
  }

  #count(what: string): void {
    this.#happened.set(what, (this.#happened.get(what) ?? 0) + 1)
  }

  async #ending(): Promise<Ending> {
    const stored = await readRulerState(this.#world.bucket)
    if (!stored || !('state' in stored)) throw new Error('the state is lost')
    const { state } = stored
    return {
      samples: await this.#world.samples(),
      alerts: this.#world.receiver.seen,
      groups: state.groups.map(({ file, config, missed, nextMs, state: group }) => {
        const { iterations } = group.counters
        return `${file};${config.name} ${iterations} evaluations, ${missed} missed, next ${(nextMs - BEGIN) / 1000}`
      }),
      waiting: state.outbox.alerts.length + state.outbox.parcels.length,
      happened: this.#happened,
    }
  }
}
