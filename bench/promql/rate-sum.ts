/** How long does `sum by (cluster)(rate(x[5m]))` take over 1,000 series × 24 h at 15 s, step 60 s, from columns in memory? */
import { labelsFrom } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { memoryStorage, type MemorySeries } from '#lib/storage/memory-storage.ts'

const SERIES = 1000
const SAMPLES = (24 * 3600) / 15
const RUNS = 15

const series: MemorySeries[] = []
for (let i = 0; i < SERIES; i++) {
  const timestamps = Float64Array.from({ length: SAMPLES }, (_, k) => (k + 1) * 15_000 + (i % 7))
  let counter = 0
  const values = Float64Array.from({ length: SAMPLES }, (_, k) => {
    counter = (k + i) % 2000 === 1999 ? 0 : counter + ((k * 7 + i) % 13)
    return counter
  })
  const labels = labelsFrom({ __name__: 'x', cluster: `c${i % 5}`, pod: `p${i}` })
  series.push({ labels, samples: { length: SAMPLES, timestamps, values } })
}
const storage = memoryStorage(series)
const grid = { startMs: 0, stepMs: 60_000, stepCount: 24 * 60 + 1 }

for (const text of [
  'sum by (cluster)(rate(x[5m]))',
  'sum by (cluster)(x)',
  'max_over_time(x[5m])',
  'topk(5, rate(x[5m]))',
  'sum by (cluster)(rate(x[5m])) / count by (cluster)(x)',
]) {
  const expr = parseExpr(text)
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const begin = performance.now()
    await evaluate({ expr, text, grid, whole: grid, storage, options: DEFAULT_ENGINE_OPTIONS })
    times.push(performance.now() - begin)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(1)
  console.log(`${text}: median ${at(0.5)} ms, ${at(0.1)}–${at(0.9)} ms over ${RUNS} runs`)
}
