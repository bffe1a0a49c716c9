/** An API that sends answers in the smallest pieces, over series of which one may be broken. */
import type { Hono } from 'hono'
import { DEFAULT_LIMITS } from '#lib/api/parts.ts'
import { CorruptError } from '#lib/model/errors.ts'
import type { SeriesSet } from '#lib/storage/storage.ts'
import { columns } from '#test/store/sample-block.ts'
import { testApp } from './fake-backend.ts'

export interface StreamedApp {
  readonly app: Hono
  readonly logged: readonly string[]
  /** Series whose samples were asked for. */
  readonly decoded: () => number
}

export function beginTestApp({
  series,
  failsAt,
}: {
  readonly series: number
  readonly failsAt: number
}): StreamedApp {
  const logged: string[] = []
  let decoded = 0
  const labels = Array.from({ length: series }, (_, i) => ['i', String(i).padStart(5, '0')])
  const set: SeriesSet = {
    labels,
    warnings: [],
    samples(i) {
      decoded++
      if (i === failsAt) throw new CorruptError(`chunk ${i} is broken`, 7)
      return columns([
        [1000, 1],
        [2000, 2],
      ])
    },
  }
  const { app } = testApp(
    {
      set,
      values: ({ grid: { stepCount } }) => ({
        type: 'vector',
        series: labels.map((one) => ({
          labels: one,
          values: new Float64Array(stepCount).fill(0.25),
          presence: new Uint8Array(stepCount).fill(1),
        })),
      }),
    },
    {
      limits: { ...DEFAULT_LIMITS, pieceBytes: 1 },
      log: ({ message }) => logged.push(message),
    },
  )
  return { app, logged, decoded: () => decoded }
}
