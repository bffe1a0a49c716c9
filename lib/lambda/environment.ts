/** The environment variables of the functions: read in one place, checked once, named in every complaint. */
import { DomainError } from '#lib/model/errors.ts'

export interface FunctionEnvironment {
  /** `THAW_OBJSTORE_CONFIG`: Thanos's objstore YAML. */
  readonly objstoreConfig: string
  /** `THAW_STORE_FUNCTION`: name or ARN of the store function; absent in `store` and `plan` themselves. */
  readonly storeFunction: string | undefined
  /** `THAW_QUERY_FLAGS`: flags of Thanos's querier, as on a command line. */
  readonly queryFlags: string
  /** `THAW_COMPACT_FLAGS`: flags of Thanos's compactor, as on a command line. */
  readonly compactFlags: string
  /** `THAW_RULE_FLAGS`: flags of Thanos's ruler, as on a command line. */
  readonly ruleFlags: string
  /** `THAW_RULE_SECRETS`: variables of the ruler's YAML, each with the secret that it is: `NAME=secret`. No values. */
  readonly ruleSecrets: string
  /** `THAW_EXTERNAL_URL`: where people find the HTTP API; alerts point there. */
  readonly externalUrl: string
  /** `THAW_STREAM_URL`: where answers that are too large for the gateway can be asked for. */
  readonly streamUrl: string | undefined
  /** `THAW_VERIFY_TOKENS=true`: nobody in front did, so the function itself asks the bucket whose token it is. */
  readonly verifiesTokens: boolean
  /** `THAW_QUEUE_URL`: where `plan` puts jobs; without it nobody does any. */
  readonly queueUrl: string | undefined
  /** `THAW_SLICE_BYTES`: chunk bytes one slice should read. */
  readonly sliceBytes: number
  /** `THAW_MAX_SLICES`: slices of one query at most. */
  readonly maxSlices: number
  /** `THAW_QUERY_DEADLINE_MS`: answer with Prometheus's timeout before the gateway gives up. */
  readonly deadlineMs: number
  /** `THAW_CACHE_BYTES`: what a function keeps of lookups and series between calls. */
  readonly cacheBytes: number
  /** `THAW_RESULTS_CACHE_BYTES`: what a function keeps of answers. */
  readonly resultsBytes: number
  /** `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`: what function time costs depends on it. */
  readonly megabytes: number
}

export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): FunctionEnvironment {
  const objstoreConfig = env['THAW_OBJSTORE_CONFIG']
  if (!objstoreConfig) {
    throw new DomainError(
      'invalid',
      'THAW_OBJSTORE_CONFIG is not set: give it the objstore YAML of the bucket',
    )
  }
  return {
    objstoreConfig,
    storeFunction: env['THAW_STORE_FUNCTION'] || undefined,
    queryFlags: env['THAW_QUERY_FLAGS'] ?? '',
    compactFlags: env['THAW_COMPACT_FLAGS'] ?? '',
    ruleFlags: env['THAW_RULE_FLAGS'] ?? '',
    ruleSecrets: env['THAW_RULE_SECRETS'] ?? '',
    externalUrl: env['THAW_EXTERNAL_URL'] ?? '',
    streamUrl: env['THAW_STREAM_URL'] || undefined,
    verifiesTokens: env['THAW_VERIFY_TOKENS'] === 'true',
    queueUrl: env['THAW_QUEUE_URL'] || undefined,
    sliceBytes: positive(env, 'THAW_SLICE_BYTES', 8 * 1024 * 1024),
    maxSlices: positive(env, 'THAW_MAX_SLICES', 64),
    deadlineMs: positive(env, 'THAW_QUERY_DEADLINE_MS', 25_000),
    cacheBytes: positive(env, 'THAW_CACHE_BYTES', 256 * 1024 * 1024),
    resultsBytes: positive(env, 'THAW_RESULTS_CACHE_BYTES', 64 * 1024 * 1024),
    megabytes: positive(env, 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', 1024),
  }
}

function positive(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
): number {
  const text = env[name]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new DomainError('invalid', `${name} is ${JSON.stringify(text)}, want a positive integer`)
  }
  return value
}
