/** The values of a series in the language of Prometheus's tests: `1+2x3 _ stale {{schema:0 sum:1}}`. */
import { LimitError } from '#lib/model/errors.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { addHistograms, subtractHistograms } from '#lib/promql/histogram/arithmetic.ts'
import { describedHistogram, type DescribedHistogram } from './histogram-description.ts'
import { SeriesCursor } from './series-cursor.ts'

export interface SeriesValue {
  readonly stale: boolean
  /** A histogram's sum. */
  readonly value: number
  readonly histogram: FloatHistogram | undefined
  /** Whether the histogram says something about counter resets. */
  readonly hintGiven: boolean
}

/** More samples than this are taken for a mistake. */
const MAX_VALUES = 10_000_000

const CONTEXT = 'series values'

type Values = (SeriesValue | undefined)[]

/** One entry per sample, undefined for a gap. `text` is read from `offset` on. Throws ParseError, or LimitError. */
export function expandSeries(text: string, offset = 0): Values {
  const cursor = new SeriesCursor(text, offset)
  const values: Values = []
  if (offset === 0) cursor.takesSpace()
  else if (!cursor.done && !cursor.takesSpace()) cursor.unexpected(CONTEXT)
  while (!cursor.done) {
    expandItem(cursor, values)
    if (!cursor.done && !cursor.takesSpace()) cursor.unexpected('')
  }
  return values
}

function expandItem(cursor: SeriesCursor, values: Values): void {
  const word = cursor.word()
  if (cursor.takes('_')) {
    const times = cursor.takes('x') ? repeats(cursor, values) : 1
    for (let i = 0; i < times; i++) values.push(undefined)
  } else if (cursor.takes('{{')) {
    expandHistograms(cursor, values)
  } else if (cursor.isNumber() || /^[-+]/.test(cursor.text.slice(cursor.at))) {
    expandFloats(cursor, values)
  } else if (word === 'stale') {
    cursor.takes(word)
    values.push({ stale: true, value: NaN, histogram: undefined, hintGiven: false })
  } else if (word === '' || word.startsWith('x')) {
    cursor.unexpected('')
  } else {
    cursor.unexpected(CONTEXT, 'number or "stale"')
  }
}

function expandFloats(cursor: SeriesCursor, values: Values): void {
  let value = cursor.number(CONTEXT)
  const isStepped = /^[-+]/.test(cursor.text.slice(cursor.at))
  const step = isStepped ? cursor.number(CONTEXT) : 0
  let times = 0
  if (cursor.takes('x')) times = repeats(cursor, values)
  else if (isStepped) cursor.unexpected(CONTEXT)
  for (let i = 0; i <= times; i++) {
    values.push({ stale: false, value, histogram: undefined, hintGiven: false })
    if (isStepped) value += step
  }
}

function expandHistograms(cursor: SeriesCursor, values: Values): void {
  const base = describedHistogram(cursor)
  const combine = cursor.takes('+') ? addHistograms : cursor.takes('-') ? subtractHistograms : null
  let increment: DescribedHistogram | undefined
  if (combine) {
    if (!cursor.takes('{{')) cursor.unexpected(CONTEXT)
    increment = describedHistogram(cursor)
  }
  let times = 0
  const timesAt = cursor.at + 1
  if (cursor.takes('x')) times = repeats(cursor, values)
  else if (increment) cursor.unexpected(CONTEXT)
  let { histogram } = base
  const { hintGiven } = increment ?? base
  for (let i = 0; i <= times; i++) {
    values.push({ stale: false, value: histogram.sum, histogram, hintGiven })
    if (!increment) continue
    const next = combine!(histogram, increment.histogram)
    if (!next) {
      const schemas = `from schema ${increment.histogram.schema} to ${histogram.schema}`
      return cursor.fail(`error combining histograms: cannot merge ${schemas}`, timesAt)
    }
    histogram = next.histogram
  }
}

function repeats(cursor: SeriesCursor, values: Values): number {
  const times = cursor.count(CONTEXT)
  if (values.length + times <= MAX_VALUES) return times
  throw new LimitError(`more than ${MAX_VALUES} values in a series`, MAX_VALUES, times)
}
