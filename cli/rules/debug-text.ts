/** What `thaw rules test --debug` tells of a test: that it ran, and all series it left. */
import { goDuration } from '#lib/model/go-duration.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { formatHistogram } from '#lib/promql/histogram/format.ts'
import { DEFAULT_ENGINE_OPTIONS, type Feature } from '#lib/promql/options.ts'
import { formatDecimal } from '#lib/promql/parse/literals.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { RawSeries } from '#lib/promql/result.ts'
import { labelsText } from '#lib/rules/unit-test/expectations.ts'
import type { TestCase } from '#lib/rules/unit-test/run-unit-tests.ts'

export async function debugText(
  { name, tookMs, test, storage }: TestCase,
  features: ReadonlySet<Feature>,
): Promise<string> {
  const lines = [`DEBUG: Starting test ${name}`]
  if (storage) {
    const times = [...test.alerts, ...test.expressions].map(({ atMs }) => atMs)
    // The next whole second.
    const lengthMs = (Math.floor(Math.max(0, ...times) / 1000) + 1) * 1000
    const text = `{__name__=~".+"}[${goDuration(lengthMs)}]`
    const grid = { startMs: test.startMs + lengthMs, stepMs: 0, stepCount: 1 }
    const options = { ...DEFAULT_ENGINE_OPTIONS, features }
    const expr = parseExpr(text, options)
    const { value } = await evaluate({ expr, text, grid, whole: grid, storage, options })
    const all = value.type === 'matrix' ? value.series.map(seriesText) : []
    const title = `DEBUG: Dump of all data (input_series and rules) at ${goDuration(lengthMs)}:`
    lines.push(title, all.join('\n'))
  }
  lines.push(`DEBUG: Test ${name} finished, took ${goDuration(tookMs)}`)
  return lines.map((line) => `${line}\n`).join('')
}

function seriesText({ labels, samples }: RawSeries): string {
  const points = Array.from({ length: samples.length }, (_, i) => {
    const histogram = samples.histograms?.at(i)
    const value = histogram ? formatHistogram(histogram) : formatDecimal(samples.values[i]!)
    return `${value} @[${samples.timestamps[i]}]`
  })
  return `${labelsText(labels)} =>\n${points.join('\n')}`
}
