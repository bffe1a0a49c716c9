/** Delay over time as an SVG: the worst of each moment, and what went wrong behind it. */
import type { HourResult } from './hour-run.ts'

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [960, 300, 60, 30]
const COLUMNS = 450
const SHADES = {
  bucket: '#f3c9c9',
  agent: '#d5d9f3',
  prometheus: '#cfe8d2',
  disk: '#efe3bf',
} as const

/** Logarithmic: half a minute and ten minutes must both be read. */
export function delayChart(result: HourResult): string {
  const { visibility, disturbed, startMs, endMs, boundMs } = result
  const span = endMs - startMs
  const worst = new Float64Array(COLUMNS)
  for (const { timestampMs, seenMs } of visibility.seen) {
    const column = Math.floor(((seenMs - startMs) / span) * COLUMNS)
    const delay = seenMs - timestampMs
    if (column >= 0 && column < COLUMNS) worst[column] = Math.max(worst[column]!, delay)
  }
  const [low, high] = [Math.log(500), Math.log(Math.max(...worst, boundMs) * 1.2)]
  const x = (ms: number): number => LEFT + ((ms - startMs) / span) * (WIDTH - LEFT - 10)
  const y = (delayMs: number): number =>
    HEIGHT -
    BOTTOM -
    ((Math.log(Math.max(delayMs, 500)) - low) / (high - low)) * (HEIGHT - BOTTOM - 10)
  const shades = disturbed.map(({ what, fromMs, toMs }) => {
    const width = Math.max(1.5, x(Math.min(toMs, endMs)) - x(fromMs))
    return `<rect x="${x(fromMs).toFixed(1)}" y="10" width="${width.toFixed(1)}" height="${HEIGHT - BOTTOM - 10}" fill="${SHADES[what.type]}"/>`
  })
  const points = [...worst].flatMap((delay, column) => {
    if (delay === 0) return []
    const at = startMs + ((column + 0.5) / COLUMNS) * span
    return [`<circle cx="${x(at).toFixed(1)}" cy="${y(delay).toFixed(1)}" r="1.3"/>`]
  })
  const marks = [1000, 5000, 15_000, 60_000, 300_000, 900_000].filter((ms) => Math.log(ms) < high)
  const rows = marks.map(
    (ms) =>
      `<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${y(ms)}" y2="${y(ms)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(ms) + 4}" text-anchor="end">${ms / 1000} s</text>`,
  )
  const minutes = Array.from({ length: Math.floor(span / 600_000) + 1 }, (_, i) => i * 10)
  const columns = minutes.map(
    (minute) =>
      `<text x="${x(startMs + minute * 60_000)}" y="${HEIGHT - 10}" text-anchor="middle">${minute} min</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
${[...shades, ...rows, ...columns].join('\n')}
<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${y(boundMs)}" y2="${y(boundMs)}" stroke="#c33" stroke-dasharray="4"/>
${points.join('\n')}
</svg>
`
}
