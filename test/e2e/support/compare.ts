/** Compares two answers of the query API: series, timestamps, and values as the strings they were sent as. */
import type { ApiAnswer } from './ask.ts'

type Sample = readonly [number, string]

interface VectorSeries {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: Sample
  readonly values?: readonly Sample[]
  readonly histogram?: readonly [number, unknown]
  readonly histograms?: readonly (readonly [number, unknown])[]
}

interface QueryData {
  readonly resultType: string
  readonly result: readonly VectorSeries[] | Sample
}

export type Comparison =
  | { readonly type: 'equal'; readonly values: number }
  /** The same but for last bits; `worst` is the largest relative difference. */
  | { readonly type: 'close'; readonly worst: number }
  | { readonly type: 'different'; readonly detail: string }

export const TOLERANCE = 1e-12

export function compareAnswers(
  actual: ApiAnswer,
  expected: ApiAnswer,
  ordered = false,
): Comparison {
  if (actual.status !== 'success' || expected.status !== 'success') {
    const said = ({ status, error, httpStatus }: ApiAnswer): string =>
      `${httpStatus} ${status} ${error ?? ''}`
    return said(actual) === said(expected)
      ? { type: 'equal', values: 0 }
      : different(`${said(actual)}, want ${said(expected)}`)
  }
  const a = actual.data as QueryData
  const b = expected.data as QueryData
  if (a.resultType !== b.resultType) return different(`${a.resultType}, want ${b.resultType}`)
  if (ordered) {
    const order = (data: QueryData): string => [...columnsOf(data).keys()].join('\n')
    if (order(a) !== order(b)) return different(`order\n${order(a)}\nwant\n${order(b)}`)
  }
  return compareColumns(columnsOf(a), columnsOf(b))
}

type Columns = ReadonlyMap<string, readonly Sample[]>

function compareColumns(actual: Columns, expected: Columns): Comparison {
  let worst = 0
  let values = 0
  for (const [series, want] of expected) {
    const got = actual.get(series)
    if (got === undefined) return different(`no series ${series} (${want.length} points)`)
    const times = (samples: readonly Sample[]): string => samples.map(([t]) => t).join()
    if (times(got) !== times(want)) {
      const missing = want.filter(([t]) => !got.some(([other]) => other === t)).map(([t]) => t)
      const extra = got.filter(([t]) => !want.some(([other]) => other === t)).map(([t]) => t)
      return different(
        `${series}: ${missing.length} of ${want.length} times missing [${missing.slice(0, 5).join()}], ${extra.length} too many [${extra.slice(0, 5).join()}]`,
      )
    }
    for (let i = 0; i < want.length; i++) {
      values++
      const [t, wanted] = want[i]!
      const value = got[i]![1]
      if (value === wanted) continue
      const apart = relativeDifference(Number(value), Number(wanted))
      if (!(apart <= TOLERANCE)) return different(`${series} at ${t}: ${value}, want ${wanted}`)
      worst = Math.max(worst, apart)
    }
  }
  const extra = [...actual.keys()].filter((series) => !expected.has(series))
  if (extra.length > 0) return different(`${extra.length} series too many: ${extra[0]}`)
  return worst > 0 ? { type: 'close', worst } : { type: 'equal', values }
}

function relativeDifference(a: number, b: number): number {
  return Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b))
}

/** Histograms take part as their JSON text, told apart from floats. */
function columnsOf({ resultType, result }: QueryData): Columns {
  if (resultType === 'scalar' || resultType === 'string') return new Map([['', [result as Sample]]])
  return new Map(
    (result as readonly VectorSeries[]).map(({ metric, value, values, histogram, histograms }) => {
      const floats = values ?? (value ? [value] : [])
      const shapes = histograms ?? (histogram ? [histogram] : [])
      const samples: Sample[] = [
        ...floats,
        ...shapes.map(([t, shape]): Sample => [t, JSON.stringify(shape)]),
      ]
      return [seriesKey(metric), samples]
    }),
  )
}

function seriesKey(metric: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function different(detail: string): Comparison {
  return { type: 'different', detail }
}
