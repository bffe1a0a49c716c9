/** What goes wrong when: drawn before the run, so that a seed says it all. */
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import type { ProxyMode } from './outage-proxy.ts'

export type Disturbance =
  | { readonly type: 'agent'; readonly signal: 'SIGKILL' | 'SIGTERM'; readonly pauseMs: number }
  | { readonly type: 'prometheus'; readonly signal: 'SIGKILL' | 'SIGTERM' }
  | { readonly type: 'bucket'; readonly mode: ProxyMode }
  /** The file system of Prometheus's data. */
  | { readonly type: 'disk'; readonly isFull: boolean }

export interface Planned {
  /** Since the start of the run. */
  readonly atMs: number
  readonly what: Disturbance
}

export interface DisturbanceOptions {
  readonly seed: string
  readonly runMs: number
  /** Of the agent, by SIGKILL; a fifth as many end by SIGTERM. */
  readonly kills: number
  /** Of Prometheus; one of them by SIGKILL. */
  readonly restarts: number
  readonly outageMs: number
  /** How long the disk is full, if at all. */
  readonly diskFullMs: number
}

/** Of the run: nothing happens before and after, so that it begins and ends in peace. */
const QUIET = { before: 0.05, after: 0.06 }
const OUTAGE_BEGINS = 0.45
const DISK_FULL_BEGINS = 0.2
/** The outage is all of these, one after the other. */
const OUTAGE_MODES: readonly ProxyMode[] = ['reset', 'hang', 'unavailable', 'reset']

export function planDisturbances(options: DisturbanceOptions): Planned[] {
  const { seed, runMs, kills, restarts, outageMs, diskFullMs } = options
  let drawn = 0
  const draw = (): number => noise(seedOf(seed), drawn++)
  const anyTime = (): number => runMs * (QUIET.before + draw() * (1 - QUIET.before - QUIET.after))
  const planned: Planned[] = []
  const agent = (signal: 'SIGKILL' | 'SIGTERM'): void => {
    // Half of them are started again at once.
    const pauseMs = draw() < 0.5 ? 0 : draw() * 8000
    planned.push({ atMs: anyTime(), what: { type: 'agent', signal, pauseMs } })
  }
  for (let i = 0; i < kills; i++) agent('SIGKILL')
  for (let i = 0; i < Math.round(kills / 5); i++) agent('SIGTERM')
  for (let i = 0; i < restarts; i++) {
    const signal = i === 0 ? 'SIGKILL' : 'SIGTERM'
    planned.push({ atMs: anyTime(), what: { type: 'prometheus', signal } })
  }
  if (outageMs > 0) {
    const beginMs = OUTAGE_BEGINS * runMs
    const partMs = outageMs / OUTAGE_MODES.length
    OUTAGE_MODES.forEach((mode, i) =>
      planned.push({ atMs: beginMs + i * partMs, what: { type: 'bucket', mode } }),
    )
    planned.push({ atMs: beginMs + outageMs, what: { type: 'bucket', mode: 'pass' } })
  }
  if (diskFullMs > 0) {
    const beginMs = DISK_FULL_BEGINS * runMs
    planned.push({ atMs: beginMs, what: { type: 'disk', isFull: true } })
    planned.push({ atMs: beginMs + diskFullMs, what: { type: 'disk', isFull: false } })
  }
  return planned.sort((a, b) => a.atMs - b.atMs)
}
