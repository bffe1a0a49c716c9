/** A bucket that agents fill with packs, a ruler that reads it and writes results into it, and a memory with the same samples. */
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { type Bucket, OBJECT_STORE_READ_GAP } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { runJob } from '#lib/compact/jobs/run-job.ts'
import { planJobs } from '#lib/compact/plan/plan-jobs.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { readPlanInput } from '#lib/compact/read-plan-input.ts'
import { epochOf } from '#lib/fresh/fresh-key.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import {
  compareLabels,
  type Labels,
  labelsFrom,
  labelsKey,
  mergeLabels,
} from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import type { ResultSample } from '#lib/rules/evaluate/contract.ts'
import { openRuleReads, type RuleReads, type RuleReadsParts } from '#lib/rules/reads/rule-reads.ts'
import { keepPacksFew, type KnownPack, withPack } from '#lib/rules/results/few-packs.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { resultColumns } from '#lib/rules/results/result-series.ts'
import { type MemorySeries, memoryStorage } from '#lib/storage/memory-storage.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { putPack } from '../store/put-pack.ts'
import { putBlock, testId } from '../store/sample-block.ts'
import { type ScrapedValue, scrapedSamples } from '../store/scraped.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
const SCRAPE = 15 * SECOND
const INTERVAL = 30 * SECOND
export const RULER = { ruler: 'thaw' }
/** On a border of windows of two hours. */
export const BEGIN = 484_000 * HOUR

const METRICS = ['latency', 'load', 'requests_total'] as const
const HOSTS = ['x', 'y', 'z'] as const
const CLUSTERS = ['eu', 'us'] as const

export class RuleWorld {
  nowMs: number
  readonly now = (): number => this.nowMs
  readonly bucket: Bucket = memoryBucket({
    now: this.now,
    readGap: OBJECT_STORE_READ_GAP,
  })
  readonly epoch = epochOf('01J', { shipsBlocks: false })
  packs: readonly KnownPack[] = []
  reads: RuleReads
  #packsBegunMs: number
  #resultPacks = 0
  #blocks = 0
  #agents: { readonly untilMs: number; readonly series: readonly MemorySeries[] } = {
    untilMs: NaN,
    series: [],
  }
  readonly #results = new Map<string, ResultSample[]>()
  readonly #parts: Partial<RuleReadsParts>

  /** Agents begin at BEGIN; blocks have the first two hours. */
  constructor(parts: Partial<RuleReadsParts> = {}) {
    this.#parts = parts
    this.nowMs = this.#packsBegunMs = BEGIN + 2 * HOUR
    this.reads = this.newReads()
  }

  /** Those of a process that has just begun. */
  newReads(over: Partial<RuleReadsParts> = {}): RuleReads {
    const { now } = this
    const { bucket } = { bucket: this.bucket, ...this.#parts, ...over }
    return openRuleReads({
      bucket,
      index: new BucketIndexReader(bucket, { now, maxAgeMs: 5000 }),
      cache: new StoreCache(1 << 26),
      now,
      externalLabels: RULER,
      replicaLabels: [],
      engine: DEFAULT_ENGINE_OPTIONS,
      timeoutMs: 10_000,
      ...this.#parts,
      ...over,
    })
  }

  async fillBlocks(): Promise<void> {
    const [minTimeMs, maxTimeMs] = [BEGIN, this.#packsBegunMs]
    for (const cluster of CLUSTERS) {
      const series = scraped(cluster, minTimeMs, maxTimeMs)
      const id = testId(++this.#blocks)
      await putBlock(this.bucket, { id, minTimeMs, maxTimeMs, externalLabels: { cluster }, series })
    }
    await updateBucketIndex(this.bucket, { now: this.now })
  }

  /** What agents put until now. */
  async fillPacks(fromMs: number): Promise<void> {
    for (let ms = fromMs; ms < this.nowMs; ms += INTERVAL) {
      for (const cluster of CLUSTERS) {
        const from = (ms - BEGIN) / INTERVAL
        const series = scraped(cluster, ms, ms + INTERVAL).map(({ labels, samples }) => ({
          labels,
          chunks: encodeChunks(samples),
        }))
        await putPack(
          this.bucket,
          { from, to: from + 1, external: { cluster }, epoch: 'A' },
          { series },
        )
      }
    }
  }

  /** A minute goes by, a tick begins; gives the time that is to be evaluated. */
  async tick(): Promise<number> {
    const fromMs = this.nowMs
    this.nowMs += MINUTE
    await this.fillPacks(fromMs)
    this.reads.begin()
    return this.nowMs - MINUTE
  }

  write(samples: readonly ResultSample[]): void {
    this.reads.write(samples)
    for (const sample of samples) {
      const key = labelsKey(sample.labels)
      const known = this.#results.get(key)
      if (known) known.push(sample)
      else this.#results.set(key, [sample])
    }
  }

  /** The end of a tick: what was written goes into the bucket. */
  async deliver(samples: readonly ResultSample[]): Promise<void> {
    const { bucket, nowMs, epoch } = this
    const place = { externalLabels: labelsFrom(RULER), epoch, number: this.#resultPacks }
    const pack = resultPack(samples, place)
    if (!pack) return
    this.#resultPacks++
    await bucket.put(pack.key, pack.bytes)
    this.packs = await keepPacksFew(withPack(this.packs, pack), { bucket, nowMs })
  }

  /** What compaction makes of packs, now. */
  async compact(): Promise<string[]> {
    const { bucket, now } = this
    await updateBucketIndex(bucket, { now })
    const settings = DEFAULT_COMPACT_SETTINGS
    const { jobs } = planJobs(await readPlanInput(bucket, { settings, now }))
    const fresh = jobs
      .map(({ job }) => job)
      .filter(({ type }) => type === 'merge-packs' || type === 'delete-objects')
    for (const job of fresh) {
      const newUlid = (): string => testId(++this.#blocks)
      await runJob(job, { bucket, now, newUlid, owner: 'worker', deleteDelayMs: 48 * HOUR })
    }
    await updateBucketIndex(bucket, { now })
    return fresh.map(({ type }) => type)
  }

  /** The samples of agents and results until now, with external labels. */
  memory(): Storage {
    if (this.#agents.untilMs !== this.nowMs) {
      this.#agents = { untilMs: this.nowMs, series: agentsUntil(this.nowMs) }
    }
    const results = [...this.#results.values()].map((own): MemorySeries => ({
      labels: mergeLabels(own[0]!.labels, labelsFrom(RULER)),
      samples: resultColumns(own.map(asStored)),
    }))
    return memoryStorage([...this.#agents.series, ...results])
  }

  async keys(prefix: string): Promise<string[]> {
    const keys: string[] = []
    for await (const { objects } of this.bucket.list(prefix)) {
      keys.push(...objects.map(({ key }) => key))
    }
    return keys
  }
}

function agentsUntil(untilMs: number): MemorySeries[] {
  return CLUSTERS.flatMap((cluster) =>
    scraped(cluster, BEGIN, untilMs).map(({ labels, samples }) => ({
      labels: mergeLabels(labels, labelsFrom({ cluster })),
      samples,
    })),
  )
}

/** Whether a counter began anew is not stored, but seen. */
function asStored(sample: ResultSample): ResultSample {
  const { histogram } = sample
  if (!histogram || histogram.counterResetHint === 'gauge') return sample
  return { ...sample, histogram: { ...histogram, counterResetHint: 'unknown' } }
}

/** What a cluster's Prometheus scrapes in [startMs, endMs). */
function scraped(
  cluster: string,
  startMs: number,
  endMs: number,
): { labels: Labels; samples: SampleColumns }[] {
  const found = METRICS.flatMap((__name__) =>
    HOSTS.flatMap((host, i) => {
      const phase = i * 731 + CLUSTERS.indexOf(cluster as 'eu') * 1313
      const times: number[] = []
      for (let t = Math.ceil((startMs - phase) / SCRAPE) * SCRAPE + phase; t < endMs; t += SCRAPE) {
        if (t >= startMs) times.push(t)
      }
      const seed = i + 3 * CLUSTERS.indexOf(cluster as 'eu')
      const samples = scrapedSamples(times, (at) => valueAt(__name__, seed, times[at]!))
      return samples ? [{ labels: labelsFrom({ __name__, host }), samples }] : []
    }),
  )
  return found.sort((a, b) => compareLabels(a.labels, b.labels))
}

function valueAt(name: string, seed: number, ms: number): ScrapedValue {
  const minutes = (ms - BEGIN) / MINUTE
  switch (name) {
    case 'requests_total':
      return Math.floor((minutes % 47) * (10 + seed * 3))
    case 'load': {
      // Each host is away for a while, and says so.
      const phase = (minutes + seed * 5) % 31
      if (phase < 3) return undefined
      return phase < 3.25 ? 'stale' : Math.sin(minutes / 5 + seed) * 5
    }
    default:
      return histogramAt(Math.floor(minutes * 4) % 200, seed)
  }
}

function histogramAt(count: number, seed: number): FloatHistogram {
  return {
    schema: 0,
    zeroThreshold: 0.001,
    zeroCount: 1,
    count: count * 3 + 1,
    sum: count * (2 + seed),
    positiveSpans: [{ offset: seed % 3, length: 2 }],
    negativeSpans: [],
    positiveBuckets: Float64Array.of(count * 2, count),
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
    counterResetHint: 'unknown',
  }
}
