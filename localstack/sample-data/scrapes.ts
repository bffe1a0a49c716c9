/** When a replica scraped a target within a window, and what all its series need to know of those moments. */
import { EPOCH_S, OMEGA } from './curve.ts'
import { failing, failureSeconds, isGap, isNodeDown } from './events.ts'
import { hashPair, hashText } from './noise.ts'

export interface ScrapePlan {
  readonly cluster: string
  readonly replica: number
  readonly instance: string
  /** Where the target runs; it can't be scraped while this node is down. Undefined: always up. */
  readonly node: number | undefined
  readonly intervalMs: number
}

export interface Scrapes {
  readonly length: number
  readonly timestamps: Float64Array
  /** Since `EPOCH_S`. */
  readonly seconds: Float64Array
  readonly cos: Float64Array
  readonly sin: Float64Array
  readonly failureSeconds: Float64Array
  readonly failing: Float64Array
  /** 1 where the target did not answer. */
  readonly down: Uint8Array
  readonly anyDown: boolean
  /** When the scrape before was; NaN when this replica did not run then. */
  readonly before: Float64Array
  /** Whether the target did not answer in the scrape before. */
  readonly beforeDown: Uint8Array
}

/** Scrape `k` of a target by a replica: its own phase, and now and then a few milliseconds late. */
export function scrapeTimeMs({ replica, instance, intervalMs }: ScrapePlan, k: number): number {
  const seed = hashText(`scrape ${instance} ${replica}`)
  const phase = seed % Math.max(1, intervalMs - 50)
  const draw = hashPair(seed, k)
  const late = draw % 24 === 0 ? 1 + ((draw >>> 8) % 12) : 0
  return k * intervalMs + phase + late
}

/** Scrapes of [startMs, endMs), without those a replica missed. */
export function scrapesWithin(plan: ScrapePlan, startMs: number, endMs: number): Scrapes {
  const { cluster, replica, node, intervalMs } = plan
  const first = Math.floor(startMs / intervalMs) - 1
  const last = Math.ceil(endMs / intervalMs)
  const capacity = last - first + 1
  const column = () => new Float64Array(capacity)
  const timestamps = column()
  const seconds = column()
  const cos = column()
  const sin = column()
  const failures = column()
  const failingNow = column()
  const before = column()
  const down = new Uint8Array(capacity)
  const beforeDown = new Uint8Array(capacity)
  const isDown = (ms: number) => node !== undefined && isNodeDown(cluster, node, ms)
  let anyDown = false
  let length = 0
  for (let k = first; k <= last; k++) {
    const ms = scrapeTimeMs(plan, k)
    if (ms < startMs || ms >= endMs || isGap(cluster, replica, ms)) continue
    const beforeMs = scrapeTimeMs(plan, k - 1)
    const t = ms / 1000 - EPOCH_S
    timestamps[length] = ms
    seconds[length] = t
    cos[length] = Math.cos(OMEGA * t)
    sin[length] = Math.sin(OMEGA * t)
    failures[length] = failureSeconds(cluster, ms)
    failingNow[length] = failing(cluster, ms) ? 1 : 0
    down[length] = isDown(ms) ? 1 : 0
    before[length] = isGap(cluster, replica, beforeMs) ? Number.NaN : beforeMs
    beforeDown[length] = isDown(beforeMs) ? 1 : 0
    anyDown ||= down[length] === 1 || beforeDown[length] === 1
    length++
  }
  return {
    length,
    timestamps,
    seconds,
    cos,
    sin,
    failureSeconds: failures,
    failing: failingNow,
    down,
    anyDown,
    before,
    beforeDown,
  }
}
