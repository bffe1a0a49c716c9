import { describe, expect, it } from 'vitest'
import { decodeAnswer, encodeAnswer } from '#lib/query/frame.ts'
import { joinAnalyses } from '#lib/query/join-analysis.ts'
import { joinOutcomes } from '#lib/query/join.ts'
import type { OperatorAnalysis, QueryOutcome } from '#lib/promql/result.ts'

function analysis(factor: number): OperatorAnalysis {
  const leaf = { name: 'select {}', series: 3, samples: 10, milliseconds: 2, children: [] }
  const scaled = (node: OperatorAnalysis): OperatorAnalysis => ({
    name: node.name,
    series: node.series * factor,
    samples: node.samples * factor,
    milliseconds: node.milliseconds * factor,
    children: node.children.map(scaled),
  })
  return scaled({ name: 'sum', series: 1, samples: 10, milliseconds: 5, children: [leaf] })
}

function outcome(startMs: number, factor: number): QueryOutcome {
  return {
    grid: { startMs, stepMs: 10, stepCount: 1 },
    value: { type: 'scalar', values: Float64Array.of(1) },
    annotations: { warnings: [], infos: [], places: {} },
    warnings: [],
    stats: { samplesRead: 0, peakSamples: 0, seriesRead: 0 },
    analysis: analysis(factor),
  }
}

describe('analysis of slices', () => {
  it('is added up, operator by operator', () => {
    expect(joinAnalyses([analysis(1), analysis(2), analysis(4)])).toEqual(analysis(7))
    expect(joinAnalyses([])).toBe(undefined)
  })

  it('is part of the joined outcome', () => {
    const joined = joinOutcomes({ startMs: 0, stepMs: 10, stepCount: 2 }, [
      { run: { first: 0, count: 1 }, outcome: outcome(0, 1) },
      { run: { first: 1, count: 1 }, outcome: outcome(10, 2) },
    ])
    expect(joined.analysis).toEqual(analysis(3))
  })

  it('travels in frames, and is absent where there was none', async () => {
    const cost = { gets: 0, lists: 0, puts: 0, bytes: 0, milliseconds: 0, megabytes: 0 }
    const none = async (): Promise<Uint8Array> => new Uint8Array(0)
    const answer = { ...outcome(0, 1), cost }
    expect(await decodeAnswer(encodeAnswer(answer), none)).toEqual(answer)
    const { analysis: _, ...plain } = answer
    expect('analysis' in (await decodeAnswer(encodeAnswer(plain), none))).toBe(false)
  })
})
