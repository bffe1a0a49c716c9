/** The values of a series in the promqltest language: `1+2x3 _ stale {{schema:0 sum:1}}`. */
import type { CounterResetHint, FloatHistogram } from '#lib/model/histogram.ts'
import { parseDurationText, parseNumber } from '#lib/promql/parse/literals.ts'
import { addHistograms, subtractHistograms } from '#lib/promql/histogram/arithmetic.ts'

export interface ScriptValue {
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

/** One entry per sample, undefined for a gap. */
export function expandSeries(text: string): (ScriptValue | undefined)[] {
  const values: (ScriptValue | undefined)[] = []
  let rest = text
  while (rest !== '') {
    const match = ITEM.exec(rest)
    if (!match) throw new Error(`invalid values: ${rest}`)
    const [item, gap, stale, first, sign, step, histogram, histogramSign, increment, times] = match
    const repeats = times === undefined ? 0 : Number(times)
    if (gap) for (let i = 0; i < Math.max(1, repeats); i++) values.push(undefined)
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

function expandHistograms(
  base: string,
  sign: string | undefined,
  increment: string | undefined,
  repeats: number,
): ScriptValue[] {
  let histogram = parseHistogram(base)
  const by = increment === undefined ? undefined : parseHistogram(increment)
  const hintGiven = (increment ?? base).includes('counter_reset_hint')
  const values: ScriptValue[] = []
  for (let i = 0; i <= repeats; i++) {
    values.push({ stale: false, value: histogram.sum, histogram, hintGiven })
    if (!by) continue
    const next = sign === '-' ? subtractHistograms(histogram, by) : addHistograms(histogram, by)
    if (!next) throw new Error('histograms do not go together')
    histogram = next.histogram
  }
  return values
}

function float(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const value = parseNumber(text.replace(/^[+-]/, ''))
  if (typeof value !== 'number') throw new Error(value.error)
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

/** `-1m 30sx2 0s+15sx3 _`: offsets in ms. */
export function expandStarts(text: string): (number | undefined)[] {
  const starts: (number | undefined)[] = []
  for (const item of text.split(/\s+/).filter(Boolean)) {
    const match = /^(?:_|([+-]?[0-9]+(?:[a-wyz]+)?)(?:([+-])([0-9]+[a-wyz]+))?)(?:x(\d+))?$/.exec(
      item,
    )
    if (!match) throw new Error(`invalid start timestamps: ${item}`)
    const [, first, sign, step, times] = match
    const repeats = times === undefined ? 0 : Number(times)
    if (first === undefined) {
      for (let i = 0; i < Math.max(1, repeats); i++) starts.push(undefined)
      continue
    }
    let offset = duration(first)
    const by = step === undefined ? 0 : duration(step) * (sign === '-' ? -1 : 1)
    for (let i = 0; i <= repeats; i++) {
      starts.push(offset)
      offset += by
    }
  }
  return starts
}

function duration(text: string): number {
  if (/^[+-]?0$/.test(text)) return 0
  const ms = parseDurationText(text.replace(/^[+-]/, ''))
  if (typeof ms !== 'number') throw new Error(ms.error)
  return text.startsWith('-') ? -ms : ms
}
