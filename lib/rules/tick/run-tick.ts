/**
 * A tick: all that rules have to do by now, once, whoever else tries the same at the same time, and wherever one is killed.
 *
 *     read the state, and the files → claim it → deliver what a killed one left → evaluate → commit → deliver → give it back
 *
 * Claim, commit and giving back are changes of one object by compare-and-swap. With the commit, evaluations have happened, and what they
 * want done is written down; before it nothing of them is anywhere, and after it whatever is done may be done twice.
 */
import { DomainError, isKind } from '#lib/model/errors.ts'
import { loadHash } from '#lib/promql/execute/label-hash.ts'
import { Claim, isClaimed, MAX_TICK_MS } from './claim.ts'
import { deliverParcels, type Delivery, sendAlerts } from './deliver.ts'
import { type LoadedFiles, loadFiles } from './load-files.ts'
import { type GroupPlan, planTick } from './plan-tick.ts'
import type { RulerState } from './ruler-state.ts'
import { type PlansRun, runPlans } from './run-plans.ts'
import { committedState, newRulerState } from './state-changes.ts'
import { readRulerState } from './state-object.ts'
import type { TickParts } from './tick-parts.ts'
import { doneReport, NO_TICK, type TickReport } from './tick-report.ts'
import { TickTime } from './tick-time.ts'
import { watchdogAlerts } from './watchdog.ts'

export interface TickOptions {
  /** When whoever runs it ends it. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Rejects where the bucket does: then nothing was evaluated, or the next tick delivers what was. Rules that fail, files that are bad and
 * Alertmanagers that are down are in the report.
 */
export async function runTick(parts: TickParts, options: TickOptions): Promise<TickReport> {
  await loadHash()
  const beganMs = parts.now()
  const deadlineMs = Math.min(options.deadlineMs, beganMs + MAX_TICK_MS)
  const time = new TickTime(beganMs, deadlineMs, options.signal)
  try {
    return await new Tick(parts, time).run()
  } finally {
    time.end()
  }
}

interface Known {
  readonly state: RulerState
  /** Undefined: there is none in the bucket. */
  readonly etag: string | undefined
}

interface Planned {
  readonly loaded: LoadedFiles
  readonly plans: readonly GroupPlan[]
}

/** However slow Alertmanagers are, and many the alerts: the next tick goes on. */
const MAX_SENDING_MS = 30_000

class Tick {
  readonly #parts: TickParts
  readonly #time: TickTime
  readonly #nowMs: number
  readonly #problems: string[] = []

  constructor(parts: TickParts, time: TickTime) {
    this.#parts = parts
    this.#time = time
    this.#nowMs = time.beganMs
  }

  async run(): Promise<TickReport> {
    const known = await this.#read()
    const { owner } = known.state
    if (isClaimed(known.state, this.#nowMs)) {
      const seconds = Math.ceil((owner!.untilMs - this.#nowMs) / 1000)
      return this.#nothing('busy', [`${owner!.id}, for ${seconds} s at most`])
    }
    const { files, settings } = this.#parts
    const at = { nowMs: this.#nowMs, signal: this.#time.signal }
    const loaded = await loadFiles(files, known.state.files, at)
    this.#problems.push(...loaded.problems)
    const plans = planTick(known.state, { loaded, settings, nowMs: this.#nowMs })
    if (settings.watchdog === '' && isIdle(known.state, loaded, plans)) {
      return { ...this.#nothing('done', this.#problems), groups: known.state.groups.length }
    }
    const claim = await this.#claim(known)
    if (!claim) return this.#nothing('busy', ['it was faster'])
    try {
      const { state, run } = await this.#evaluate(claim, { loaded, plans })
      if (!(await this.#isCommitted(claim, state))) return this.#nothing('lost', this.#problems)
      const { alertsSent, state: after } = await this.#deliver(claim)
      await this.#giveBack(claim, after)
      const ms = this.#parts.now() - this.#nowMs
      const problems = [...this.#problems]
      return doneReport(run, { before: known.state, after, alertsSent, ms, problems })
    } catch (error) {
      // So that the next one need not wait. What can't be given back runs out.
      await claim.release(claim.state).catch(() => undefined)
      throw error
    }
  }

  async #read(): Promise<Known> {
    const { bucket, newUlid, settings } = this.#parts
    const stored = await readRulerState(bucket, this.#time.signal)
    if (stored && 'state' in stored) return stored
    const newFromMs = stored ? this.#nowMs : this.#nowMs - settings.catchUpMs
    if (stored) {
      const { error, keptAt } = stored
      this.#problems.push(
        `the state can't be read, a copy is kept at ${keptAt}, and all groups begin anew: ${error.message}`,
      )
    }
    const state = newRulerState(newUlid(), { nowMs: this.#nowMs, updatedMs: newFromMs })
    return { state, etag: stored?.etag }
  }

  /** Undefined where another one was faster. */
  async #claim({ state, etag }: Known): Promise<Claim | undefined> {
    const { bucket, now, owner, newUlid } = this.#parts
    const { deadlineMs: untilMs, signal } = this.#time
    const id = `${owner} ${newUlid()}`
    try {
      return await Claim.take(state, etag, { bucket, now, id, untilMs, signal })
    } catch (error) {
      if (isKind(error, 'conflict')) return undefined
      throw error
    }
  }

  /** `state` is to be committed. */
  async #evaluate(
    claim: Claim,
    { loaded, plans }: Planned,
  ): Promise<{ readonly state: RulerState; readonly run: PlansRun }> {
    const { sink, reads } = this.#parts
    const { cut, cutMs } = this.#time
    // Queries read what was left to deliver.
    const before = sink.isRead ? await this.#storeResults(claim.state) : claim.state
    if (sink.isRead && before.outbox.parcels.length > 0) {
      throw new DomainError('unavailable', this.#problems.join(', '))
    }
    reads.begin()
    const run = await runPlans(plans, this.#parts, { cutMs, cut })
    this.#problems.push(...run.problems)
    const commit = { parts: this.#parts, loaded, nowMs: this.#nowMs }
    return { state: committedState(before, run, commit), run }
  }

  async #isCommitted(claim: Claim, state: RulerState): Promise<boolean> {
    try {
      await claim.write(state)
      return true
    } catch (error) {
      if (isKind(error, 'conflict')) return false
      throw error
    }
  }

  async #giveBack(claim: Claim, state: RulerState): Promise<void> {
    try {
      await claim.release(state)
    } catch (error) {
      if (!isKind(error, 'conflict')) throw error
      this.#problems.push(
        'another ruler has taken over, and delivers again what was evaluated here',
      )
    }
  }

  async #storeResults(state: RulerState): Promise<RulerState> {
    const { delivery: signal } = this.#time
    const { state: after, problems } = await deliverParcels(this.#parts, state, signal)
    this.#problems.push(...problems)
    return after
  }

  async #deliver(claim: Claim): Promise<Delivery> {
    const { state } = claim
    if (!(await claim.isOurs())) return { state, alertsSent: 0, problems: [] }
    const stored = await this.#storeResults(state)
    const sent = await sendAlerts(this.#parts, stored, {
      watchdog: watchdogAlerts(this.#parts.settings, {
        sinceMs: state.createdMs,
        nowMs: this.#nowMs,
      }),
      isOurs: () => claim.isOurs(),
      signal: AbortSignal.any([this.#time.delivery, AbortSignal.timeout(MAX_SENDING_MS)]),
    })
    this.#problems.push(...sent.problems)
    return { ...sent, state: await this.#tidied(sent.state) }
  }

  /** What can't be tidied now is tidied later. */
  async #tidied(state: RulerState): Promise<RulerState> {
    const { sink, now } = this.#parts
    if (now() >= this.#time.cutMs) return state
    try {
      return { ...state, packs: await sink.tidy(state.packs, this.#nowMs, this.#time.signal) }
    } catch (error) {
      this.#problems.push(`packs are not merged: ${(error as Error).message}`)
      return state
    }
  }

  #nothing(outcome: TickReport['outcome'], problems: readonly string[]): TickReport {
    return { ...NO_TICK, outcome, problems, ms: this.#parts.now() - this.#nowMs }
  }
}

/** Then nobody needs to be told that a tick is run. */
function isIdle(
  { outbox, files }: RulerState,
  loaded: LoadedFiles,
  plans: readonly GroupPlan[],
): boolean {
  return (
    plans.every(({ events }) => events.length === 0) &&
    outbox.alerts.length + outbox.parcels.length === 0 &&
    JSON.stringify(files) === JSON.stringify(loaded.files)
  )
}
