/** thaw in this process over a bucket: the parts of the query function, with slices that run in place. */
import type { Hono } from 'hono'
import { apiApp } from '#lib/api/app.ts'
import { DEFAULT_LIMITS, DEFAULT_SCOPE, type ApiParts } from '#lib/api/parts.ts'
import { DEFAULT_TENANCY, type TenancySettings } from '#lib/api/tenant.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { LabelCache } from '#lib/query/label-cache.ts'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import { freshSource } from '#lib/query/fresh-source.ts'
import { queryFrontend } from '#lib/query/query-frontend.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import type { Deduplication } from '#lib/storage/scope.ts'
import type { Source } from '#lib/storage/source.ts'
import { RulerReader } from '#lib/rules/ruler-reader.ts'
import { rulesSource } from '#lib/rules/rules-source.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { askApp, type Ask } from './ask.ts'

export interface ThawAppOptions {
  readonly replicaLabels?: readonly string[] | undefined
  readonly deduplication?: Deduplication | undefined
  readonly requestDownsampled?: boolean | undefined
  readonly exactDownsampling?: boolean | undefined
  /** Small enough by default that queries are cut. */
  readonly sliceBytes?: number | undefined
  readonly now?: (() => number) | undefined
  /** How long the bucket index is believed. */
  readonly indexAgeMs?: number | undefined
  readonly deadlineMs?: number | undefined
  readonly tenancy?: TenancySettings | undefined
  readonly door?: ApiParts['door']
  readonly log?: ApiParts['log']
  /** Answers are kept, here and in the bucket. */
  readonly keepAnswers?: boolean | undefined
  /** StoreAPIs beside the bucket. */
  readonly endpoints?: EndpointSet | undefined
  /** Who tells what is no sample, beside the bucket. */
  readonly sources?: readonly Source[] | undefined
}

export function thawOver(bucket: Bucket, options: ThawAppOptions = {}): Ask {
  return askApp(thawApp(bucket, options))
}

export function thawApp(bucket: Bucket, options: ThawAppOptions = {}): Hono {
  const { replicaLabels = [], sliceBytes = 2000, now = Date.now } = options
  const { endpoints } = options
  const { indexAgeMs = 0, deadlineMs = 30_000, tenancy = DEFAULT_TENANCY } = options
  const { deduplication = 'nearest', requestDownsampled = true, sources = [] } = options
  const { exactDownsampling = true } = options
  const kept = { maxBytes: 64 * 1024 * 1024, inBucket: true, random: () => 0 }
  const index = new BucketIndexReader(bucket, { now, maxAgeMs: indexAgeMs })
  const runner = { bucket, index, cache: new StoreCache(64 * 1024 * 1024), now }
  const fresh = freshSource(runner)
  const ruler = new RulerReader(runner)
  const rules = rulesSource(ruler)
  const backend = queryFrontend({
    ...runner,
    sources: endpoints && (() => endpoints.sources()),
    cut: { sliceBytes, maxSlices: 16 },
    concurrency: 16,
    ...(options.keepAnswers && {
      results: new ResultsCache({ ...kept, maxFreshnessMs: 60_000 }),
      labelCache: new LabelCache(kept),
    }),
  })
  return apiApp({
    backend,
    now,
    startedMs: now(),
    build: {
      version: '3.14.0',
      revision: '',
      branch: '',
      buildUser: '',
      buildDate: '',
      goVersion: '',
    },
    engine: DEFAULT_ENGINE_OPTIONS,
    scope: {
      ...DEFAULT_SCOPE,
      replicaLabels,
      deduplication,
      requestDownsampled,
      exactDownsampling,
      tenancy,
    },
    limits: { ...DEFAULT_LIMITS, deadlineMs },
    sources: async () => [fresh, rules, ...sources, ...((await endpoints?.knowledge()) ?? [])],
    alertmanagers: async (signal) => (await ruler.state(signal))?.alertmanagers,
    ...(endpoints && { endpoints: () => endpoints.statuses() }),
    door: options.door,
    log: options.log,
  })
}
