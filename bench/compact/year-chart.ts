/** Areas and lines over the days of a year as one SVG, readable on light and on dark pages. */

export interface ChartSeries {
  readonly name: string
  readonly color: string
  /** One for each day. */
  readonly values: readonly number[]
}

export interface ChartPanel {
  readonly title: string
  /** On top of each other, the first at the bottom. */
  readonly areas: readonly ChartSeries[]
  /** Beside them, dashed. */
  readonly lines?: readonly ChartSeries[] | undefined
  readonly format: (value: number) => string
}

const [WIDTH, PANEL, LEFT, RIGHT, TOP, GAP] = [860, 130, 64, 16, 40, 26]
const PLOT = WIDTH - LEFT - RIGHT

/** Without a colour of its own: what a page has behind it stays. */
const STYLE = `text{font:12px sans-serif;fill:#444}.title{font-weight:bold}.grid{stroke:#bbb;stroke-width:.5}
@media(prefers-color-scheme:dark){text{fill:#ccc}.grid{stroke:#555}}`

export function chart(panels: readonly ChartPanel[]): string {
  const step = TOP + PANEL + GAP
  const height = panels.length * step
  const parts = panels.map((panel, i) => drawPanel(panel, i * step + TOP))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<style>${STYLE}</style>
${parts.join('\n')}
</svg>
`
}

function drawPanel({ title, areas, lines = [], format }: ChartPanel, top: number): string {
  const days = areas[0]!.values.length
  const sums = areas.reduce<number[][]>(
    (below, { values }) => [...below, values.map((value, day) => value + below.at(-1)![day]!)],
    [Array.from({ length: days }, () => 0)],
  )
  const most = Math.max(...sums.at(-1)!, ...lines.flatMap(({ values }) => values))
  const ticks = ticksTo(most)
  const x = (day: number): number => LEFT + (days > 1 ? (day / (days - 1)) * PLOT : 0)
  const y = (value: number): number => top + PANEL - (value / ticks.at(-1)!) * PANEL
  const path = (values: readonly number[]): string[] =>
    values.map((value, day) => `${Math.round(x(day))},${Math.round(y(value) * 2) / 2}`)
  return [
    `<text class="title" x="${LEFT}" y="${top - 24}">${escapeText(title)}</text>`,
    legend([...areas, ...lines], top - 8),
    ...areas.map(
      ({ color }, i) =>
        `<polygon fill="${color}" points="${[...path(sums[i + 1]!), ...path(sums[i]!).toReversed()].join(' ')}"/>`,
    ),
    ...lines.map(
      ({ color, values }) =>
        `<polyline fill="none" stroke="${color}" stroke-width="1.5" stroke-dasharray="5 4" points="${path(values).join(' ')}"/>`,
    ),
    ...ticks.map(
      (value) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/><text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${escapeText(format(value))}</text>`,
    ),
    ...dayMarks(days).map(
      (day) => `<text x="${x(day)}" y="${top + PANEL + 15}" text-anchor="middle">day ${day}</text>`,
    ),
  ].join('\n')
}

function legend(series: readonly ChartSeries[], y: number): string {
  let x = LEFT
  return series
    .map(({ name, color }) => {
      const at = x
      x += 24 + name.length * 6.6
      return `<rect x="${at}" y="${y - 9}" width="10" height="10" fill="${color}"/><text x="${at + 14}" y="${y}">${escapeText(name)}</text>`
    })
    .join('')
}

/** Round numbers from 0 to beyond `most`, about four of them. */
export function ticksTo(most: number): number[] {
  if (most <= 0) return [0, 1]
  const rough = most / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough)!
  const count = Math.ceil(most / step)
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6)))
}

function dayMarks(days: number): number[] {
  const step = days > 100 ? 60 : Math.max(1, Math.ceil(days / 6))
  return Array.from({ length: Math.ceil(days / step) }, (_, i) => i * step)
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
