/** What happens in the small world, and when: fixed by hashes of absolute time, so that every window agrees. */
import { chance, hashPair, hashText } from './noise.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

const NODE_DOWN_EVERY_MS = 5 * DAY_MS
const NODE_DOWN_MS = 20 * 60_000
const ROLLOUT_EVERY_MS = 4 * DAY_MS
const GAP_EVERY_MS = 3 * DAY_MS
const ERRORS_MS = 12 * 60_000

/** [startMs, endMs). */
export interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** Once in each period, `lengthMs` somewhere inside it. */
function spanIn(period: number, everyMs: number, lengthMs: number, seed: number): Span {
  const startMs =
    period * everyMs + Math.floor((chance(seed, period) * (everyMs - lengthMs)) / 1000) * 1000
  return { startMs, endMs: startMs + lengthMs }
}

/** The minutes of each day in which the web service fails. */
export function errorSpan(cluster: string, timeMs: number): Span {
  return spanIn(Math.floor(timeMs / DAY_MS), DAY_MS, ERRORS_MS, hashText(`errors ${cluster}`))
}

export function failing(cluster: string, timeMs: number): boolean {
  const { startMs, endMs } = errorSpan(cluster, timeMs)
  return timeMs >= startMs && timeMs < endMs
}

/** Seconds of failure from 1970 to this time: each whole day has as many. */
export function failureSeconds(cluster: string, timeMs: number): number {
  const { startMs } = errorSpan(cluster, timeMs)
  const today = Math.min(Math.max(timeMs - startMs, 0), ERRORS_MS)
  return (Math.floor(timeMs / DAY_MS) * ERRORS_MS + today) / 1000
}

/** The twenty minutes in each five days in which one node of the cluster is down. */
function nodeDown(cluster: string, period: number): Span & { readonly node: number } {
  const seed = hashText(`node down ${cluster}`)
  const node = hashPair(seed + 1, period) % 3
  return { ...spanIn(period, NODE_DOWN_EVERY_MS, NODE_DOWN_MS, seed), node }
}

export function isNodeDown(cluster: string, node: number, timeMs: number): boolean {
  const down = nodeDown(cluster, Math.floor(timeMs / NODE_DOWN_EVERY_MS))
  return down.node === node && timeMs >= down.startMs && timeMs < down.endMs
}

/** End of the last time the node was down. */
export function bootTimeMs(cluster: string, node: number, timeMs: number): number {
  let period = Math.floor(timeMs / NODE_DOWN_EVERY_MS)
  for (let left = 60; left > 0; left--, period--) {
    const down = nodeDown(cluster, period)
    if (down.node === node && down.endMs <= timeMs) return down.endMs
  }
  return period * NODE_DOWN_EVERY_MS
}

/** Each four days the web service is rolled out anew. Generation `g` lives until the next one begins. */
export function rollout(cluster: string, generation: number): Span {
  const seed = hashText(`rollout ${cluster}`)
  const at = (g: number) => spanIn(g, ROLLOUT_EVERY_MS, 1000, seed).startMs
  return { startMs: at(generation), endMs: at(generation + 1) }
}

/** Generations that live at some time of [startMs, endMs). */
export function generationsWithin(cluster: string, startMs: number, endMs: number): number[] {
  const generations: number[] = []
  const last = Math.floor(endMs / ROLLOUT_EVERY_MS)
  for (let g = Math.floor(startMs / ROLLOUT_EVERY_MS) - 1; g <= last; g++) {
    const span = rollout(cluster, g)
    if (span.startMs < endMs && span.endMs > startMs) generations.push(g)
  }
  return generations
}

/** The hour of each three days in which this Prometheus was not running. No two replicas miss the same one. */
export function isGap(cluster: string, replica: number, timeMs: number): boolean {
  const period = Math.floor(timeMs / GAP_EVERY_MS)
  const hours = GAP_EVERY_MS / HOUR_MS / 2
  const hour =
    (replica % 2) * hours + (hashPair(hashText(`gap ${cluster} ${replica}`), period) % hours)
  const startMs = period * GAP_EVERY_MS + hour * HOUR_MS
  return timeMs >= startMs && timeMs < startMs + HOUR_MS
}

/** Something whose counters begin at zero whenever it starts. */
export interface Process {
  readonly cluster: string
  readonly node: number
  readonly seed: number
  readonly bornMs: number
  /** It crashes once in each period of this length; 0 for never. */
  readonly crashEveryMs: number
}

function crashMs({ seed, crashEveryMs }: Process, period: number): number {
  return spanIn(period, crashEveryMs, 1000, seed).startMs
}

/** When the process that runs at this time was started. */
export function startedMs(process: Process, timeMs: number): number {
  const { cluster, node, bornMs, crashEveryMs } = process
  let started = Math.max(bornMs, bootTimeMs(cluster, node, timeMs))
  if (crashEveryMs > 0) {
    const period = Math.floor(timeMs / crashEveryMs)
    const crashed = crashMs(process, period)
    started = Math.max(started, crashed <= timeMs ? crashed : crashMs(process, period - 1))
  }
  return started
}

/** Crashes since it was born. */
export function crashCount(process: Process, timeMs: number): number {
  const { bornMs, crashEveryMs } = process
  if (crashEveryMs === 0) return 0
  const upTo = (ms: number) => {
    const period = Math.floor(ms / crashEveryMs)
    return period + (crashMs(process, period) <= ms ? 1 : 0)
  }
  return upTo(timeMs) - upTo(bornMs)
}
