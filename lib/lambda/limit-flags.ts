/** Limits of queries from flags: for all tenants, and for single ones in place of them. */
import type { LimitsOf, QueryLimits } from '#lib/promql/query-limits.ts'
import { bad, durationOrZero, numberOrZero, wholeNumber, wrong } from './flag-values.ts'

const LIMIT_FLAGS = [
  'query-range.max-query-length',
  'query.max-bytes',
  'query.max-concurrent',
  'query.max-samples',
  'query.max-series',
] as const

type LimitValues = Readonly<Record<(typeof LIMIT_FLAGS)[number] | 'query.tenant-limits', string>>

/** A tenant without limits of its own has those of the flags. */
export function readLimits(values: LimitValues): LimitsOf {
  const name = 'query.tenant-limits'
  const all = limitsFrom(values)
  const tenants = new Map<string, QueryLimits>()
  for (const [tenant, own] of Object.entries(jsonObject(name, values[name]))) {
    const limits = jsonObject(name, JSON.stringify(own))
    const unknown = Object.keys(limits).find((key) => !LIMIT_FLAGS.some((known) => known === key))
    if (unknown !== undefined) throw bad(name, unknown, LIMIT_FLAGS.join(', '))
    const texts = Object.entries(limits).map(([key, value]) => [key, String(value)])
    tenants.set(tenant, limitsFrom({ ...values, ...Object.fromEntries(texts) }))
  }
  return (tenant) => tenants.get(tenant ?? '') ?? all
}

function limitsFrom(values: LimitValues): QueryLimits {
  return {
    maxLengthMs: durationOrZero(
      'query-range.max-query-length',
      values['query-range.max-query-length'],
    ),
    maxConcurrent: numberOrZero('query.max-concurrent', values['query.max-concurrent']),
    maxBytes: numberOrZero('query.max-bytes', values['query.max-bytes']),
    maxSeries: numberOrZero('query.max-series', values['query.max-series']),
    maxSamples: wholeNumber('query.max-samples', values['query.max-samples']),
  }
}

function jsonObject(name: string, json: string): Record<string, unknown> {
  const value = wrong(name, () => JSON.parse(json) as unknown)
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw bad(name, json, 'a JSON object')
  }
  return value as Record<string, unknown>
}
