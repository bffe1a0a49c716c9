/**
 * An exporter whose series do everything that series do: counters that restart, gauges with NaN and infinities, classic and
 * native histograms, series that come and go, exemplars. What it shows depends on the time alone.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { noise, seedOf } from '#test/e2e/support/noise.ts'
import {
  exposition,
  PROTOBUF_TYPE,
  type ShownFamily,
  type ShownHistogram,
  type ShownMetric,
} from './exposition.ts'

export interface ProbeTarget {
  /** `127.0.0.1:port` */
  readonly address: string
  readonly close: () => void
}

export interface ProbeSettings {
  readonly now: () => number
  /** Counters without a story beside the others. */
  readonly fillers: number
  /** Series that live for about a minute each, at any time. */
  readonly churning: number
}

/** Matches what is watched each second: a few series of each kind. */
export const WATCHED =
  '{__name__=~"up|probe_(requests_total|load|latency_seconds|latency_seconds_bucket)"}'

export async function startProbeTarget(settings: ProbeSettings): Promise<ProbeTarget> {
  const startMs = settings.now()
  const server = createServer((_, response) => {
    const nowMs = settings.now()
    const body = exposition(familiesAt(nowMs, (nowMs - startMs) / 1000, settings))
    response.writeHead(200, { 'content-type': PROTOBUF_TYPE }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** `t` in seconds since the start. */
function familiesAt(nowMs: number, t: number, settings: ProbeSettings): ShownFamily[] {
  const exemplar = (value: number) => ({
    labels: { trace_id: Math.floor(nowMs).toString(16) },
    value,
    timestampMs: nowMs,
  })
  const requests = numbered(5, (i) => ({
    labels: { path: `/${i}` },
    // Starts anew every ten minutes, each path at its own time.
    value: Math.floor(((t + i * 100) % 600) * (7 + i)),
    exemplar: exemplar(i + t / 1000),
  }))
  const load = numbered(4, (i) => ({ labels: { n: String(i) }, value: loadAt(i, t) }))
  const latency = numbered(2, (i) => ({
    labels: { route: `r${i}` },
    value: histogramAt(i, t, exemplar(0.25)),
  }))
  return [
    { name: 'probe_requests_total', help: 'Requests.', type: 'counter', metrics: requests },
    { name: 'probe_load', help: 'Anything.', type: 'gauge', metrics: load },
    { name: 'probe_latency_seconds', help: 'Latency.', type: 'histogram', metrics: latency },
    {
      name: 'probe_filler_total',
      help: 'Many of a kind.',
      type: 'counter',
      metrics: numbered(settings.fillers, (i) => ({
        labels: { n: String(i), zone: `z${i % 7}` },
        value: Math.floor(t) * (i % 50) + i,
      })),
    },
    {
      name: 'probe_job_seconds',
      help: 'Lives for a minute.',
      type: 'gauge',
      metrics: numbered(settings.churning, (i) => ({
        labels: {
          slot: String(i),
          run: String(Math.floor((t + (60 * i) / settings.churning) / 60)),
        },
        value: t + i / 3,
      })),
    },
    {
      name: 'probe_blink',
      help: 'Is there in every third scrape or so.',
      type: 'gauge',
      metrics: noise(seedOf('blink'), Math.floor(t)) < 0.3 ? [{ labels: {}, value: t }] : [],
    },
  ]
}

function numbered(count: number, make: (i: number) => ShownMetric): ShownMetric[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

function loadAt(i: number, t: number): number {
  const drawn = noise(seedOf(`load${i}`), Math.floor(t * 10))
  if (i === 0 && drawn < 0.05) return NaN
  if (i === 1 && drawn < 0.05) return drawn < 0.025 ? Infinity : -Infinity
  if (i === 2) return 1
  return 20 * Math.sin(t / 60 + i) + drawn
}

const BOUNDS = [0.01, 0.1, 1]
const WIDTH = 8

/** Grows, with buckets that move up slowly; starts anew every twenty minutes. */
function histogramAt(
  i: number,
  t: number,
  exemplar: NonNullable<ShownHistogram['exemplar']>,
): ShownHistogram {
  const age = (t + i * 500) % 1200
  const shift = Math.floor(age / 120)
  const counts = Array.from({ length: WIDTH }, (_, k) => Math.floor((age * (k + 1)) / 3) + 1)
  const zeroCount = Math.floor(age)
  const count = counts.reduce((sum, one) => sum + one, zeroCount)
  return {
    count,
    sum: age * 3.25,
    classic: BOUNDS.map((upperBound, k) => ({
      upperBound,
      count: Math.floor((count * (k + 1)) / 4),
    })),
    schema: 3,
    zeroThreshold: 1e-6,
    zeroCount,
    positiveSpans: [
      { offset: shift - 20, length: WIDTH / 2 },
      { offset: 3, length: WIDTH / 2 },
    ],
    positiveCounts: counts,
    exemplar,
  }
}
