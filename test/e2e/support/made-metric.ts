/** One made series: its labels and how its value goes on from scrape to scrape. */
import { noise, seedOf } from './noise.ts'

export interface Scrape {
  /** Seconds since the data begins. */
  readonly t: number
  /** Seconds since the last scrape that succeeded. */
  readonly dt: number
  /** Counts scrapes of the target. */
  readonly k: number
  /** The process behind the target began anew since the last scrape. */
  readonly restarted: boolean
}

/** Called for each scrape of the target, in order, also where the series does not exist yet. */
export type Course = (scrape: Scrape) => number

export interface MadeMetric {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly course: Course
  /** In seconds since the data begins; undefined is for ever. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

const DAY = 86_400

export function metric(
  name: string,
  labels: Readonly<Record<string, string>>,
  course: (seed: number) => Course,
  life: { from?: number | undefined; to?: number | undefined } = {},
): MadeMetric {
  return { name, labels, course: course(seedOf(name + JSON.stringify(labels))), ...life }
}

/** A counter of whole things, about `perSecond` of them, more by day than by night. */
export function whole(perSecond: number): (seed: number) => Course {
  return (seed) => {
    let value = Math.floor(noise(seed, -2) * 1e6)
    return ({ t, dt, k, restarted }) => {
      if (restarted) value = 0
      const busy = 1 + 0.6 * Math.sin((2 * Math.PI * t) / DAY + (seed % 7))
      value += Math.floor(perSecond * dt * busy * (0.5 + noise(seed, k)) + noise(seed + 1, k))
      return value
    }
  }
}

/** A counter of seconds, as exporters give it: hundredths that add up. */
export function seconds(perSecond: number): (seed: number) => Course {
  return (seed) => {
    let hundredths = Math.floor(noise(seed, -2) * 1e7)
    return ({ t, dt, k, restarted }) => {
      if (restarted) hundredths = 0
      const busy = 1 + 0.5 * Math.sin((2 * Math.PI * t) / DAY + (seed % 5))
      hundredths += Math.round(100 * perSecond * dt * busy * (0.6 + 0.8 * noise(seed, k)))
      return hundredths / 100
    }
  }
}

/** A gauge around `middle`, in steps of `grain`; may go below zero. */
export function gauge(middle: number, swing: number, grain = 1): (seed: number) => Course {
  return (seed) =>
    ({ t, k }) => {
      const slow = Math.sin((2 * Math.PI * t) / DAY + (seed % 11))
      const value = middle + swing * (0.7 * slow + 0.6 * (noise(seed, k) - 0.5))
      return Math.round(value / grain) * grain
    }
}

/** A gauge with all the digits a double has. */
export function fraction(middle: number, swing: number): (seed: number) => Course {
  return (seed) =>
    ({ t, k }) =>
      middle + swing * (Math.sin(t / 5000 + (seed % 3)) + noise(seed, k) - 0.5)
}

export function constant(value: number): (seed: number) => Course {
  return () => () => value
}

/** 0 or 1 (or `high`), the latter about `share` of the time and for an hour at a time. */
export function flag(share: number, high = 1): (seed: number) => Course {
  return (seed) =>
    ({ t }) =>
      noise(seed, Math.floor(t / 3600)) < share ? high : 0
}

/** A level that drains, so that predictions of its end have something to find; refilled each `every` seconds. */
export function draining(full: number, every: number): (seed: number) => Course {
  return (seed) =>
    ({ t, k }) => {
      const phase = ((t + (seed % every)) % every) / every
      return Math.round((full * (1 - 0.9 * phase) + full * 0.01 * noise(seed, k)) / 4096) * 4096
    }
}

/**
 * Bucket, sum and count of a classic histogram. All of them draw the same requests, so buckets are cumulative at every
 * scrape.
 */
export function classicHistogram(
  name: string,
  labels: Readonly<Record<string, string>>,
  { bounds, perSecond, median }: { bounds: readonly number[]; perSecond: number; median: number },
): MadeMetric[] {
  const seed = seedOf(name + JSON.stringify(labels))
  const drawn = ({ t, dt, k }: Scrape): number => {
    const busy = 1 + 0.7 * Math.sin((2 * Math.PI * t) / DAY)
    return Math.floor(perSecond * dt * busy * (0.4 + 1.2 * noise(seed, k)))
  }
  const slowness = ({ t }: Scrape): number => median * (1 + 0.5 * Math.sin(t / 9000 + (seed % 4)))
  const adding = (part: (scrape: Scrape) => number) => (): Course => {
    let value = 0
    return (scrape) => {
      if (scrape.restarted) value = 0
      value += part(scrape)
      return value
    }
  }
  const upTo = (bound: number) => (scrape: Scrape) =>
    Math.round(drawn(scrape) * (1 - 1 / (1 + (bound / slowness(scrape)) ** 2)))
  return [
    ...bounds.map((bound) =>
      metric(`${name}_bucket`, { ...labels, le: String(bound) }, adding(upTo(bound))),
    ),
    metric(`${name}_bucket`, { ...labels, le: '+Inf' }, adding(drawn)),
    metric(`${name}_count`, labels, adding(drawn)),
    metric(
      `${name}_sum`,
      labels,
      adding((scrape) => drawn(scrape) * slowness(scrape) * 1.2),
    ),
  ]
}
