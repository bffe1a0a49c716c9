/**
 * All series, sample by sample: each stretch of time as soon as it is due, again while something of it is not there, and
 * around every block that comes while fresh blocks still say the same.
 */
import { compareRaw, type Difference, isEqual, rawSamples } from './raw-samples.ts'

export interface Stretch {
  /** Exclusive. */
  readonly startMs: number
  /** Inclusive. */
  readonly endMs: number
}

export interface WindowCheck extends Stretch {
  readonly askedMs: number
  readonly difference: Difference
}

export interface WindowsOptions {
  readonly prometheusUrl: string
  readonly thawUrl: string
  readonly without: readonly string[]
  readonly now: () => number
  /** A sample that is older must be there. */
  readonly boundMs: number
}

const ALL = '{__name__!=""}'

/** Undefined when one of them does not answer. */
export async function compareStretch(
  { prometheusUrl, thawUrl, without, now }: Omit<WindowsOptions, 'boundMs'>,
  { startMs, endMs }: Stretch,
  selector = ALL,
): Promise<WindowCheck | undefined> {
  const askedMs = now()
  const question = { selector, startMs, endMs, without }
  const [wanted, got] = await Promise.allSettled([
    rawSamples(prometheusUrl, question),
    rawSamples(thawUrl, question),
  ])
  if (wanted.status === 'rejected' || got.status === 'rejected') return undefined
  const difference = compareRaw(got.value.samples, wanted.value.samples)
  return { startMs, endMs, askedMs, difference }
}

export class DueWindows {
  /** The first look at each stretch, in order. */
  readonly first: WindowCheck[] = []
  /** Stretches of which something was not there when it was due, with the last look at each. */
  readonly unsettled: WindowCheck[] = []
  readonly settled: { readonly window: WindowCheck; readonly settledMs: number }[] = []
  readonly #options: WindowsOptions
  #reachedMs: number

  constructor(options: WindowsOptions) {
    this.#options = options
    this.#reachedMs = options.now()
  }

  /** Looks at what became due since the last time, then again at the oldest that was not complete. */
  async look(): Promise<void> {
    const endMs = this.#options.now() - this.#options.boundMs
    if (endMs <= this.#reachedMs) return
    const check = await compareStretch(this.#options, { startMs: this.#reachedMs, endMs })
    // Prometheus is away: the next stretch is longer.
    if (check === undefined) return
    this.#reachedMs = endMs
    this.first.push(check)
    if (!isEqual(check.difference)) this.unsettled.push(check)
    await this.#lookAgain()
  }

  async #lookAgain(): Promise<void> {
    for (let looks = 0; looks < 5 && this.unsettled.length > 0; looks++) {
      const window = this.unsettled[0]!
      const again = await compareStretch(this.#options, window)
      if (again === undefined || !isEqual(again.difference)) return
      this.unsettled.shift()
      this.settled.push({ window, settledMs: again.askedMs })
    }
  }
}
