/** Around each block that comes: all samples, several times while fresh blocks still say the same and while they go. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { compareStretch, type WindowCheck, type WindowsOptions } from './windows.ts'

export interface SeamCheck {
  readonly block: string
  readonly afterMs: number
  readonly check: WindowCheck
  /** thaw had not caught up with an outage yet: what is missing is late and not lost. */
  readonly behind: boolean
}

/** After the block is in the bucket index. */
const LOOKS_MS = [0, 3000, 8000, 20_000, 45_000, 90_000]
/** Before and behind the block. */
const MARGIN_MS = 60_000

interface Look {
  readonly block: string
  readonly dueMs: number
  readonly afterMs: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

export class Seams {
  readonly blocks: string[] = []
  readonly checks: SeamCheck[] = []
  readonly #options: WindowsOptions
  #looks: Look[] = []

  constructor(options: WindowsOptions) {
    this.#options = options
  }

  async blockCame(bucket: Bucket, block: string): Promise<void> {
    this.blocks.push(block)
    const { body } = await bucket.get(`${block}/meta.json`)
    const { minTime, maxTime } = parseBlockMeta(body)
    const nowMs = this.#options.now()
    for (const afterMs of LOOKS_MS) {
      const dueMs = nowMs + afterMs
      this.#looks.push({ block, dueMs, afterMs, minTimeMs: minTime, maxTimeMs: maxTime })
    }
    this.#looks.sort((a, b) => a.dueMs - b.dueMs)
  }

  /** One look at most; `oldestPendingMs` is the oldest sample that thaw does not show. */
  async look(oldestPendingMs: number | undefined): Promise<void> {
    const nowMs = this.#options.now()
    const look = this.#looks[0]
    if (look === undefined || look.dueMs > nowMs) return
    this.#looks.shift()
    const startMs = look.minTimeMs - MARGIN_MS
    const endMs = Math.min(look.maxTimeMs + MARGIN_MS, nowMs - this.#options.boundMs)
    const behind = oldestPendingMs !== undefined && oldestPendingMs < endMs
    const check = await compareStretch(this.#options, { startMs, endMs })
    if (check === undefined) return
    this.checks.push({ block: look.block, afterMs: look.afterMs, check, behind })
  }
}
