/** Writes the scrapes of made targets as OpenMetrics text, one window of time after the other. */
import { createWriteStream, type WriteStream } from 'node:fs'
import { once } from 'node:events'
import { CLUSTER, type Target } from './made-targets.ts'
import { noise, seedOf } from './noise.ts'

export interface MadeWindow {
  readonly startMs: number
  readonly endMs: number
}

interface Line {
  /** `name{labels}`. */
  readonly series: string
  readonly course: MadeTargetCourse
}

type MadeTargetCourse = (scrape: { t: number; dt: number; k: number; restarted: boolean }) => number

/** Goes through time once: windows must follow each other. */
export class OpenMetricsWriter {
  readonly #originMs: number
  readonly #targets: TargetWriter[]

  constructor(targets: readonly Target[], originMs: number) {
    this.#originMs = originMs
    this.#targets = targets.map((target) => new TargetWriter(target, originMs))
  }

  get seriesCount(): number {
    return this.#targets.reduce((count, target) => count + target.seriesCount, 0)
  }

  /** Returns the number of samples. */
  async write(file: string, window: MadeWindow): Promise<number> {
    if (window.startMs < this.#originMs) throw new Error('the window is before the data begins')
    const stream = createWriteStream(file)
    let samples = 0
    for (const target of this.#targets) samples += await target.write(stream, window)
    stream.end('# EOF\n')
    await once(stream, 'finish')
    return samples
  }
}

interface TimedScrape {
  readonly tMs: number
  readonly failed: boolean
  readonly t: number
  readonly dt: number
  readonly k: number
  readonly restarted: boolean
}

class TargetWriter {
  readonly #target: Target
  readonly #originMs: number
  readonly #lines: (Line & { from: number; to: number })[]
  #k = 0
  #lastGood = -60

  constructor(target: Target, originMs: number) {
    this.#target = target
    this.#originMs = originMs
    const own = { cluster: CLUSTER, job: target.job, instance: target.instance }
    this.#lines = target.metrics.map(({ name, labels, course, from = 0, to = Infinity }) => ({
      series: seriesText(name, { ...labels, ...own }),
      course,
      from,
      to,
    }))
  }

  get seriesCount(): number {
    return this.#lines.length + 2
  }

  async write(stream: WriteStream, { endMs }: MadeWindow): Promise<number> {
    const scrapes = this.#scrapesUntil(endMs)
    const good = scrapes.filter((scrape) => !scrape.failed)
    let samples = 0
    const put = async (lines: readonly string[]): Promise<void> => {
      samples += lines.length
      if (lines.length > 0 && !stream.write(`${lines.join('\n')}\n`)) await once(stream, 'drain')
    }
    const { job, instance } = this.#target
    const own = { cluster: CLUSTER, job, instance }
    const seed = seedOf(instance)
    const up = seriesText('up', own)
    const duration = seriesText('scrape_duration_seconds', own)
    await put(scrapes.map(({ tMs, failed }) => `${up} ${failed ? 0 : 1} ${tMs / 1000}`))
    await put(
      scrapes.map(({ tMs, k }) => `${duration} ${0.01 + noise(seed, k) / 30} ${tMs / 1000}`),
    )
    for (const { series, course, from, to } of this.#lines) {
      const lines: string[] = []
      for (const scrape of good) {
        const value = course(scrape)
        if (scrape.t >= from && scrape.t < to) lines.push(`${series} ${value} ${scrape.tMs / 1000}`)
      }
      await put(lines)
    }
    return samples
  }

  #scrapesUntil(endMs: number): TimedScrape[] {
    const { intervalMs, phaseMs, down, restarts, instance } = this.#target
    const seed = seedOf(instance)
    const scrapes: TimedScrape[] = []
    for (; ; this.#k++) {
      const k = this.#k
      // Real scrapes are some milliseconds late.
      const late = Math.floor(noise(seed, k) * 30)
      const tMs = this.#originMs + phaseMs + k * intervalMs + late
      if (tMs >= endMs) return scrapes
      const t = (tMs - this.#originMs) / 1000
      const failed = down.some(([from, to]) => t >= from && t < to)
      const last = this.#lastGood
      const restarted = restarts.some((at) => at > last && at <= t)
      scrapes.push({ tMs, failed, t, dt: t - last, k, restarted })
      if (!failed) this.#lastGood = t
    }
  }
}

function seriesText(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return `${name}{${pairs.join(',')}}`
}
