/** What is scraped during the replay, the same in every run: things that flap, vanish, start anew, grow in number and contradict each other. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { labelsFrom, type Labels } from '#lib/model/labels.ts'
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import { customHistogram, grownHistogram } from '#test/promql/random/data-histograms.ts'
import type { Sample } from './growing-storage.ts'

export const SCRAPE_MS = 30_000

export interface ScrapedSeries {
  readonly labels: Labels
  /** Of scrape `k`; undefined when there is none. */
  readonly sample: (k: number) => Omit<Sample, 'timeMs'> | undefined
}

/** Scrapes at startMs + k · SCRAPE_MS. */
export function scrapedSeries(): ScrapedSeries[] {
  return [
    ...ups(),
    ...requests(),
    ...temperatures(),
    ...histograms(),
    ...classic(),
    ...queues(),
    ...owners(),
    ...versions(),
  ]
}

type Shape = (k: number, seed: number) => number | 'stale' | FloatHistogram | undefined

function series(record: Record<string, string>, shape: Shape): ScrapedSeries {
  const labels = labelsFrom(record)
  const seed = seedOf(labels.join())
  return {
    labels,
    sample: (k) => {
      const value = shape(k, seed)
      if (value === undefined) return undefined
      if (value === 'stale') return { value: Number.NaN, stale: true }
      return typeof value === 'number' ? { value } : { value: 0, histogram: value }
    },
  }
}

/** Whether it is in its worse time: some of the stretches of `length` scrapes. */
function inSpell(seed: number, k: number, length: number, share: number): boolean {
  return noise(seed, Math.floor(k / length)) < share
}

/** Up and down again within a period. */
function wave(k: number, period: number): number {
  const at = (k % period) / period
  return at < 0.5 ? at * 2 : 2 - at * 2
}

function ups(): ScrapedSeries[] {
  return ['node-1', 'node-2', 'node-3', 'node-4', 'node-5', 'node-6'].map((instance, i) =>
    series({ __name__: 'up', job: 'node', instance }, (k, seed) => {
      // node-5 ends with a stale marker at times, node-6 without one.
      const gone = i >= 4 && inSpell(seed + 1, k, 80, 0.25)
      if (gone) {
        const before = inSpell(seed + 1, k - 1, 80, 0.25)
        return i === 4 && !before ? 'stale' : undefined
      }
      if (inSpell(seed, k, 20, 0.08)) return 0
      return inSpell(seed + 2, k, 200, 0.1) && noise(seed, k) < 0.5 ? 0 : 1
    }),
  )
}

function requests(): ScrapedSeries[] {
  const all: ScrapedSeries[] = []
  for (const instance of ['api-1', 'api-2', 'api-3']) {
    for (const code of ['200', '500']) {
      for (const path of ['/a', '/b']) {
        const labels = { __name__: 'requests_total', job: 'api', instance, code, path }
        let at = -1
        let total = 0
        all.push(
          series(labels, (k, seed) => {
            for (; at < k; at++) {
              const bad = inSpell(seedOf(instance), at, 45, 0.2) ? 40 : 4
              total += Math.floor(noise(seed, at) * (code === '500' ? bad : 60))
              // Now and then the process starts anew.
              if (noise(seed + 7, at) < 0.001) total = 0
            }
            return code === '500' && path === '/b' && inSpell(seed, k, 60, 0.3) ? undefined : total
          }),
        )
      }
    }
  }
  return all
}

function temperatures(): ScrapedSeries[] {
  return ['a', 'b', 'c', 'd'].map((site, i) =>
    series({ __name__: 'temperature', site }, (k, seed) => {
      if (noise(seed + 3, k) < 0.002) return [Number.NaN, Infinity, -Infinity, -0][k % 4]!
      return 8 + wave(k + i * 97, 310 + i * 60) * 20 + Math.floor(noise(seed, k) * 300) / 100
    }),
  )
}

function histograms(): ScrapedSeries[] {
  const exponential = ['node-1', 'node-2', 'node-3'].map((instance, i) =>
    series(
      { __name__: 'latency', service: i === 2 ? 'shop' : 'login', instance },
      (k, seed): FloatHistogram | undefined => {
        if (i === 1 && inSpell(seed, k, 100, 0.3)) return undefined
        const gauge = false
        const shape = { schema: i === 0 ? 1 : 0, unit: 1, seed: i, zeroThreshold: 0.001, gauge }
        return grownHistogram(shape, k % 700)
      },
    ),
  )
  const custom = ['x', 'y'].map((part, i) =>
    series({ __name__: 'sizes', part }, (k) => customHistogram(i, k % 500, [1, 10, 100])),
  )
  return [...exponential, ...custom]
}

function classic(): ScrapedSeries[] {
  const bounds = ['0.1', '0.5', '1', '5', '+Inf']
  return bounds.map((le, i) =>
    series({ __name__: 'classic_bucket', le }, (k) => {
      let sum = 0
      for (let bucket = 0; bucket <= i; bucket++) {
        sum += Math.floor((k % 900) * (1 + noise(bucket, 3) * 4) + noise(bucket, k % 900) * 0.9)
      }
      return sum
    }),
  )
}

/** More and fewer of them: a limit of six is met at times. */
function queues(): ScrapedSeries[] {
  return Array.from({ length: 10 }, (_, i) =>
    series({ __name__: 'queue_length', queue: `q${i}` }, (k, seed) => {
      if (i > 2 && inSpell(seed, k, 70 + i * 9, 0.3)) return undefined
      return Math.floor(wave(k + i * 31, 240) * 80 + noise(seed, k) * 30)
    }),
  )
}

/** Each node has a team, without a name at times; node-2 has two at times. */
function owners(): ScrapedSeries[] {
  const of = (instance: string, team: string, there: (k: number) => boolean) =>
    series({ __name__: 'owner', instance, team }, (k) => (there(k) ? 1 : undefined))
  const seed = seedOf('owners')
  return [
    of('node-1', 'blue', () => true),
    of('node-2', 'blue', () => true),
    of('node-2', 'red', (k) => inSpell(seed, k, 50, 0.15)),
    of('node-3', '', () => true),
    of('node-5', 'red', () => true),
  ]
}

function versions(): ScrapedSeries[] {
  return ['api-1', 'api-2'].map((instance) =>
    series({ __name__: 'build_version', instance }, (k, seed) =>
      Math.floor(k / 500 + noise(seed, 1)),
    ),
  )
}
