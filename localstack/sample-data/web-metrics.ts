/** What a pod of the web service says: requests, how long they took, how many are under way. */
import { counter, gauge } from './curve.ts'
import { hashPair, hashText } from './noise.ts'
import type { Pod } from './pods.ts'
import type { SeriesSink } from './series-sink.ts'
import type { Latencies } from './series.ts'

/** Requests per second of one pod, and how many more there are while the service fails. */
const REQUESTS = [
  { handler: '/api/orders', method: 'GET', code: '200', rate: 12, failing: -4 },
  { handler: '/api/orders', method: 'GET', code: '404', rate: 0.2, failing: 0 },
  { handler: '/api/orders', method: 'GET', code: '500', rate: 0.02, failing: 4 },
  { handler: '/api/orders', method: 'POST', code: '201', rate: 3, failing: -1 },
  { handler: '/api/orders', method: 'POST', code: '400', rate: 0.1, failing: 0 },
  { handler: '/api/orders', method: 'POST', code: '500', rate: 0.01, failing: 1 },
  { handler: '/api/users', method: 'GET', code: '200', rate: 8, failing: -1 },
  { handler: '/api/users', method: 'GET', code: '404', rate: 0.5, failing: 0 },
  { handler: '/api/users', method: 'GET', code: '500', rate: 0.01, failing: 1 },
  { handler: '/login', method: 'POST', code: '200', rate: 0.8, failing: 0 },
  { handler: '/login', method: 'POST', code: '401', rate: 0.1, failing: 0 },
  { handler: '/login', method: 'POST', code: '500', rate: 0.005, failing: 0.05 },
]

const HANDLERS = [
  { handler: '/api/orders', rate: 15.3, middle: 0.09 },
  { handler: '/api/users', rate: 8.5, middle: 0.035 },
]

const CLASSIC_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, Infinity]
const SCHEMA = 3
/** 2^(-72/8), about 2 ms, is the lower bound of the first bucket; 2^(24/8), 8 s, the upper one of the last. */
const FIRST_INDEX = -71
const BUCKETS = 96
/** Every fourth bucket is used: a quarter of the work, with the same picture. */
const STRIDE = 4

export function webMetrics(sink: SeriesSink, pod: Pod): void {
  const { process } = pod
  const { seed } = process
  for (const { rate, failing, ...labels } of REQUESTS) {
    const curve = counter({
      perSecond: rate,
      seed: hashPair(seed, hashText(`${labels.handler} ${labels.method} ${labels.code}`)),
      failurePerSecond: failing,
      // Slow enough by day and by noise that a failure that takes a third away can't turn it round.
      daily: failing < 0 ? 0.3 : 0.5,
      quiet: failing < 0,
    })
    sink.add('http_requests_total', labels, { type: 'counter', curve, process })
  }
  for (const { handler, rate, middle } of HANDLERS) {
    const classic = latencies(pod, handler, rate, middle, CLASSIC_BOUNDS)
    for (let bucket = 0; bucket < CLASSIC_BOUNDS.length; bucket++) {
      const bound = CLASSIC_BOUNDS[bucket]!
      const labels = { handler, le: bound === Infinity ? '+Inf' : `${bound}` }
      const shape = { type: 'bucket', latencies: classic, bucket } as const
      sink.add('http_request_duration_seconds_bucket', labels, shape)
    }
    sink.add(
      'http_request_duration_seconds_count',
      { handler },
      { type: 'bucket', latencies: classic, bucket: CLASSIC_BOUNDS.length - 1 },
    )
    sink.add(
      'http_request_duration_seconds_sum',
      { handler },
      { type: 'latency-sum', latencies: classic },
    )
    const bounds: number[] = []
    for (let i = 0; i < BUCKETS; i += STRIDE) bounds.push(2 ** ((FIRST_INDEX + i) / 2 ** SCHEMA))
    sink.add(
      'http_request_latency_seconds',
      { handler },
      {
        type: 'histogram',
        latencies: latencies(pod, handler, rate, middle, bounds),
        schema: SCHEMA,
        firstIndex: FIRST_INDEX,
        stride: STRIDE,
      },
    )
  }
  const curve = gauge({ level: 6, daily: 4, noise: 3, seed, noiseCell: 60, failure: 25 })
  sink.add('http_requests_in_flight', {}, { type: 'gauge', curve })
}

/** Log-normal around `middle`; while the service fails, more requests take long. */
function latencies(
  pod: Pod,
  handler: string,
  rate: number,
  middle: number,
  bounds: readonly number[],
): Latencies {
  const { process } = pod
  const share = (bound: number) => 1 / (1 + (bound / middle) ** -2.5)
  return {
    process,
    bounds,
    curves: bounds.map((bound, i) => {
      const below = i === 0 ? 0 : share(bounds[i - 1]!)
      const part = bound === Infinity ? 1 - below : share(bound) - below
      const slow = bound > 0.5 && bound <= 4 ? rate * 0.15 : 0
      return counter({
        perSecond: rate * part,
        seed: hashPair(process.seed, hashText(`${handler} ${bound}`)),
        failurePerSecond: slow,
      })
    }),
  }
}
