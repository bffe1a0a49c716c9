/** How long after its scrape each sample of a few series is first seen in thaw's answers: asks Prometheus and thaw at the same moments. */
import { rawSamples } from './raw-samples.ts'

export interface SeenSample {
  readonly timestampMs: number
  /** When the first answer that has it was there. */
  readonly seenMs: number
}

export interface VisibilityOptions {
  readonly prometheusUrl: string
  readonly thawUrl: string
  readonly selector: string
  readonly without: readonly string[]
  readonly now: () => number
}

/** Asked at least so far back. */
const LOOK_BACK_MS = 30_000

export class Visibility {
  readonly seen: SeenSample[] = []
  /** Answers that lack what an answer before them had. */
  readonly vanished: string[] = []
  /** Samples of thaw's that Prometheus, asked at the same moment or later, does not have. */
  readonly invented: string[] = []
  readonly otherValues: string[] = []
  /** How long thaw took to answer, ms. */
  readonly queryMs: number[] = []
  readonly failures: { readonly prometheus: string[]; readonly thaw: string[] } = {
    prometheus: [],
    thaw: [],
  }
  readonly warnings = new Set<string>()
  readonly #options: VisibilityOptions
  /** `series at time` → when it was scraped, of what Prometheus has and thaw never showed. */
  readonly #pending = new Map<string, number>()
  /** The same of what thaw showed and is still asked for: → value. */
  readonly #shown = new Map<string, { readonly timestampMs: number; readonly value: string }>()

  constructor(options: VisibilityOptions) {
    this.#options = options
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  /** Of the oldest sample that thaw does not show yet. */
  get oldestPendingMs(): number | undefined {
    let oldest: number | undefined
    for (const timestampMs of this.#pending.values()) {
      if (oldest === undefined || timestampMs < oldest) oldest = timestampMs
    }
    return oldest
  }

  async ask(): Promise<void> {
    const { prometheusUrl, thawUrl, selector, without, now } = this.#options
    const endMs = now()
    const startMs = Math.min(endMs - LOOK_BACK_MS, (this.oldestPendingMs ?? endMs) - 1)
    const question = { selector, startMs, endMs, without }
    const [prometheus, thaw] = await Promise.allSettled([
      rawSamples(prometheusUrl, question),
      rawSamples(thawUrl, question).then((answer) => ({ ...answer, seenMs: now() })),
    ])
    if (prometheus.status === 'rejected') {
      this.failures.prometheus.push(`${at(endMs)} ${prometheus.reason}`)
    }
    if (thaw.status === 'rejected') {
      this.failures.thaw.push(`${at(endMs)} ${thaw.reason}`)
    } else {
      this.queryMs.push(thaw.value.seenMs - endMs)
      for (const warning of thaw.value.warnings) this.warnings.add(warning)
    }
    const wanted = prometheus.status === 'fulfilled' ? prometheus.value.samples : undefined
    for (const [series, times] of wanted ?? []) {
      for (const timestampMs of times.keys()) {
        const name = `${series} at ${timestampMs}`
        if (!this.#shown.has(name)) this.#pending.set(name, timestampMs)
      }
    }
    if (thaw.status === 'rejected') return
    const { samples, seenMs } = thaw.value
    for (const [series, times] of samples) {
      for (const [timestampMs, value] of times) {
        const name = `${series} at ${timestampMs}`
        this.#pending.delete(name)
        if (!this.#shown.has(name)) {
          this.#shown.set(name, { timestampMs, value })
          this.seen.push({ timestampMs, seenMs })
        }
        if (wanted === undefined) continue
        const want = wanted.get(series)?.get(timestampMs)
        if (want === undefined) this.invented.push(`${at(endMs)} ${name}: ${value}`)
        else if (want !== value) this.otherValues.push(`${name}: ${value}, want ${want}`)
      }
    }
    for (const [name, { timestampMs }] of this.#shown) {
      if (timestampMs <= startMs) this.#shown.delete(name)
      else if (!has(samples, name)) this.vanished.push(`${at(endMs)} ${name}`)
    }
  }
}

function has(samples: ReadonlyMap<string, ReadonlyMap<number, string>>, name: string): boolean {
  const cut = name.lastIndexOf(' at ')
  return samples.get(name.slice(0, cut))?.has(Number(name.slice(cut + 4))) ?? false
}

function at(ms: number): string {
  return new Date(ms).toISOString()
}
