/** Native histograms as values of templates. */
import { CUSTOM_BUCKETS_SCHEMA, type FloatHistogram, type Span } from '#lib/model/histogram.ts'
import { HINTS } from '#lib/model/histogram-column.ts'
import { formatHistogram } from '#lib/promql/histogram/format.ts'
import {
  ANY,
  FLOAT64,
  FLOAT_SLICE,
  INT32,
  UINT32,
  bool,
  float,
  pointerTo,
  sliceOf,
  string,
  type Callable,
  type Field,
  type GoType,
  type Value,
} from '../value/value.ts'
import { fn } from './callable.ts'

const SPAN: GoType = {
  kind: 'struct',
  name: 'histogram.Span',
  comparable: true,
  fields: [
    {
      name: 'Offset',
      type: INT32,
      get: ({ data }) => ({ type: INT32, data: BigInt((data as Span).offset) }),
    },
    {
      name: 'Length',
      type: UINT32,
      get: ({ data }) => ({ type: UINT32, data: BigInt((data as Span).length) }),
    },
  ],
}
const SPANS: GoType = { kind: 'slice', name: '[]histogram.Span', elem: SPAN }
const RESET_HINT: GoType = { kind: 'uint8', name: 'histogram.CounterResetHint' }

function number(name: string, get: (histogram: FloatHistogram) => number): Field {
  return { name, type: FLOAT64, get: ({ data }) => float(get(data as FloatHistogram)) }
}

function numbers(name: string, get: (histogram: FloatHistogram) => Float64Array): Field {
  return {
    name,
    type: FLOAT_SLICE,
    get: ({ data }) => {
      const values = get(data as FloatHistogram)
      if (values.length === 0) return { type: FLOAT_SLICE, data: undefined }
      return sliceOf(FLOAT_SLICE, Array.from(values, float))
    },
  }
}

function spans(name: string, get: (histogram: FloatHistogram) => readonly Span[]): Field {
  return {
    name,
    type: SPANS,
    get: ({ data }) => {
      const all = get(data as FloatHistogram)
      if (all.length === 0) return { type: SPANS, data: undefined }
      return sliceOf(
        SPANS,
        all.map((span) => ({ type: SPAN, data: span })),
      )
    },
  }
}

const HISTOGRAM: GoType = {
  kind: 'struct',
  name: 'histogram.FloatHistogram',
  fields: [
    {
      name: 'CounterResetHint',
      type: RESET_HINT,
      get: ({ data }) => ({
        type: RESET_HINT,
        data: BigInt(HINTS.indexOf((data as FloatHistogram).counterResetHint)),
      }),
    },
    { name: 'Schema', type: INT32, get: ({ data }) => schemaOf(data as FloatHistogram) },
    number('ZeroThreshold', ({ zeroThreshold }) => zeroThreshold),
    number('ZeroCount', ({ zeroCount }) => zeroCount),
    number('Count', ({ count }) => count),
    number('Sum', ({ sum }) => sum),
    spans('PositiveSpans', ({ positiveSpans }) => positiveSpans),
    spans('NegativeSpans', ({ negativeSpans }) => negativeSpans),
    numbers('PositiveBuckets', ({ positiveBuckets }) => positiveBuckets),
    numbers('NegativeBuckets', ({ negativeBuckets }) => negativeBuckets),
    numbers('CustomValues', ({ customValues }) => customValues),
  ],
}

function schemaOf({ schema }: FloatHistogram): Value {
  return { type: INT32, data: BigInt(schema) }
}

function histogramOf(pointer: Value): FloatHistogram {
  return (pointer.data as Value).data as FloatHistogram
}

/** Methods that compute, change the histogram, or take others: nobody puts them into an annotation. */
const NOT_SUPPORTED =
  'Add AllBucketIterator AllReverseBucketIterator Compact CopyTo CopyToSchema DetectReset Div Equals HasOverflow KahanAdd Mul NegativeBucketIterator NegativeReverseBucketIterator PositiveBucketIterator PositiveReverseBucketIterator ReduceResolution Size Sub TestExpression TrimBuckets Validate ZeroBucket'

const METHODS = new Map<string, Callable>([
  ['String', fn([], (self) => string(formatHistogram(histogramOf(self))))],
  ['Copy', fn([], (self) => self)],
  ['UsesCustomBuckets', fn([], (self) => bool(histogramOf(self).schema === CUSTOM_BUCKETS_SCHEMA))],
  ...NOT_SUPPORTED.split(' ').map((name): [string, Callable] => [
    name,
    fn([ANY], () => undefined, {
      variadic: true,
      refused: `method ${name} of native histograms is not supported in templates`,
    }),
  ]),
])

const HISTOGRAM_POINTER = pointerTo(HISTOGRAM, {
  methods: METHODS,
  show: (pointer) => formatHistogram(histogramOf(pointer)),
})

export function histogramValue(histogram: FloatHistogram): Value {
  return { type: HISTOGRAM_POINTER, data: { type: HISTOGRAM, data: histogram } satisfies Value }
}
