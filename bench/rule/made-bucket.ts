/** What three agents put into a bucket: packs as the time goes, blocks behind them. */
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { epochOf, freshKey } from '#lib/fresh/fresh-key.ts'
import { PackBuilder } from '#lib/fresh/pack-writer.ts'
import { compareLabels, type Labels, labelsFrom } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
const SCRAPE = 15 * SECOND
const INTERVAL = 30 * SECOND
const MERGED = 10 * INTERVAL
/** Those that were merged go after this time. */
const KEPT = 2 * MINUTE
export const CLUSTERS = ['eu', 'us', 'ap'] as const

export interface MadeSeries {
  readonly labels: Labels
  readonly seed: number
  readonly kind: 'counter' | 'gauge' | 'bucket'
  /** Of a bucket: which part of what is counted is in it. */
  readonly share: number
}

const BOUNDS = ['0.005', '0.01', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '+Inf']

/** 4,000 buckets of four services, and as many series of 240 metrics as make `count`. */
export function madeSeries(count: number): readonly MadeSeries[] {
  const handlers = Math.round(count / 100)
  const series: MadeSeries[] = []
  for (let service = 0; service < 4; service++) {
    for (let handler = 0; handler < handlers; handler++) {
      for (const [i, le] of BOUNDS.entries()) {
        const seed = hash(service * 10_007 + handler)
        series.push({
          labels: labelsFrom({
            __name__: `service_${service}_bucket`,
            le,
            handler: `/api/v1/things/${handler}`,
            instance: '10.0.0.1:8080',
            job: 'service',
          }),
          seed,
          kind: 'bucket',
          share: (i + 1) / BOUNDS.length,
        })
      }
    }
  }
  const instances = Math.max(1, Math.round((count * 0.6) / 240))
  for (let metric = 0; metric < 240; metric++) {
    const isCounter = metric % 2 === 0
    for (let instance = 0; instance < instances; instance++) {
      series.push({
        labels: labelsFrom({
          __name__: isCounter ? `made_${metric}_total` : `made_${metric}_bytes`,
          instance: `10.0.0.${instance}:9100`,
          job: 'node',
          namespace: `namespace-${instance % 20}`,
          pod: `worker-${instance % 20}-${instance}`,
        }),
        seed: hash(metric * 1009 + instance),
        kind: isCounter ? 'counter' : 'gauge',
        share: 1,
      })
    }
  }
  return series.sort((a, b) => compareLabels(a.labels, b.labels))
}

function hash(n: number): number {
  let x = Math.imul(n + 1, 0x9e37_79b1) >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b)
  return (x ^ (x >>> 13)) >>> 0
}

/** Scraped with a phase, in [startMs, endMs). */
export function madeSamples(
  { seed, kind, share }: MadeSeries,
  startMs: number,
  endMs: number,
): SampleColumns {
  const length = Math.round((endMs - startMs) / SCRAPE)
  const timestamps = new Float64Array(length)
  const values = new Float64Array(length)
  const phase = seed % (SCRAPE - 10)
  for (let i = 0; i < length; i++) {
    const n = Math.round(startMs / SCRAPE) + i
    const noise = hash(seed ^ n) / 2 ** 32
    timestamps[i] = n * SCRAPE + phase + (noise > 0.9 ? 1 : 0)
    const minutes = (n % 20_000) / 4
    values[i] =
      kind === 'gauge'
        ? Math.floor(1e6 * (2 + hash(seed ^ (n >> 2)) / 2 ** 32))
        : Math.floor((minutes * (4 + (seed % 70)) + noise * 4) * share)
  }
  return { length, timestamps, values }
}

/** Puts packs in order of time, makes one of ten, and deletes those. */
export class MadeAgents {
  readonly #bucket: Bucket
  readonly #series: readonly MadeSeries[]
  readonly #due: { readonly key: string; readonly atMs: number }[] = []
  readonly #small: { readonly key: string; readonly cluster: string }[] = []
  #blocks = 0

  constructor(bucket: Bucket, seriesCount: number) {
    this.#bucket = bucket
    this.#series = madeSeries(seriesCount)
  }

  get seriesCount(): number {
    return this.#series.length * CLUSTERS.length
  }

  /** One of each agent. */
  async putBlocks(startMs: number, endMs: number): Promise<void> {
    for (const cluster of CLUSTERS) {
      await putBlock(this.#bucket, {
        id: `01${String(++this.#blocks).padStart(24, '0')}`,
        startMs,
        endMs,
        external: { cluster },
        series: this.#series.map((one) => ({
          labels: one.labels,
          samples: madeSamples(one, startMs, endMs),
        })),
      })
    }
    await updateBucketIndex(this.#bucket, { now: () => endMs })
  }

  /** All that was put in [startMs, endMs), of which nobody saw how it came: merged ones, and small ones behind the last of them. */
  async putHistory(startMs: number, endMs: number): Promise<void> {
    let t = startMs
    for (; t + MERGED <= endMs; t += MERGED) {
      for (const cluster of CLUSTERS) await this.#putPack(cluster, t, t + MERGED)
    }
    await this.putPacks(t, endMs)
  }

  async putPacks(startMs: number, endMs: number): Promise<void> {
    for (let t = startMs; t < endMs; t += INTERVAL) {
      for (const cluster of CLUSTERS) {
        this.#small.push({ key: await this.#putPack(cluster, t, t + INTERVAL), cluster })
      }
      const end = t + INTERVAL
      if (end % MERGED !== 0) continue
      for (const cluster of CLUSTERS) await this.#putPack(cluster, end - MERGED, end)
      this.#due.push(...this.#small.splice(0).map(({ key }) => ({ key, atMs: end + KEPT })))
    }
    while (this.#due[0] && this.#due[0].atMs <= endMs) {
      await this.#bucket.delete(this.#due.shift()!.key)
    }
  }

  async #putPack(cluster: string, startMs: number, endMs: number): Promise<string> {
    const builder = new PackBuilder()
    for (const one of this.#series) {
      const chunks = encodeChunks(madeSamples(one, startMs, endMs))
      builder.add({ labels: one.labels, chunks })
    }
    const { bytes, directoryBytes, minTimeMs, maxTimeMs } = builder.finish({})
    const epoch = epochOf('01J', { shipsBlocks: true })
    const place = { epoch, from: startMs / INTERVAL, to: endMs / INTERVAL }
    const labels = labelsFrom({ cluster })
    const key = freshKey({ labels, ...place, minTimeMs, maxTimeMs, directoryBytes })
    await this.#bucket.put(key, bytes)
    return key
  }
}

export interface MadeBlock {
  readonly id: string
  readonly startMs: number
  readonly endMs: number
  readonly external: Readonly<Record<string, string>>
  readonly series: Iterable<{ readonly labels: Labels; readonly samples: SampleColumns }>
}

/** By `compareLabels`. */
export async function putBlock(
  bucket: Bucket,
  { id, startMs, endMs, external, series }: MadeBlock,
): Promise<void> {
  const files = new Map<string, Uint8Array[]>()
  const writer = new BlockWriter({
    write: (file, bytes) => void files.set(file, [...(files.get(file) ?? []), bytes]),
  })
  for (const { labels, samples } of series) writer.addSeries(labels, samples)
  const { meta } = writer.finish({ ulid: id, minTimeMs: startMs, maxTimeMs: endMs })
  for (const [file, pieces] of files) await bucket.put(`${id}/${file}`, Buffer.concat(pieces))
  const thanos = { labels: external, downsample: { resolution: 0 }, source: 'sidecar' }
  await bucket.put(
    `${id}/meta.json`,
    new TextEncoder().encode(formatBlockMeta({ ...meta, thanos })),
  )
}
