/** Answers of the query API as a table with sparklines, JSON, CSV, or promtool's text. */
import { METRIC_NAME, formatLabels, labelsFrom } from '#lib/model/labels.ts'
import type { ApiAnswer, ApiData, ApiHistogram, ApiSeries } from './query-api.ts'
import { sparkline } from './sparkline.ts'
import { formatDelimited, formatTable } from './table.ts'

export const QUERY_OUTPUTS = ['table', 'json', 'csv', 'promql'] as const
export type QueryOutput = (typeof QUERY_OUTPUTS)[number]

export function formatAnswer({ data }: ApiAnswer, output: QueryOutput): string {
  switch (output) {
    case 'table':
      return formatAsTable(data)
    case 'json':
      return `${JSON.stringify(data, undefined, 2)}\n`
    case 'csv':
      return formatAsCsv(data)
    case 'promql':
      return formatAsPromql(data)
    default:
      return output satisfies never
  }
}

interface Point {
  readonly seconds: number
  readonly text: string
  readonly value: number
}

/** Floats and histograms of one series by time. */
function pointsOf(series: ApiSeries): Point[] {
  const floats = series.values ?? (series.value ? [series.value] : [])
  const histograms = series.histograms ?? (series.histogram ? [series.histogram] : [])
  const points = [
    ...floats.map(([seconds, text]) => ({ seconds, text, value: numberOf(text) })),
    ...histograms.map(([seconds, histogram]) => ({
      seconds,
      text: histogramText(histogram),
      value: numberOf(histogram.count),
    })),
  ]
  return points.sort((a, b) => a.seconds - b.seconds)
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity
  if (text === '-Inf') return -Infinity
  return Number(text)
}

function histogramText({ count, sum }: ApiHistogram): string {
  return `{count:${count}, sum:${sum}}`
}

function seriesName(series: ApiSeries): string {
  return formatLabels(labelsFrom(series.metric))
}

function isoTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString()
}

function formatAsTable(data: ApiData): string {
  if (data.resultType === 'scalar' || data.resultType === 'string') return `${data.result[1]}\n`
  if (data.result.length === 0) return 'no series\n'
  if (data.resultType === 'vector') {
    return formatTable({
      header: ['SERIES', 'VALUE'],
      right: ['VALUE'],
      rows: data.result.map((series) => [seriesName(series), pointsOf(series)[0]?.text ?? '']),
    })
  }
  const times = data.result.flatMap((series) => pointsOf(series).map(({ seconds }) => seconds))
  const grid = [...new Set(times)].sort((a, b) => a - b)
  const table = formatTable({
    header: ['SERIES', 'SHAPE', 'MIN', 'MAX', 'LAST', 'POINTS'],
    right: ['MIN', 'MAX', 'LAST', 'POINTS'],
    rows: data.result.map((series) => rangeRow(series, grid)),
  })
  return `${table}from ${isoTime(grid[0] ?? 0)} to ${isoTime(grid.at(-1) ?? 0)}\n`
}

function rangeRow(series: ApiSeries, grid: readonly number[]): string[] {
  const points = pointsOf(series)
  const byTime = new Map(points.map(({ seconds, value }) => [seconds, value]))
  let low = points[0]
  let high = points[0]
  for (const point of points) {
    if (low === undefined || point.value < low.value || Number.isNaN(low.value)) low = point
    if (high === undefined || point.value > high.value || Number.isNaN(high.value)) high = point
  }
  return [
    seriesName(series),
    sparkline(grid.map((seconds) => byTime.get(seconds) ?? NaN)),
    low?.text ?? '',
    high?.text ?? '',
    points.at(-1)?.text ?? '',
    String(points.length),
  ]
}

/** One row for each sample; a column for each label, the metric's name first. */
function formatAsCsv(data: ApiData): string {
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    const [seconds, text] = data.result
    return formatDelimited(
      { header: ['timestamp', 'value'], rows: [[isoTime(seconds), text]] },
      ',',
    )
  }
  const names = new Set(data.result.flatMap(({ metric }) => Object.keys(metric)))
  const columns = [...names].sort((a, b) =>
    a === METRIC_NAME ? -1 : b === METRIC_NAME ? 1 : a < b ? -1 : 1,
  )
  const rows: string[][] = []
  for (const series of data.result) {
    const labels = columns.map((name) => series.metric[name] ?? '')
    for (const { seconds, text } of pointsOf(series)) rows.push([...labels, isoTime(seconds), text])
  }
  return formatDelimited({ header: [...columns, 'timestamp', 'value'], rows }, ',')
}

/** As `promtool query` prints. */
function formatAsPromql(data: ApiData): string {
  switch (data.resultType) {
    case 'scalar':
      return `scalar: ${data.result[1]} @[${data.result[0]}]\n`
    case 'string':
      return `${data.result[1]}\n`
    case 'vector':
      return data.result
        .map((series) => {
          const point = pointsOf(series)[0]
          return `${seriesName(series)} => ${point?.text} @[${point?.seconds}]\n`
        })
        .join('')
    case 'matrix':
      return data.result
        .map((series) => {
          const points = pointsOf(series).map(({ text, seconds }) => `${text} @[${seconds}]\n`)
          return `${seriesName(series)} =>\n${points.join('')}`
        })
        .join('')
    default:
      return data satisfies never
  }
}
