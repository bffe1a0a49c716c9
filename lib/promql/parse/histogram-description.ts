/** A histogram in the language of Prometheus's tests: `{{schema:1 count:3 sum:2.5 buckets:[1 0 2]}}`. */
import type { CounterResetHint, FloatHistogram } from '#lib/model/histogram.ts'
import { SeriesCursor } from './series-cursor.ts'

export interface DescribedHistogram {
  readonly histogram: FloatHistogram
  /** Whether it says something about counter resets. */
  readonly hintGiven: boolean
}

/** The whole text. Throws ParseError. */
export function parseHistogram(text: string): FloatHistogram {
  const cursor = new SeriesCursor(text, 0)
  if (!cursor.takes('{{')) cursor.unexpected('series values')
  const { histogram } = describedHistogram(cursor)
  if (!cursor.done) cursor.unexpected('')
  return histogram
}

/** From behind `{{` to behind `}}`. */
export function describedHistogram(cursor: SeriesCursor): DescribedHistogram {
  const fields: Fields = {}
  cursor.takesSpace()
  while (!cursor.takes('}}')) {
    const key = keyAt(cursor)
    const value = valueOf(cursor, key)
    if (Object.hasOwn(fields, key)) cursor.fail(`duplicate key "${key}" in histogram`, 0)
    fields[key] = value
    const isNext = cursor.takesSpace()
    if (!isNext && !cursor.text.startsWith('}}', cursor.at)) incomplete(cursor)
  }
  return { histogram: histogramOf(fields), hintGiven: fields.counter_reset_hint !== undefined }
}

const LISTS = new Set(['custom_values', 'buckets', 'n_buckets'])
const WHOLE = new Set(['schema', 'offset', 'n_offset'])
const FLOATS = new Set(['sum', 'count', 'z_bucket', 'z_bucket_w'])

const HINTS: Readonly<Record<string, CounterResetHint>> = {
  unknown: 'unknown',
  reset: 'reset',
  not_reset: 'not-reset',
  gauge: 'gauge',
}

type Value = number | Float64Array | CounterResetHint
type Fields = Record<string, Value>

const CONTEXT = 'series values'

function keyAt(cursor: SeriesCursor): string {
  const word = /^\w*/.exec(cursor.word())![0]
  if (word === '') return incomplete(cursor)
  const key = word.toLowerCase()
  const isKnown =
    LISTS.has(key) || WHOLE.has(key) || FLOATS.has(key) || key === 'counter_reset_hint'
  if (!isKnown) cursor.fail(`bad histogram descriptor found: "${word}"`)
  const { at } = cursor
  cursor.takes(word)
  if (!cursor.takes(':')) cursor.fail('missing `:` for histogram descriptor', at)
  return key
}

function valueOf(cursor: SeriesCursor, key: string): Value {
  if (LISTS.has(key)) return listOf(cursor)
  const word = /^\w*/.exec(cursor.word())![0]
  const isNumber = word === '' || cursor.isNumber()
  if (FLOATS.has(key) && isNumber) return cursor.number(CONTEXT)
  if (WHOLE.has(key) && isNumber) return (cursor.takes('-') ? -1 : 1) * cursor.count(CONTEXT)
  const hint = key === 'counter_reset_hint' ? HINTS[word.toLowerCase()] : undefined
  if (hint === undefined) return cursor.fail(`bad histogram descriptor found: "${word}"`)
  cursor.takes(word)
  return hint
}

function listOf(cursor: SeriesCursor): Float64Array {
  if (!cursor.takes('[')) return cursor.unexpected(CONTEXT)
  if (cursor.text[cursor.at] === ']') cursor.fail(`unexpected "]" in ${CONTEXT}`)
  const values: number[] = []
  for (;;) {
    values.push(cursor.number(CONTEXT))
    const isNext = cursor.takesSpace()
    if (cursor.takes(']')) return Float64Array.from(values)
    if (!isNext) {
      const char = cursor.text[cursor.at]
      cursor.fail(`invalid character in buckets description: '${char ?? '\ufffd'}'`)
    }
  }
}

function incomplete(cursor: SeriesCursor): never {
  const char = cursor.text[cursor.at] ?? '\ufffd'
  return cursor.fail(`histogram description incomplete unexpected: '${char}'`)
}

function histogramOf(fields: Fields): FloatHistogram {
  const number = (key: string): number => (fields[key] as number | undefined) ?? 0
  const list = (key: string): Float64Array =>
    (fields[key] as Float64Array | undefined) ?? new Float64Array(0)
  const spans = (buckets: Float64Array, offset: number): FloatHistogram['positiveSpans'] =>
    buckets.length === 0 ? [] : [{ offset, length: buckets.length }]
  const positiveBuckets = list('buckets')
  const negativeBuckets = list('n_buckets')
  return {
    schema: number('schema'),
    zeroThreshold: number('z_bucket_w'),
    zeroCount: number('z_bucket'),
    count: number('count'),
    sum: number('sum'),
    positiveSpans: spans(positiveBuckets, number('offset')),
    negativeSpans: spans(negativeBuckets, number('n_offset')),
    positiveBuckets,
    negativeBuckets,
    customValues: list('custom_values'),
    counterResetHint: (fields['counter_reset_hint'] as CounterResetHint | undefined) ?? 'unknown',
  }
}
