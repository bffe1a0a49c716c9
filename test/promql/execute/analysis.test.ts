import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import type { Storage } from '#lib/storage/storage.ts'

const GRID = { startMs: 180_000, stepMs: 60_000, stepCount: 3 }

const STORAGE = memoryStorage(
  ['1', '2', '3'].map((i) => {
    const timestamps = Float64Array.from({ length: 6 }, (_, k) => k * 60_000)
    const labels = labelsFrom({ __name__: 'x', i, even: String(Number(i) % 2 === 0) })
    return { labels, samples: { length: 6, timestamps, values: timestamps } }
  }),
)

function run(text: string, analyze?: () => number, storage: Storage = STORAGE) {
  const options = DEFAULT_ENGINE_OPTIONS
  const expr = parseExpr(text, options)
  return evaluate({ expr, text, grid: GRID, whole: GRID, storage, options, analyze })
}

describe('analysis', () => {
  it('counts series and samples of every operator, inputs included', async () => {
    const { analysis, stats } = await run(
      'sum by (even) (rate(x[2m])) / (1 + 1) + on () group_left sum(x @ 120)',
      () => 0,
    )
    const leaf = (name: string, series: number, samples: number, children: unknown[] = []) => ({
      name,
      series,
      samples,
      milliseconds: 0,
      children,
    })
    expect(analysis).toEqual(
      leaf('+ many-to-one on ()', 2, 15, [
        leaf('/ vector, scalar', 2, 12, [
          leaf('sum by (even)', 2, 12, [
            leaf('rate()', 3, 12, [leaf('select {__name__="x"} range=120000ms', 3, 12)]),
          ]),
          leaf('number 2', 1, 0),
        ]),
        leaf('once sum', 1, 3, [leaf('select {__name__="x"} @120000ms', 3, 3)]),
      ]),
    )
    expect(stats.samplesRead).toBe(15)
  })

  it('sums the time of each operator with that of its inputs', async () => {
    let now = 0
    const slow: Storage = {
      ...STORAGE,
      select: async (request, signal) => {
        const set = await STORAGE.select(request, signal)
        return {
          ...set,
          samples(index) {
            now += 5
            return set.samples(index)
          },
        }
      },
    }
    const { analysis } = await run('sum(max_over_time(x[2m:1m]))', () => now, slow)
    const times: [string, number][] = []
    for (let node = analysis; node; node = node.children[0]) {
      times.push([node.name, node.milliseconds])
    }
    expect(times).toEqual([
      ['sum', 15],
      ['max_over_time()', 15],
      ['subquery range=120000ms step=60000ms', 15],
      ['select {__name__="x"}', 15],
    ])
  })

  it('is only there when asked for', async () => {
    expect('analysis' in (await run('sum(x)'))).toBe(false)
  })

  it('changes nothing else', async () => {
    const text =
      'topk(1, x) or on () (absent(y) + scalar(sum(x))) or label_replace(x, "a", "b", "", "")'
    const { analysis: _, ...analysed } = await run(text, () => 0)
    expect(analysed).toEqual(await run(text))
  })
})
