/**
 * What do queries over fresh packs cost, beside queries over the same samples as blocks of two hours? A dashboard over the last hour and over the last
 * three, of functions that have just started (each panel another one) and of one that lives: at first, again, and again when one more pack came.
 * And one question about all series. The answers of both must be the same. Times are processor time, with a bucket that answers at once. Options: --series=<n>.
 */
import { parseArgs } from 'node:util'
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { type Bucket, OBJECT_STORE_READ_GAP } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { freshKey } from '#lib/fresh/fresh-key.ts'
import { PackBuilder } from '#lib/fresh/pack-writer.ts'
import { compareLabels, type Labels, labelsFrom } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import type { QueryAnswer, QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { queryFrontend } from '#lib/query/query-frontend.ts'
import { loadLookup } from '#lib/store/load-lookup.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'

const { values: options } = parseArgs({
  options: { series: { type: 'string', default: '100000' } },
})
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const SCRAPE = 15 * SECOND
const INTERVAL = 30 * SECOND
const MERGED = 10 * INTERVAL
const NOW = Date.UTC(2026, 10, 21, 14)
const START = NOW - 3 * HOUR
const METRICS = 400
const INSTANCES = Math.ceil(Number(options.series) / METRICS)
const CACHE_BYTES = 512 * 1024 * 1024

interface Series {
  readonly labels: Labels
  readonly seed: number
  readonly isCounter: boolean
}

/** Half counters, half gauges, by metric. */
const SERIES: readonly Series[] = Array.from({ length: METRICS * INSTANCES }, (_, i) => {
  const metric = i % METRICS
  const instance = Math.floor(i / METRICS)
  return {
    labels: labelsFrom({
      __name__: metric % 2 === 0 ? `made_${metric}_total` : `made_${metric}_bytes`,
      instance: `10.0.${instance >> 8}.${instance & 255}:9100`,
      job: 'node',
      namespace: `namespace-${instance % 20}`,
      pod: `worker-${instance % 20}-${instance}`,
    }),
    seed: (i * 2_654_435_761) >>> 0,
    isCounter: metric % 2 === 0,
  }
}).sort((a, b) => compareLabels(a.labels, b.labels))

/** In [0, 1), the same for the same numbers. */
function noise(seed: number, n: number): number {
  let x = (seed ^ Math.imul(n, 0x9e37_79b1)) >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35)
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32
}

/** Scraped with a phase and some ms of lateness, in [startMs, endMs). */
function samplesOf({ seed, isCounter }: Series, startMs: number, endMs: number): SampleColumns {
  const length = (endMs - startMs) / SCRAPE
  const timestamps = new Float64Array(length)
  const values = new Float64Array(length)
  const phase = seed % (SCRAPE - 10)
  for (let i = 0; i < length; i++) {
    const n = startMs / SCRAPE + i
    timestamps[i] = n * SCRAPE + phase + Math.floor(noise(seed, n) ** 8 * 8)
    values[i] = isCounter
      ? Math.floor((n - START / SCRAPE) * (1 + (seed % 50)) + noise(seed, n) * 40)
      : Math.floor(1e6 * (2 + noise(seed, n >> 2)))
  }
  return { length, timestamps, values }
}

/** Gives its key. */
async function putPack(bucket: Bucket, startMs: number, endMs: number): Promise<string> {
  const builder = new PackBuilder()
  for (const one of SERIES) {
    builder.add({ labels: one.labels, chunks: encodeChunks(samplesOf(one, startMs, endMs)) })
  }
  const { bytes, directoryBytes, minTimeMs, maxTimeMs } = builder.finish({})
  const place = { epoch: 'e', from: startMs / INTERVAL, to: endMs / INTERVAL }
  const labels = labelsFrom({ cluster: 'a' })
  const key = freshKey({ labels, ...place, minTimeMs, maxTimeMs, directoryBytes })
  await bucket.put(key, bytes)
  return key
}

async function putBlock(bucket: Bucket, id: string, startMs: number, endMs: number): Promise<void> {
  const files = new Map<string, Uint8Array[]>()
  const writer = new BlockWriter({
    write: (file, bytes) => void files.set(file, [...(files.get(file) ?? []), bytes]),
  })
  for (const one of SERIES) writer.addSeries(one.labels, samplesOf(one, startMs, endMs))
  const { meta } = writer.finish({ ulid: id, minTimeMs: startMs, maxTimeMs: endMs })
  for (const [file, pieces] of files) await bucket.put(`${id}/${file}`, Buffer.concat(pieces))
  const thanos = { labels: { cluster: 'a' }, downsample: { resolution: 0 }, source: 'sidecar' }
  const json = formatBlockMeta({ ...meta, thanos })
  await bucket.put(`${id}/meta.json`, new TextEncoder().encode(json))
}

/** Half of what the panels ask are rates of counters over all instances. */
const PANELS = [
  'sum by (namespace) (rate(made_10_total[5m]))',
  'sum(rate(made_20_total[5m])) / sum(rate(made_22_total[5m]))',
  'topk(5, rate(made_30_total[5m]))',
  'rate(made_40_total{namespace="namespace-3"}[5m])',
  'sum by (namespace) (made_11_bytes)',
  'max by (namespace) (max_over_time(made_21_bytes[10m]))',
  'made_31_bytes{namespace="namespace-7"}',
  'quantile(0.9, made_41_bytes)',
]

/** Of now, and of all there is. */
const WIDE = 'count by (__name__) ({job="node"})'

function requestOf(text: string, hours: number, nowMs: number): QueryRequest {
  const stepMs = hours * 15 * SECOND
  const endMs = Math.floor(nowMs / stepMs) * stepMs
  const stepCount = (hours * HOUR) / stepMs + 1
  const startMs = endMs - hours * HOUR
  return {
    text,
    grid: hours === 0 ? { startMs: nowMs, stepMs, stepCount: 1 } : { startMs, stepMs, stepCount },
    scope: {
      dedup: true,
      replicaLabels: [],
      deduplication: 'nearest',
      partialResponse: false,
      maxSourceResolutionMs: 0,
    },
    options: DEFAULT_ENGINE_OPTIONS,
  }
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function instanceOf(bucket: Bucket, nowMs: () => number): QueryBackend {
  return queryFrontend({
    bucket,
    cache: new StoreCache(CACHE_BYTES),
    index: new BucketIndexReader(bucket, { now: nowMs, maxAgeMs: 5000 }),
    now: processorMs,
    cut: { sliceBytes: Infinity, maxSlices: 1 },
    concurrency: 1,
    megabytes: 1769,
  })
}

interface Spent {
  gets: number
  lists: number
  bytes: number
  ms: number
  readonly sums: number[]
}

async function dashboard(
  instance: () => QueryBackend,
  hours: number,
  nowMs: number,
): Promise<Spent> {
  const spent: Spent = { gets: 0, lists: 0, bytes: 0, ms: 0, sums: [] }
  for (const text of hours === 0 ? [WIDE] : PANELS) {
    const backend = instance()
    const startedMs = processorMs()
    const answer = await backend.query(requestOf(text, hours, nowMs))
    spent.ms += processorMs() - startedMs
    spent.gets += answer.cost.gets
    spent.lists += answer.cost.lists
    spent.bytes += answer.cost.bytes
    spent.sums.push(checksum(answer))
  }
  return spent
}

function checksum({ value }: QueryAnswer): number {
  if (value.type !== 'vector') return 0
  let sum = value.series.length
  for (const { values, presence } of value.series) {
    for (let i = 0; i < values.length; i++) {
      if (presence[i] === 1) sum = (sum * 31 + values[i]!) % 1e9
    }
  }
  return sum
}

const readGap = OBJECT_STORE_READ_GAP
const [packs, blocks] = [memoryBucket({ readGap }), memoryBucket({ readGap })]
const merged: string[] = []
for (let t = START; t < NOW - MERGED; t += MERGED) merged.push(await putPack(packs, t, t + MERGED))
const small: string[] = []
for (let t = NOW - MERGED; t < NOW; t += INTERVAL) small.push(await putPack(packs, t, t + INTERVAL))
for (const [n, endMs] of [NOW - 2 * HOUR, NOW].entries()) {
  const startMs = Math.max(START, endMs - 2 * HOUR)
  await putBlock(blocks, `01${String(n).padStart(24, '0')}`, startMs, endMs)
}
for (const bucket of [packs, blocks]) await updateBucketIndex(bucket, { now: () => NOW })
// Its lookup is there when a block is not new.
const index = new BucketIndexReader(blocks, { now: () => NOW, maxAgeMs: 0 })
for (const block of await index.blocks(0, NOW)) await loadLookup(blocks, block, new StoreCache(1))

const MB = (bytes: number): string => (bytes / 1e6).toFixed(2)
async function meanMB(keys: readonly string[]): Promise<string> {
  let bytes = 0
  for (const key of keys) bytes += (await packs.head(key)).size
  return MB(bytes / keys.length)
}
console.log(`${SERIES.length} series at 15 s, ${PANELS.length} panels; node ${process.version}`)
console.log(
  `packs: ${merged.length} merged of ${await meanMB(merged)} MB, ${small.length} small of ${await meanMB(small)} MB\n`,
)
const heads = ['GET', 'LIST', 'MB', 'cpu ms']
console.log(''.padEnd(36), ...heads.map((head) => head.padStart(8)))

function show(name: string, spent: Spent, other?: Spent): void {
  const { gets, lists, bytes, ms } = spent
  const cells = [gets, lists, MB(bytes), ms.toFixed(0)].map((cell) => String(cell).padStart(8))
  console.log(name.padEnd(36), ...cells, other ? agree(spent, other) : '')
}

function agree(a: Spent, b: Spent): string {
  return a.sums.every((one, i) => Math.abs(one - b.sums[i]!) < 1e-3) ? 'equal' : 'DIFFERENT'
}

// Compiled code is not the question.
for (const bucket of [packs, blocks]) {
  const warmUp = instanceOf(bucket, () => NOW)
  for (const hours of [1, 3]) await dashboard(() => warmUp, hours, NOW - HOUR)
}
let nowMs = NOW - SECOND
const clock = (): number => nowMs
for (const hours of [1, 3, 0]) {
  const each = async (name: string, instances: readonly (() => QueryBackend)[]): Promise<void> => {
    const [fresh, old] = [
      await dashboard(instances[0]!, hours, nowMs),
      await dashboard(instances[1]!, hours, nowMs),
    ]
    const what = hours === 0 ? 'all series, now' : `${hours} h`
    show(`${what}, ${name}, packs`, fresh, old)
    show(`${what}, ${name}, blocks`, old)
  }
  nowMs = NOW - SECOND
  const living = [instanceOf(packs, clock), instanceOf(blocks, clock)]
  await each('new functions', [() => instanceOf(packs, clock), () => instanceOf(blocks, clock)])
  const same = living.map((backend) => () => backend)
  await each('one function', same)
  nowMs += 2 * SECOND
  await each('again', same)
  if (hours === 0) break
  const more = await putPack(packs, NOW, NOW + INTERVAL)
  nowMs = NOW + INTERVAL - SECOND
  const later = await dashboard(same[0]!, hours, nowMs)
  show(`${hours} h, one more pack`, later)
  await packs.delete(more)
}
