/** The values of a series in the language of Prometheus's tests: `1+2x3 _ stale {{schema:0 sum:1}}`. */
import { DomainError, LimitError } from '#lib/model/errors.ts'
import type { CounterResetHint, FloatHistogram } from '#lib/model/histogram.ts'
import { addHistograms, subtractHistograms } from '#lib/promql/histogram/arithmetic.ts'
import { parseNumber } from './literals.ts'
import { ParseError } from './parse-error.ts'

export interface SeriesValue {
  readonly stale: boolean
  readonly value: number
  readonly histogram: FloatHistogram | undefined
  readonly hintGiven: boolean
}

const FLOAT = String.raw`[+-]?(?:(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf|nan)`
const HISTOGRAM = String.raw`\{\{[^}]*\}\}`
const ITEM = new RegExp(
  String.raw`^(?:(_)|(stale)|(${FLOAT})(?:([+-])(${FLOAT}))?|(${HISTOGRAM})(?:([+-])(${HISTOGRAM}))?)(?:x(\d+))?(?:\s+|$)`,
  'i',
)

/** More samples than this are taken for a mistake. */
const MAX_VALUES = 10_000_000

/** One entry per sample, undefined for a gap. `text` is read from `offset` on. Throws ParseError. */
export function expandSeries(text: string, offset = 0): (SeriesValue | undefined)[] {
  const values: (SeriesValue | undefined)[] = []
  let rest = text.slice(offset).trimStart()
  while (rest !== '') {
    const at = text.length - rest.length
    const match = ITEM.exec(rest)
    if (!match) throw new ParseError(text, at, reasonOf(rest))
    const [item, gap, stale, first, sign, step, histogram, histogramSign, increment, times] = match
    const repeats = times === undefined ? 0 : Number(times)
    if (values.length + repeats > MAX_VALUES) {
      throw new LimitError(`more than ${MAX_VALUES} values in a series`, MAX_VALUES, repeats)
    }
    if (gap) for (let i = 0; i < (times === undefined ? 1 : repeats); i++) values.push(undefined)
    else if (stale) values.push({ stale: true, value: NaN, histogram: undefined, hintGiven: false })
    else if (first !== undefined) {
      let value = float(first)
      const by = step === undefined ? 0 : float(step) * (sign === '-' ? -1 : 1)
      for (let i = 0; i <= repeats; i++) {
        values.push({ stale: false, value, histogram: undefined, hintGiven: false })
        if (step !== undefined) value += by
      }
    } else if (histogram !== undefined) {
      values.push(...expandHistograms(histogram, histogramSign, increment, repeats))
    }
    rest = rest.slice(item.length)
  }
  return values
}

/** Prometheus's words, where it is clear what they are. */
function reasonOf(rest: string): string {
  const word = /^[a-zA-Z_:][\w:]*/.exec(rest)?.[0]
  if (word !== undefined && !/^(stale|inf|nan)$/i.test(word)) {
    return `unexpected identifier "${word}" in series values, expected number or "stale"`
  }
  return /^[-+.\d{a-zA-Z_]/.test(rest)
    ? 'unexpected series values'
    : `unexpected character in series sequence: '${[...rest][0]}'`
}

function expandHistograms(
  base: string,
  sign: string | undefined,
  increment: string | undefined,
  repeats: number,
): SeriesValue[] {
  let histogram = parseHistogram(base)
  const by = increment === undefined ? undefined : parseHistogram(increment)
  const hintGiven = (increment ?? base).includes('counter_reset_hint')
  const values: SeriesValue[] = []
  for (let i = 0; i <= repeats; i++) {
    values.push({ stale: false, value: histogram.sum, histogram, hintGiven })
    if (!by) continue
    const next = sign === '-' ? subtractHistograms(histogram, by) : addHistograms(histogram, by)
    if (!next) throw new DomainError('invalid', 'histograms do not go together')
    histogram = next.histogram
  }
  return values
}

function float(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const value = parseNumber(text.replace(/^[+-]/, ''))
  if (typeof value !== 'number') throw new DomainError('invalid', value.error)
  return sign * value
}

const HINTS: Readonly<Record<string, CounterResetHint>> = {
  unknown: 'unknown',
  reset: 'reset',
  not_reset: 'not-reset',
  gauge: 'gauge',
}

export function parseHistogram(text: string): FloatHistogram {
  const fields = new Map<string, string>()
  for (const [, key, value] of text.slice(2, -2).matchAll(/(\w+):(\[[^\]]*\]|\S+)/g)) {
    fields.set(key!, value!)
  }
  const number = (key: string) => float(fields.get(key) ?? '0')
  const list = (key: string) =>
    Float64Array.from(
      (fields.get(key) ?? '[]').slice(1, -1).trim().split(/\s+/).filter(Boolean),
      float,
    )
  const positiveBuckets = list('buckets')
  const negativeBuckets = list('n_buckets')
  const spans = (buckets: Float64Array, offset: number) =>
    buckets.length === 0 ? [] : [{ offset, length: buckets.length }]
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
    counterResetHint: HINTS[fields.get('counter_reset_hint') ?? 'unknown']!,
  }
}
