/** Remote write into a real Prometheus: what it has afterwards is, bit for bit, what was written. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HistogramColumn } from '#lib/model/histogram-column.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { compareLabels } from '#lib/model/labels.ts'
import { type SampleColumns, writeStale } from '#lib/model/samples.ts'
import { encodeReadRequest, SAMPLES } from '#lib/remote/read-request.ts'
import { decodeReadResponse } from '#lib/remote/samples-reader.ts'
import type { WriteSeries, WriteVersion } from '#lib/remote/write-request.ts'
import { parseRemoteWriteConfig } from '#lib/remote-write/remote-write-config.ts'
import { openRemoteWrites, type RemoteReport } from '#lib/remote-write/remote-writes.ts'
import { parseMetricSelector } from '#lib/promql/parse/parse.ts'
import { findPrometheus, type PrometheusServer, startPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'

const debian = await findPrometheus()
const prometheus3 = process.env['THAW_PROMETHEUS_3']
const NOT_NAMED = { missing: 'THAW_PROMETHEUS_3 names no Prometheus 3.x' }
const THREE = prometheus3 === undefined ? NOT_NAMED : { binary: prometheus3 }
const PEERS: readonly [string, WriteVersion, typeof debian | typeof THREE][] = [
  ['2.x', '1.0', debian],
  ['3.x', '1.0', THREE],
  ['3.x', '2.0', THREE],
]

const MESSAGES = {
  '1.0': 'prometheus.WriteRequest',
  '2.0': 'io.prometheus.write.v2.Request',
}
/** All of it within an hour: a head without a block takes nothing older than that behind its newest. */
const STEP_MS = 10_000
const ROWS = 300
/** Bits of floats that are often lost on the way; not -0, which Prometheus loses in its answer, as it writes no zeros. */
const ODD = new Float64Array([0, 1, NaN, Infinity, -Infinity, 5e-324, 1 / 3, 2 ** 53, -1e308, 0])
writeStale(ODD, 9)

function histogramAt(row: number): FloatHistogram {
  return {
    schema: 2,
    zeroThreshold: 0.001,
    zeroCount: row % 3,
    count: 3.5 * row + (row % 3),
    sum: row / 7,
    positiveSpans: [
      { offset: -3, length: 2 },
      { offset: 4, length: 1 },
    ],
    negativeSpans: [{ offset: 1, length: 1 }],
    positiveBuckets: new Float64Array([row, row / 2, row]),
    negativeBuckets: new Float64Array([row]),
    customValues: new Float64Array(0),
    counterResetHint: 'gauge',
  }
}

function madeSeries(startMs: number): WriteSeries[] {
  const timestamps = Float64Array.from({ length: ROWS }, (_, i) => startMs + i * STEP_MS + (i % 7))
  const floats = Array.from({ length: 20 }, (_, n): WriteSeries => {
    const values = new Float64Array(ROWS)
    const raw = new BigUint64Array(values.buffer)
    const odd = new BigUint64Array(ODD.buffer)
    for (let i = 0; i < ROWS; i++) raw[i] = odd[(i * (n + 1) + n) % odd.length]!
    return {
      labels: ['__name__', 'written', 'n', String(n).padStart(2, '0'), 'text', 'grüße "🦉"\n'],
      samples: { length: ROWS, timestamps, values },
    }
  })
  const histograms = Array.from({ length: ROWS }, (_, i) => histogramAt(i + 1))
  const values = Float64Array.from(histograms, ({ sum }) => sum)
  // As rules end a series of histograms: by a float.
  writeStale(values, ROWS - 1)
  const column = HistogramColumn.of([...histograms.slice(0, -1), undefined])
  return [
    ...floats,
    {
      labels: ['__name__', 'written', 'type', 'histogram'],
      samples: { length: ROWS, timestamps, values, histograms: column },
    },
  ].sort((a, b) => compareLabels(a.labels, b.labels))
}

const STALE = '7ff0000000000002'

/** What tests compare: labels, and each sample with its bits. */
function shown(
  labels: readonly string[],
  { length, timestamps, values, histograms }: SampleColumns,
) {
  const rows = Array.from({ length }, (_, i) => {
    const bits = new BigUint64Array(values.slice(i, i + 1).buffer)[0]!.toString(16)
    // The end of a series of histograms comes back as one of them, though it was written as a float.
    const histogram = bits === STALE ? undefined : histograms?.at(i)
    return [timestamps[i]!, bits, histogram] as const
  })
  return [labels, rows] as const
}

for (const [name, version, peer] of PEERS) {
  const title = `Prometheus ${name}, asked by remote write ${version},`
  if ('missing' in peer) {
    describeSkipped(title, peer)
    continue
  }
  // oxlint-disable-next-line vitest/valid-title -- of the peer
  describe(title, () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'thaw-remote-write-'))
    const now = Math.floor(Date.now() / 1000) * 1000
    const startMs = now - ROWS * STEP_MS - 60_000
    const written = madeSeries(startMs)
    let server: PrometheusServer

    beforeAll(async () => {
      server = await startPrometheus({
        binary: peer.binary,
        dataDir,
        config: 'global: {}\n',
        flags: ['--web.enable-remote-write-receiver', '--enable-feature=native-histograms'],
      })
    })

    afterAll(async () => {
      await server?.stop()
      rmSync(dataDir, { recursive: true, force: true })
    })

    async function write(
      series: readonly WriteSeries[],
    ): Promise<RemoteReport & { readonly unsent: number }> {
      const remote = openRemoteWrites({
        configs: parseRemoteWriteConfig(`
remote_write:
  - url: ${server.url}/api/v1/write
    send_native_histograms: true
    protobuf_message: ${MESSAGES[version]}
    queue_config: {max_samples_per_send: 777}
`),
        retryForMs: 5000,
        userAgent: 'thaw',
        now: Date.now,
        sleep: async (ms) => wait(ms),
      })
      const { remotes, unsent } = await remote.send(remote.requests(series))
      remote.close()
      return { ...remotes[0]!, unsent: unsent.length }
    }

    async function readBack() {
      const query = { startMs, endMs: now, matchers: parseMetricSelector('written') }
      const answer = await fetch(`${server.url}/api/v1/read`, {
        method: 'POST',
        headers: { 'content-encoding': 'snappy' },
        body: encodeReadRequest([query], [SAMPLES]),
      })
      const body = new Uint8Array(await answer.arrayBuffer())
      const [series] = [...decodeReadResponse(body, Infinity)].map((result) =>
        [...result].map(({ labels, samples }) => shown(labels, samples)),
      )
      return series!
    }

    it('has every bit of it', async () => {
      expect(await write(written)).toMatchObject({
        unsent: 0,
        samples: 20 * ROWS + 1,
        histograms: ROWS - 1,
        failed: 0,
        retried: 0,
        lastError: '',
      })
      const expected = written.map(({ labels, samples }) => shown(labels, samples))
      // Prometheus 2.42 takes histograms and has none in its answers of samples.
      const isTold = (labels: readonly string[]): boolean =>
        name !== '2.x' || !labels.includes('histogram')
      const found = await readBack()
      expect(found.filter(([labels]) => isTold(labels))).toEqual(
        expected.filter(([labels]) => isTold(labels)),
      )
    })

    it('takes what it has already without a word, when that is the newest', async () => {
      const floats = written.filter(({ samples }) => samples.histograms === undefined)
      const last = floats.map(({ labels, samples }): WriteSeries => {
        const { timestamps, values } = samples
        return {
          labels,
          samples: {
            length: 1,
            timestamps: timestamps.slice(-1),
            values: values.slice(-1),
          },
        }
      })
      expect(await write(last)).toMatchObject({ unsent: 0, samples: 20, failed: 0 })
      expect((await readBack()).length).toBe(21)
    })

    it('refuses what is older, which is told and not tried again', async () => {
      const old: WriteSeries = {
        labels: written[0]!.labels,
        samples: {
          length: 1,
          timestamps: new Float64Array([startMs - 1]),
          values: new Float64Array([1]),
        },
      }
      const report = await write([old])
      expect(report).toMatchObject({ unsent: 0, samples: 0, failed: 1, retried: 0 })
      expect(report.lastError).toMatch(/answered 400: out of order sample/)
    })
  })
}
