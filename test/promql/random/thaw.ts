/** The made data, and thaw in this process answering over it with the features that a Prometheus was started with. */
import { apiApp } from '#lib/api/app.ts'
import { DEFAULT_LIMITS, DEFAULT_SCOPE } from '#lib/api/parts.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DEFAULT_ENGINE_OPTIONS, type Feature } from '#lib/promql/options.ts'
import { slicedBackend } from '#lib/query/sliced-backend.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { askApp, type Ask } from '#test/e2e/support/ask.ts'

export const FEATURES: readonly Feature[] = [
  'promql-experimental-functions',
  'promql-extended-range-selectors',
  'promql-binop-fill-modifiers',
]
export const DELAYED_NAME_REMOVAL: Feature = 'promql-delayed-name-removal'
export const START_TIMESTAMPS: Feature = 'use-start-timestamps'

export interface ThawOptions {
  readonly features: readonly Feature[]
  /** Small enough and a range query is cut into slices. */
  readonly sliceBytes: number
}

export const WHOLE = 1e12
export const CUT = 2000

export function thaw(bucket: Bucket, { features, sliceBytes }: ThawOptions): Ask {
  const now = Date.now
  const backend = slicedBackend({
    bucket,
    index: new BucketIndexReader(bucket, { now, maxAgeMs: 3_600_000 }),
    cache: new StoreCache(256 * 1024 * 1024),
    now,
    cut: { sliceBytes, maxSlices: 16 },
    concurrency: 16,
  })
  const build = {
    version: '3.14.0',
    revision: '',
    branch: '',
    buildUser: '',
    buildDate: '',
    goVersion: '',
  }
  return askApp(
    apiApp({
      backend,
      now,
      startedMs: now(),
      build,
      engine: { ...DEFAULT_ENGINE_OPTIONS, features: new Set(features) },
      scope: DEFAULT_SCOPE,
      limits: DEFAULT_LIMITS,
    }),
  )
}
