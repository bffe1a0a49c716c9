/** The writer of fresh blocks, on a clock of its own: no time passes but in its pauses, and in them the test has its turn. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { keepFresh } from '#agent/fresh/keep-fresh.ts'
import type { FreshOptions, FreshParts } from '#agent/fresh/fresh-options.ts'
import { type Logger, SILENT } from '#agent/logger.ts'
import { meterOf } from '#agent/metrics.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { PackedMetadata } from '#lib/fresh/side-pages.ts'

export class FakeClock {
  ms: number

  constructor(ms = Date.UTC(2026, 10, 21, 12)) {
    this.ms = ms
  }

  readonly now = (): number => this.ms
}

export interface FreshRun extends Partial<FreshOptions> {
  readonly tsdbPath: string
  readonly bucket: Bucket
  readonly clock: FakeClock
  /** External labels, which may change. */
  readonly state?: { externalLabels: Readonly<Record<string, string>> }
  readonly logger?: Logger
  readonly ask?: FreshParts['ask']
  readonly metadata?: () => Promise<readonly PackedMetadata[]>
  /** In each pause, before it passes; false to stop. */
  readonly onPause: (pauseMs: number) => boolean | Promise<boolean>
  readonly kill?: AbortController
  readonly registry?: Registry
}

/** Gives its metrics by name, after it has stopped. */
export async function runFresh(run: FreshRun): Promise<Map<string, number>> {
  const { clock, bucket, logger = SILENT, metadata, onPause, kill } = run
  const stop = new AbortController()
  const { registry = new Registry() } = run
  const state = run.state ?? { externalLabels: { cluster: 'eu' } }
  await keepFresh(
    {
      tsdbPath: run.tsdbPath,
      freshSource: run.freshSource ?? 'wal',
      freshIntervalMs: run.freshIntervalMs ?? 30_000,
      freshMaxMemory: run.freshMaxMemory ?? 1 << 20,
      stopGraceMs: run.stopGraceMs ?? 5000,
    },
    {
      bucket,
      logger,
      now: clock.now,
      meter: meterOf(registry, ''),
      killSignal: kill?.signal,
      metadata,
      ask: run.ask,
      async sleep(ms, signal) {
        await nextTurn()
        if (signal.aborted) return
        if (!(await onPause(ms))) stop.abort()
        clock.ms += ms
      },
    },
    state as Parameters<typeof keepFresh>[2],
    stop.signal,
  )
  const metrics = await registry.getMetricsAsJSON()
  return new Map(metrics.map(({ name, values }) => [name, values[0]!.value]))
}

/** For the first `count` pauses: what the test does in each, and then the end. */
export function pauses(count: number, turn: (pause: number) => void | Promise<void> = () => {}) {
  let pause = 0
  return async (): Promise<boolean> => {
    if (pause === count) return false
    await turn(pause++)
    return true
  }
}
