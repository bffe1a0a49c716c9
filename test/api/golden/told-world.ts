/** What a Prometheus tells beside samples: an exporter with exemplars and metadata, rules in every state, targets that are up, down and dropped. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { labelsFrom, type Labels } from '#lib/model/labels.ts'
import type { ExemplarSeries } from '#lib/storage/exemplars.ts'
import type { MetadataEntry } from '#lib/storage/metadata.ts'
import { putPack } from '#test/store/put-pack.ts'

export interface ToldFamily extends MetadataEntry {
  readonly name: string
  /** Name and labels, and value. */
  readonly samples: readonly (readonly [string, number])[]
}

const LATENCY = 'request_duration_seconds'

/** As OpenMetrics names them. */
export const FAMILIES: readonly ToldFamily[] = [
  {
    name: LATENCY,
    type: 'histogram',
    help: 'How long <requests> take, "all" in all & a \\ too.',
    unit: 'seconds',
    samples: [
      [`${LATENCY}_bucket{path="/a",le="0.1"}`, 3],
      [`${LATENCY}_bucket{path="/a",le="1.0"}`, 5],
      [`${LATENCY}_bucket{path="/a",le="+Inf"}`, 6],
      [`${LATENCY}_count{path="/a"}`, 6],
      [`${LATENCY}_sum{path="/a"}`, 7.5],
    ],
  },
  {
    name: 'requests',
    type: 'counter',
    help: 'Requests.',
    unit: '',
    samples: [
      ['requests_total{path="/a",zone="y<z>\\"é"}', 6],
      ['requests_total{path="/b"}', 2],
    ],
  },
  {
    name: 'queue_bytes',
    type: 'gauge',
    help: 'Two\nlines.',
    unit: 'bytes',
    samples: [['queue_bytes', 12]],
  },
  {
    name: 'rpc',
    type: 'summary',
    help: '',
    unit: '',
    samples: [
      ['rpc{quantile="0.5"}', 1],
      ['rpc_count', 1],
      ['rpc_sum', 1],
    ],
  },
  { name: 'build', type: 'info', help: 'Ü.', unit: '', samples: [['build_info{v="1"}', 1]] },
  { name: 'lamp', type: 'stateset', help: 'On?', unit: '', samples: [['lamp{lamp="on"}', 1]] },
  { name: 'other', type: 'unknown', help: 'Whatever.', unit: '', samples: [['other', 1]] },
  {
    name: 'sizes',
    type: 'gaugehistogram',
    help: 'Sizes.',
    unit: '',
    samples: [
      ['sizes_bucket{le="+Inf"}', 1],
      ['sizes_gcount', 1],
      ['sizes_gsum', 1],
    ],
  },
]

/** Of each scrape: the sample it stands behind, its labels, value and seconds. */
type PagedExemplar = readonly [
  sample: string,
  labels: Readonly<Record<string, string>>,
  value: string,
  seconds: number,
]

const PAGES: readonly (readonly PagedExemplar[])[] = [
  [
    [`${LATENCY}_bucket{path="/a",le="0.1"}`, { trace_id: 'a1' }, '0.05', 1_700_000_000],
    [`${LATENCY}_bucket{path="/a",le="1.0"}`, { trace_id: 'b1' }, '0.5', 1_700_000_000.5],
    ['requests_total{path="/a",zone="y<z>\\"é"}', { trace_id: '<&>é' }, '1', 1_700_000_000],
  ],
  [
    [
      `${LATENCY}_bucket{path="/a",le="0.1"}`,
      { trace_id: 'a2', span_id: 's' },
      '1e-7',
      1_700_000_015.25,
    ],
    [`${LATENCY}_bucket{path="/a",le="+Inf"}`, {}, '+Inf', 1_700_000_015],
    ['requests_total{path="/a",zone="y<z>\\"é"}', { a: '{b}, c=\u00fc' }, 'NaN', 1_700_000_030],
  ],
  [
    [
      `${LATENCY}_bucket{path="/a",le="0.1"}`,
      { trace_id: 'a3' },
      '123456789012345680000',
      1_700_000_030.123,
    ],
    [`${LATENCY}_bucket{path="/a",le="1.0"}`, { trace_id: 'b3' }, '-0.25', 1_700_000_031],
    ['requests_total{path="/b"}', { trace_id: 'c' }, '2', 1_700_000_030],
  ],
]

/** Just behind all of them. */
export const TOLD_MS = 1_700_000_040_000

export const INSTANCE = { instance: 'made:1', job: 'made' }

/** The same as series, with the labels that scraping adds. */
export function toldExemplars(): ExemplarSeries[] {
  const series = new Map<string, ExemplarSeries & { exemplars: unknown[] }>()
  for (const [sample, labels, value, seconds] of PAGES.flat()) {
    let one = series.get(sample)
    if (one === undefined)
      series.set(sample, (one = { labels: seriesLabels(sample), exemplars: [] }))
    one.exemplars.push({
      labels: labelsFrom(labels),
      timestampMs: Math.round(seconds * 1000),
      value: Number(value.replace('Inf', 'Infinity')),
    })
  }
  return [...series.values()]
}

/** The same in two fresh blocks of a source without external labels, which Prometheus's API does not have either. */
export async function toldBucket(bucket = memoryBucket(), shiftMs = 0): Promise<Bucket> {
  const exemplars = toldExemplars().flatMap((series) =>
    series.exemplars.map(({ labels, ...exemplar }) => ({
      ...exemplar,
      timestampMs: exemplar.timestampMs + shiftMs,
      labels: series.labels,
      exemplarLabels: labels,
    })),
  )
  const metadata = FAMILIES.map(({ name, type, help, unit }) => ({
    metric: name,
    type,
    help,
    unit,
  }))
  const middle = Math.floor(exemplars.length / 2)
  await putPack(bucket, { from: 0, to: 10 }, { exemplars: exemplars.slice(0, middle), metadata })
  await putPack(bucket, { from: 10, to: 20 }, { exemplars: exemplars.slice(middle) })
  return bucket
}

function seriesLabels(sample: string): Labels {
  const [, name, inside = ''] = /^(\w+)(?:\{(.*)\})?$/s.exec(sample)!
  const pairs = [...inside.matchAll(/(\w+)="((?:\\.|[^"\\])*)"/gs)]
  const labels = pairs.map(([, label, value]) => [label!, JSON.parse(`"${value!}"`) as string])
  return labelsFrom({ __name__: name!, ...INSTANCE, ...Object.fromEntries(labels) })
}

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1)

/** One page of OpenMetrics. */
function pageText(page: number): string {
  const exemplars = new Map(PAGES[page]!.map((exemplar) => [exemplar[0], exemplar]))
  const lines = FAMILIES.flatMap(({ name, type, help, unit, samples }) => [
    `# HELP ${name} ${escaped(help)}`,
    `# TYPE ${name} ${type}`,
    ...(unit === '' ? [] : [`# UNIT ${name} ${unit}`]),
    ...samples.map(([sample, value]) => {
      const found = exemplars.get(sample)
      if (found === undefined) return `${sample} ${value}`
      const [, labels, number, seconds] = found
      const inside = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`)
      return `${sample} ${value} # {${inside.join(',')}} ${number} ${seconds}`
    }),
  ])
  return `${[...lines, '# EOF'].join('\n')}\n`
}

export interface Exporter {
  /** `host:port`. */
  readonly address: string
  /** Every page was scraped. */
  readonly isDone: () => boolean
  readonly close: () => void
}

/** One page after the other, the last again and again. */
export async function startExporter(): Promise<Exporter> {
  let page = 0
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    response.end(pageText(Math.min(page++, PAGES.length - 1)))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    isDone: () => page >= PAGES.length,
    close: () => server.close(),
  }
}

export function toldConfig(address: string): string {
  const labels = `{instance: "${INSTANCE.instance}"}`
  return `global: {scrape_interval: 3s, evaluation_interval: 2s, external_labels: {cluster: c}}
rule_files: [${RULES_FILE}]
scrape_configs:
  - job_name: made
    static_configs: [{targets: ["${address}"], labels: ${labels}}]
  - job_name: away
    scrape_timeout: 1s
    metrics_path: /path?a=b
    static_configs: [{targets: ["127.0.0.1:1"], labels: {zone: "<z>"}}]
  - job_name: dropped
    static_configs: [{targets: ["dropped:1"]}]
    relabel_configs: [{action: drop}]
`
}

/** Where they are: answers have it. */
export const RULES_FILE = '/tmp/thaw-told/rules.yml'

export const RULES = `groups:
  - name: alerts
    rules:
      - alert: Firing
        expr: queue_bytes > 5
        labels: {severity: page, zone: "<{{ $labels.instance }}>"}
        annotations: {summary: "{{ $value }} & more <b>", é: "ü"}
      - alert: Pending
        expr: requests_total{path="/b"} > 1
        for: 1h
        keep_firing_for: 90s
        labels: {severity: ticket}
      - alert: Inactive
        expr: queue_bytes > 1e9
        for: 1500ms
  - name: records
    interval: 2500ms
    limit: 9
    rules:
      - record: job:requests:rate5m
        expr: sum by (job) (rate(requests_total[5m]))
      - record: wrong
        expr: requests_total + on() requests_total
        labels: {kind: "<x>", severity: page}
  - name: a
    rules: [{record: one, expr: "1"}]
`
