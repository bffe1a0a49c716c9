/** Whole answers over a small set of samples, as Prometheus gives them for the same samples. */
import { describe, expect, it } from 'vitest'
import type { QueryRequest } from '#lib/promql/backend.ts'
import { FLOAT, type QueryValue } from '#lib/promql/result.ts'
import { emptyVector, testApp } from './fake-backend.ts'

const TIMES = [0, 15_000, 30_000, 45_500, 60_000, 75_000].map((ms) => 1_700_000_000_000 + ms)
const VALUES = [1, NaN, Infinity, 1e-7, 1e21, 123456789012345680000]
const X = ['__name__', 'm', 'a', 'x']
const Y = ['__name__', 'm', 'a', 'y<z>']

/** `m{a="x"}` with the samples above and `m{a="y<z>"}`, which is always 0.1. */
function evaluate({ text, grid }: QueryRequest): QueryValue {
  const steps = Array.from({ length: grid.stepCount }, (_, i) => grid.startMs + i * grid.stepMs)
  const vector = (labels: readonly string[], at: (ms: number) => number) => ({
    labels,
    values: Float64Array.from(steps, at),
    presence: new Uint8Array(steps.length).fill(FLOAT),
  })
  if (text === 'm') {
    const last = (ms: number): number => VALUES[TIMES.findLastIndex((time) => time <= ms)]!
    return { type: 'vector', series: [vector(X, last), vector(Y, () => 0.1)] }
  }
  if (text === 'm[5m]') {
    const samples = {
      length: TIMES.length,
      timestamps: Float64Array.from(TIMES),
      values: Float64Array.from(VALUES),
    }
    return { type: 'matrix', series: [{ labels: X, samples }] }
  }
  if (text === 'vector(0.0000001)') return { type: 'vector', series: [vector([], () => 1e-7)] }
  return emptyVector()
}

const METRIC_X = '{"__name__":"m","a":"x"}'
const METRIC_Y = '{"__name__":"m","a":"y\\u003cz\\u003e"}'

describe('transcripts', () => {
  it.each([
    [
      'query?query=m&time=1700000031',
      `{"resultType":"vector","result":[{"metric":${METRIC_X},"value":[1700000031,"+Inf"]},{"metric":${METRIC_Y},"value":[1700000031,"0.1"]}]}`,
    ],
    [
      'query?query=m[5m]&time=1700000080',
      `{"resultType":"matrix","result":[{"metric":${METRIC_X},"values":[[1700000000,"1"],[1700000015,"NaN"],[1700000030,"+Inf"],[1700000045.500,"1e-07"],[1700000060,"1e+21"],[1700000075,"123456789012345680000"]]}]}`,
    ],
    [
      'query?query=vector(0.0000001)&time=1700000031.5',
      '{"resultType":"vector","result":[{"metric":{},"value":[1700000031.500,"1e-07"]}]}',
    ],
    [
      'query_range?query=m&start=1700000000&end=1700000075&step=15',
      `{"resultType":"matrix","result":[{"metric":${METRIC_X},"values":[[1700000000,"1"],[1700000015,"NaN"],[1700000030,"+Inf"],[1700000045,"+Inf"],[1700000060,"1e+21"],[1700000075,"123456789012345680000"]]},` +
        `{"metric":${METRIC_Y},"values":[[1700000000,"0.1"],[1700000015,"0.1"],[1700000030,"0.1"],[1700000045,"0.1"],[1700000060,"0.1"],[1700000075,"0.1"]]}]}`,
    ],
  ])('%s', async (path, data) => {
    const response = await testApp({ values: evaluate }).app.request(`/api/v1/${path}`)
    expect(await response.text()).toBe(`{"status":"success","data":${data}}`)
  })

  it('series and label values keep their escapes', async () => {
    const { app } = testApp({ series: [X, Y], labelValues: ['x', 'y<z>'] })
    expect(await (await app.request('/api/v1/series?match[]=m')).text()).toBe(
      `{"status":"success","data":[${METRIC_X},${METRIC_Y}]}`,
    )
    expect(await (await app.request('/api/v1/label/a/values')).text()).toBe(
      '{"status":"success","data":["x","y\\u003cz\\u003e"]}',
    )
  })
})
