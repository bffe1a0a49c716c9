/** Samples for `/federate`, near the time it is asked: new ones, old ones, stale ones, histograms, names of any alphabet. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { writeStale, type SampleColumns } from '#lib/model/samples.ts'
import type { MadeHistogram, MadeSample, MadeSeries } from '#test/data/made-series.ts'
import { putBlock, testId } from '#test/store/sample-block.ts'
import type { GoldenRequest } from './requests.ts'

const MINUTE = 60_000

/** In order of time, as a sender must. */
export function federateSeries(baseMs: number): MadeSeries[] {
  const series = (labels: Record<string, string>, ...samples: MadeSample[]): MadeSeries => ({
    labels: Object.entries(labels),
    samples,
  })
  const at = (agoMs: number, v: number): MadeSample => ({ t: baseMs - agoMs, v })
  const of = (histogram: MadeHistogram): MadeSample => ({ t: baseMs - 1000, histogram })
  return [
    series({ __name__: 'old' }, at(10 * MINUTE, 1)),
    series({ __name__: 'gone' }, at(2 * MINUTE, 1), { t: baseMs - MINUTE, stale: true }),
    series({ __name__: 'up', instance: 'a:9', job: 'x' }, at(2 * MINUTE, 0), at(1500, 1)),
    series({ __name__: 'up', instance: 'b:9', job: 'x' }, at(3 * MINUTE, 0)),
    series({ __name__: 'up', job: 'y\\"\n<ü>' }, at(2500, 0.1)),
    series({ __name__: 'large_bytes', exported_job: 'z' }, at(1001, 123456789)),
    series({ __name__: 'small', A: 'before __name__' }, at(1002, 1.5e-7)),
    series({ __name__: 'infinite' }, at(1003, Infinity)),
    series({ __name__: 'nothing' }, at(1004, NaN)),
    series({ __name__: 'minus' }, at(1005, -1)),
    series({ __name__: 'edge' }, at(1006, 1e6)),
    series({ __name__: 'dotted.näme_x', 'label.dot': 'v', job: 'x' }, at(1007, 7)),
    series({ __name__: 'latency' }, of(EXPONENTIAL)),
    series({ __name__: 'latency', kind: 'gauge' }, of({ ...EXPONENTIAL, gauge: true })),
    series({ __name__: 'latency', kind: 'plain' }, at(1008, 3)),
    series({ __name__: 'sizes' }, of(CUSTOM)),
  ]
}

const EXPONENTIAL: MadeHistogram = {
  kind: 'int',
  schema: 3,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 12,
  sum: 18.4,
  positiveSpans: [
    [-2, 2],
    [3, 1],
  ],
  positive: [1, 2, 3],
  negativeSpans: [[0, 2]],
  negative: [3, 1],
}

const CUSTOM: MadeHistogram = {
  kind: 'int',
  schema: -53,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 7,
  sum: 4.25,
  positiveSpans: [
    [0, 1],
    [1, 2],
  ],
  positive: [1, 2, 4],
  negativeSpans: [],
  negative: [],
  customValues: [0.1, 0.5, 1],
}

const PROTOBUF =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
/** Prometheus sorts by name only, and not in a stable way: what has one name in several types is asked for apart. */
const ALL = `match[]=${encodeURIComponent('{__name__=~".+",__name__!="latency"}')}`

const ask = (query: string, accept?: string): GoldenRequest => ({
  path: `/federate?${query}`,
  ...(accept === undefined ? {} : { headers: { accept } }),
})

export const FEDERATE_REQUESTS: readonly GoldenRequest[] = [
  ask(ALL),
  ask('match[]=up&match[]={job="x"}&match[]=gone'),
  ask('match[]=nope&match[]=old'),
  ask(ALL, 'text/plain;version=0.0.4;escaping=allow-utf-8'),
  ask(ALL, 'text/plain;escaping=dots'),
  ask(ALL, 'text/plain;escaping=values'),
  ask(ALL, 'text/plain;escaping=nope'),
  ask(ALL, 'text/plain;version=1.0.0'),
  ask(ALL, 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8'),
  ask(ALL, 'application/json'),
  ask(ALL, PROTOBUF),
  ask('match[]=latency', PROTOBUF),
  ask('match[]=latency'),
  ask(ALL, `${PROTOBUF};escaping=allow-utf-8`),
  // what Prometheus sends when it scrapes
  ask(
    ALL,
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
  ),
  ask(ALL, `text/plain;version=0.0.4;q=0.2,${PROTOBUF};q=0.6,*/*;q=0.1`),
]

/** The same samples for thaw. */
export async function federateBucket(baseMs: number): Promise<Bucket> {
  const bucket = memoryBucket()
  await putBlock(bucket, {
    id: testId(1),
    minTimeMs: baseMs - 60 * MINUTE,
    maxTimeMs: baseMs + 60 * MINUTE,
    externalLabels: {},
    series: federateSeries(baseMs).map(({ labels, samples }) => ({
      labels: labelsFrom(Object.fromEntries(labels)),
      samples: columnsOf(samples),
    })),
  })
  return bucket
}

function columnsOf(samples: readonly MadeSample[]): SampleColumns {
  const values = Float64Array.from(samples, ({ v, histogram }) => histogram?.sum ?? v ?? 0)
  for (const [i, { stale }] of samples.entries()) if (stale) writeStale(values, i)
  const histograms = samples.map(({ histogram }) => histogram && floatHistogram(histogram))
  return {
    length: samples.length,
    timestamps: Float64Array.from(samples, ({ t }) => t),
    values,
    histograms: histograms.some(Boolean) ? HistogramColumn.of(histograms) : undefined,
  }
}

function floatHistogram(made: MadeHistogram): FloatHistogram {
  const spans = (all: MadeHistogram['positiveSpans']) =>
    all.map(([offset, length]) => ({ offset, length }))
  const { schema, zeroThreshold, zeroCount, count, sum } = made
  return {
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum,
    positiveSpans: spans(made.positiveSpans),
    negativeSpans: spans(made.negativeSpans),
    positiveBuckets: Float64Array.from(made.positive),
    negativeBuckets: Float64Array.from(made.negative),
    customValues: Float64Array.from(made.customValues ?? []),
    counterResetHint: made.gauge ? 'gauge' : 'unknown',
  }
}
