import { describe, expect, it } from 'vitest'
import type { QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import type { QueryOutcome } from '#lib/promql/result.ts'
import { withCoarserSteps } from '#lib/query/coarser-steps.ts'
import { labels } from '#test/store/sample-block.ts'
import { scope } from './two-clusters.ts'

const GRID = { startMs: 0, stepMs: 10, stepCount: 6, endMs: 57 }
const COARSER = [
  { maxSourceResolutionMs: 300_000, lookbackMs: 300_000 },
  { maxSourceResolutionMs: 3_600_000, lookbackMs: 3_600_000 },
]

function requestOf(coarser = COARSER): QueryRequest {
  return { text: 'x', grid: GRID, scope, options: DEFAULT_ENGINE_OPTIONS, coarser }
}

/** Raw blocks answer from step `raw` on, those of five minutes from `five`, those of an hour from `hour`; the value says which. */
function answers(raw: number, five: number, hour: number) {
  const asked: string[] = []
  const evaluate = async ({
    grid,
    scope: { maxSourceResolutionMs },
    options,
    coarser,
  }: QueryRequest) => {
    expect(coarser).toBeUndefined()
    const kind = [0, 300_000, 3_600_000].indexOf(maxSourceResolutionMs)
    asked.push(
      `${kind} steps ${grid.stepCount} end ${grid.endMs} lookback ${options.lookbackMs / 60_000}`,
    )
    const first = [raw, five, hour][kind]!
    const values = new Float64Array(grid.stepCount).fill(kind)
    const presence = Uint8Array.from({ length: grid.stepCount }, (_, step) => Number(step >= first))
    const outcome: QueryOutcome = {
      grid,
      value: {
        type: 'vector',
        series: first < grid.stepCount ? [{ labels: labels({ a: 'b' }), values, presence }] : [],
      },
      annotations: { warnings: [], infos: [], places: {} },
      warnings: [`from ${kind}`],
      stats: { samplesRead: 1, seriesRead: 1, peakSamples: 1 },
    }
    return outcome
  }
  return { asked, evaluate }
}

function shown({ value }: QueryOutcome): string {
  if (value.type !== 'vector') throw new Error(value.type)
  return value.series
    .map(({ values, presence }) =>
      Array.from(presence, (there, i) => (there ? values[i] : '.')).join(''),
    )
    .join(' ')
}

describe('withCoarserSteps', () => {
  it('asks coarser blocks for what comes before the first answer', async () => {
    const { asked, evaluate } = answers(4, 2, 1)
    const outcome = await withCoarserSteps(requestOf(), evaluate)
    expect(shown(outcome)).toBe('.21100')
    expect(asked).toEqual([
      '0 steps 6 end 57 lookback 5',
      '1 steps 4 end undefined lookback 5',
      '2 steps 2 end undefined lookback 60',
    ])
    expect(outcome.grid).toEqual(GRID)
    expect(outcome.warnings).toEqual(['from 2', 'from 1', 'from 0'])
  })

  it('asks nothing more where the first step has an answer', async () => {
    const { asked, evaluate } = answers(0, 0, 0)
    expect(shown(await withCoarserSteps(requestOf(), evaluate))).toBe('000000')
    expect(asked).toHaveLength(1)
  })

  it('asks for all where there is no answer at all', async () => {
    const { asked, evaluate } = answers(9, 9, 3)
    expect(shown(await withCoarserSteps(requestOf(), evaluate))).toBe('...222')
    expect(asked).toEqual([
      '0 steps 6 end 57 lookback 5',
      '1 steps 6 end 57 lookback 5',
      '2 steps 6 end 57 lookback 60',
    ])
  })

  it('asks once where the request says so', async () => {
    const { asked, evaluate } = answers(3, 0, 0)
    expect(shown(await withCoarserSteps(requestOf([]), evaluate))).toBe('...000')
    expect(asked).toHaveLength(1)
  })
})
