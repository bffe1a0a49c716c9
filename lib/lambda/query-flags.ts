/** The flags of Thanos's querier, from one environment variable: what `thanos query` takes, the `query` function takes. */
import { DEFAULT_SCOPE, type ScopeDefaults } from '#lib/api/parts.ts'
import { CERTIFICATE_FIELDS, type CertificateField } from '#lib/api/tenant.ts'
import type { EndpointSettings } from '#lib/endpoints/open-endpoints.ts'
import type { LimitsOf } from '#lib/promql/query-limits.ts'
import {
  DEFAULT_ENGINE_OPTIONS,
  FEATURES,
  type EngineOptions,
  type Feature,
} from '#lib/promql/options.ts'
import { DEDUPLICATIONS } from '#lib/storage/scope.ts'
import { ENDPOINT_FLAGS, ENDPOINT_LISTS, readEndpointFlags } from './endpoint-flags.ts'
import {
  bad,
  durationOrZero,
  type Flag,
  listOf,
  positiveDuration,
  text,
  toggle,
  wholeNumber,
} from './flag-values.ts'
import { readLimits } from './limit-flags.ts'
import { parseFlags, readFlagLine } from './parse-flags.ts'

export interface QuerySettings {
  readonly engine: EngineOptions
  readonly scope: ScopeDefaults
  readonly timeoutMs: number
  readonly defaultStepMs: number
  /** Tries of one slice. */
  readonly sliceAttempts: number
  /** Of each query of a remote read. */
  readonly remoteReadSamples: number
  /** Answers for younger times are not kept. */
  readonly maxFreshnessMs: number
  /** Slices of one query that run at one time. */
  readonly maxParallelism: number
  readonly alignRangeWithStep: boolean
  readonly limitsOf: LimitsOf
  /** StoreAPIs that are asked beside the bucket. */
  readonly endpoints: EndpointSettings | undefined
  /** Longer queries are logged as slow; 0: none is. */
  readonly slowMs: number
  /** Every flag with its value, for status/flags. */
  readonly flags: Readonly<Record<string, string>>
}

/** Thanos's names, and its defaults where a bucket alone allows them. */
export const QUERY_FLAGS = {
  'deduplication.func': text(
    'nearest',
    'how replicas are merged: nearest (no memory), or as in Thanos penalty or chain',
  ),
  'enable-feature': text('', 'experimental PromQL, comma separated'),
  ...ENDPOINT_FLAGS,
  'query-frontend.log-queries-longer-than': text('0s', 'longer queries are logged as slow ones'),
  'query-range.align-range-with-step': toggle(
    false,
    'range queries begin and end on multiples of their step',
  ),
  'query-range.max-query-length': text('0s', 'longest range of a query; 0 for any'),
  'query-range.max-query-parallelism': text('64', 'slices of one query that run at one time'),
  'query-range.max-retries-per-request': text('5', 'tries of one slice'),
  'query-range.response-cache-max-freshness': text('1m', 'answers for younger times are not kept'),
  'query-range.request-downsampled': toggle(
    true,
    'range queries with `auto` ask coarser blocks for the steps before the first answer',
  ),
  'query.auto-downsampling': toggle(false, 'a request that names no resolution means `auto`'),
  'query.default-evaluation-interval': text('1m', 'step of a subquery that names none'),
  'query.default-step': text('1s', 'least step of a range query that names none'),
  'query.default-tenant-id': text('default-tenant', 'tenant of a request that names none'),
  'query.enforce-tenancy': toggle(
    false,
    'a tenant only ever sees series that carry its tenant label',
  ),
  'query.exact-downsampling': toggle(
    true,
    'functions over downsampled blocks give what they would over raw samples, wherever windows tell it; otherwise what they give in Thanos',
  ),
  'query.lookback-delta': text('5m', 'how far back an instant selector looks'),
  'query.max-bytes': text('0', 'bytes of chunks a query may read, as its plan guesses; 0 for any'),
  'query.max-concurrent': text(
    '20',
    'queries of one tenant that run at one time in one process; the others wait',
  ),
  'query.max-samples': text('50000000', 'samples a query may hold at one time'),
  'query.max-series': text('0', 'series the selectors of a query may read together; 0 for any'),
  'query.partial-response': toggle(true, 'blocks that cannot be read are a warning, not an error'),
  'query.replica-label': text('', 'labels that tell replicas apart, comma separated'),
  'query.tenant-certificate-field': text(
    '',
    'field of the client certificate that is the tenant: organization, organizationalUnit or commonName',
  ),
  'query.tenant-header': text('THANOS-TENANT', 'header that names the tenant'),
  'query.tenant-limits': text(
    '{}',
    'limits of single tenants, as JSON: `{"team-a":{"query.max-series":100000}}`',
  ),
  'query.tenant-label-name': text('tenant_id', 'label that a series names its tenant in'),
  'query.timeout': text('2m', 'how long a query may take'),
  'storage.remote.read-sample-limit': text('50000000', 'samples of each query of a remote read'),
} as const satisfies Record<string, Flag>

export type QueryFlag = keyof typeof QUERY_FLAGS

/** Where the functions have them. */
const VARIABLE = 'THAW_QUERY_FLAGS'

/** In one line: `--query.timeout=1m --query.enforce-tenancy`. Throws `invalid` with what is wrong and where. */
export function readQueryFlags(line: string): QuerySettings {
  return readFlagLine(VARIABLE, line, querySettings)
}

/** As words of a command line. */
export function querySettings(words: readonly string[]): QuerySettings {
  const values = parseFlags(words, QUERY_FLAGS, LISTS)
  const flag = (name: QueryFlag): string => values[name]
  const duration = (name: QueryFlag): number => positiveDuration(name, flag(name))
  const field = flag('query.tenant-certificate-field')
  if (field !== '' && !isCertificateField(field)) {
    throw bad('query.tenant-certificate-field', field, CERTIFICATE_FIELDS.join(', '))
  }
  const func = flag('deduplication.func')
  const deduplication = DEDUPLICATIONS.find((known) => known === func)
  if (deduplication === undefined) throw bad('deduplication.func', func, DEDUPLICATIONS.join(', '))
  return {
    engine: {
      ...DEFAULT_ENGINE_OPTIONS,
      lookbackMs: duration('query.lookback-delta'),
      maxSamples: wholeNumber('query.max-samples', flag('query.max-samples')),
      defaultSubqueryStepMs: duration('query.default-evaluation-interval'),
      features: featuresOf(flag('enable-feature')),
    },
    scope: {
      ...DEFAULT_SCOPE,
      deduplication,
      replicaLabels: listOf(flag('query.replica-label')),
      partialResponse: flag('query.partial-response') === 'true',
      requestDownsampled: flag('query-range.request-downsampled') === 'true',
      exactDownsampling: flag('query.exact-downsampling') === 'true',
      autoDownsampling: flag('query.auto-downsampling') === 'true',
      tenancy: {
        header: flag('query.tenant-header'),
        defaultTenant: flag('query.default-tenant-id'),
        certificateField: field === '' ? undefined : field,
        enforce: flag('query.enforce-tenancy') === 'true',
        labelName: flag('query.tenant-label-name'),
      },
    },
    timeoutMs: duration('query.timeout'),
    defaultStepMs: duration('query.default-step'),
    remoteReadSamples: wholeNumber(
      'storage.remote.read-sample-limit',
      flag('storage.remote.read-sample-limit'),
    ),
    sliceAttempts: wholeNumber(
      'query-range.max-retries-per-request',
      flag('query-range.max-retries-per-request'),
    ),
    maxFreshnessMs: duration('query-range.response-cache-max-freshness'),
    maxParallelism: wholeNumber(
      'query-range.max-query-parallelism',
      flag('query-range.max-query-parallelism'),
    ),
    alignRangeWithStep: flag('query-range.align-range-with-step') === 'true',
    limitsOf: readLimits(values),
    endpoints: readEndpointFlags(values),
    slowMs: durationOrZero(
      'query-frontend.log-queries-longer-than',
      values['query-frontend.log-queries-longer-than'],
    ),
    flags: values,
  }
}

const LISTS: ReadonlySet<string> = new Set([
  'enable-feature',
  'query.replica-label',
  ...ENDPOINT_LISTS,
])

export function featuresOf(value: string): ReadonlySet<Feature> {
  const features = new Set<Feature>()
  for (const name of listOf(value)) {
    const feature = FEATURES.find((known) => known === name)
    if (feature === undefined) throw bad('enable-feature', name, FEATURES.join(', '))
    features.add(feature)
  }
  return features
}

function isCertificateField(value: string): value is CertificateField {
  return (CERTIFICATE_FIELDS as readonly string[]).includes(value)
}
