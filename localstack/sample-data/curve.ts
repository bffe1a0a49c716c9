/** How a number moves: a line, the cycle of the day, smooth noise and the daily failure, all in closed form. */
import { chance } from './noise.ts'
import type { Scrapes } from './scrapes.ts'

/** Times are counted from here, so that sums keep their digits. */
export const EPOCH_S = 1_735_689_600

/** Radians per second of a cycle that takes a day. */
export const OMEGA = (2 * Math.PI) / 86_400

/** level + slope·t + cos·cos ωt + sin·sin ωt + noise·N(t) + failure·F(t). */
export interface Curve {
  readonly level: number
  readonly slope: number
  readonly cos: number
  readonly sin: number
  readonly noise: number
  readonly noiseSeed: number
  /** Seconds between two values of the noise; between them it runs straight. */
  readonly noiseCell: number
  readonly failure: number
  /** For counters F is the seconds of failure so far, for gauges whether there is one now. */
  readonly cumulative: boolean
  /** Steps in a unit: 1 for whole numbers, 100 for hundredths. */
  readonly stepsPerUnit: number
}

export interface CounterOptions {
  readonly perSecond: number
  readonly seed: number
  readonly stepsPerUnit?: number | undefined
  /** More per second while the service fails. */
  readonly failurePerSecond?: number | undefined
  /** Share of the rate that comes and goes with the day. */
  readonly daily?: number | undefined
  /** Less noise: leaves room for a failure that takes a third of the rate away. */
  readonly quiet?: boolean | undefined
}

const NOISE_CELL_S = 300

/**
 * The integral of perSecond·(1 + daily·sin(ωt + φ)), with noise whose steepest way down is less than the
 * slowest way up: 2·noise/300 s < (1 − |daily|)·perSecond. So it never falls.
 */
export function counter(options: CounterOptions): Curve {
  const { perSecond, seed, stepsPerUnit = 1, failurePerSecond = 0 } = options
  const { daily = 0.5, quiet = false } = options
  const phase = dayPhase(seed)
  const amplitude = (perSecond * daily) / OMEGA
  return {
    level: amplitude * Math.cos(phase),
    slope: perSecond,
    cos: -amplitude * Math.cos(phase),
    sin: amplitude * Math.sin(phase),
    noise: perSecond * (1 - Math.abs(daily)) * NOISE_CELL_S * (quiet ? 0.2 : 0.4),
    noiseSeed: seed,
    noiseCell: NOISE_CELL_S,
    failure: failurePerSecond,
    cumulative: true,
    stepsPerUnit,
  }
}

export interface GaugeOptions {
  readonly level: number
  readonly daily: number
  readonly noise: number
  readonly seed: number
  readonly stepsPerUnit?: number | undefined
  readonly noiseCell?: number | undefined
  /** More while the service fails. */
  readonly failure?: number | undefined
}

export function gauge(options: GaugeOptions): Curve {
  const { level, daily, noise, seed, stepsPerUnit = 1, noiseCell = 300, failure = 0 } = options
  const phase = dayPhase(seed)
  return {
    level,
    slope: 0,
    cos: daily * Math.sin(phase),
    sin: daily * Math.cos(phase),
    noise,
    noiseSeed: seed,
    noiseCell,
    failure,
    cumulative: false,
    stepsPerUnit,
  }
}

/** Busiest in the early afternoon, within an hour or so. */
function dayPhase(seed: number): number {
  return -2 * Math.PI * (8 / 24) + (chance(seed, 1) - 0.5) * 0.6
}

/** In [-1, 1]. */
function noiseAt(seed: number, cell: number): number {
  return chance(seed, cell) * 2 - 1
}

/** The curve at each scrape, before it is cut to steps. */
export function fillCurve(curve: Curve, scrapes: Scrapes, out: Float64Array): void {
  const { level, slope, noise, noiseSeed, noiseCell, failure } = curve
  const { length, seconds, cos, sin } = scrapes
  const failures = curve.cumulative ? scrapes.failureSeconds : scrapes.failing
  let cell = Number.NaN
  let low = 0
  let rise = 0
  for (let i = 0; i < length; i++) {
    const t = seconds[i]!
    const at = Math.floor(t / noiseCell)
    if (at !== cell) {
      cell = at
      low = noiseAt(noiseSeed, at)
      rise = (noiseAt(noiseSeed, at + 1) - low) / noiseCell
    }
    out[i] =
      level +
      slope * t +
      curve.cos * cos[i]! +
      curve.sin * sin[i]! +
      noise * (low + rise * (t - at * noiseCell)) +
      failure * failures[i]!
  }
}

/** The curve at one time, given in seconds since 1970. */
export function curveAt(curve: Curve, unixSeconds: number, failure: number): number {
  const t = unixSeconds - EPOCH_S
  const cell = Math.floor(t / curve.noiseCell)
  const low = noiseAt(curve.noiseSeed, cell)
  const rise = (noiseAt(curve.noiseSeed, cell + 1) - low) / curve.noiseCell
  return (
    curve.level +
    curve.slope * t +
    curve.cos * Math.cos(OMEGA * t) +
    curve.sin * Math.sin(OMEGA * t) +
    curve.noise * (low + rise * (t - cell * curve.noiseCell)) +
    curve.failure * failure
  )
}
