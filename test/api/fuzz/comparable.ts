/** Random requests to which thaw and Prometheus have the same answer. What is known to differ (docs/differences.md) is not asked. */
import { parseTime } from '#lib/api/params.ts'
import type { RandomSource } from '#test/promql/random/random-source.ts'
import { encodeParams, FORM, randomParams, type FuzzRequest, type Schema } from './requests.ts'
import { GOOD, type ValueKind } from './values.ts'

const RANGE: Schema = { start: 'before', end: 'after' }
const EVALUATION: Schema = {
  query: 'expression',
  limit: 'integer',
  lookback_delta: 'duration',
}

const SCHEMAS: Readonly<Record<string, Schema>> = {
  query: { ...EVALUATION, time: 'time' },
  query_range: { ...EVALUATION, start: 'time', end: 'time', step: 'duration' },
  query_exemplars: { query: 'expression', ...RANGE },
  format_query: { query: 'expression' },
  parse_query: { query: 'expression' },
  labels: { 'match[]': 'selector', limit: 'integer', ...RANGE },
  'label/a/values': { 'match[]': 'selector', limit: 'integer', ...RANGE },
  'label/__name__/values': { 'match[]': 'selector', limit: 'integer', ...RANGE },
  'label/U__job/values': { limit: 'integer', ...RANGE },
  series: { 'match[]': 'selector', limit: 'integer', ...RANGE },
  metadata: { metric: 'text', limit: 'integer', limit_per_metric: 'integer' },
  rules: {
    type: 'text',
    'rule_name[]': 'text',
    'match[]': 'selector',
    exclude_alerts: 'boolean',
    group_limit: 'integer',
    group_next_token: 'text',
  },
  targets: { state: 'text', scrapePool: 'text' },
  'targets/metadata': { match_target: 'selector', metric: 'text', limit: 'integer' },
  'scrape_pools/config': { scrapePool: 'text' },
}

/** These read the URL only, or have no POST. */
const GET_ONLY = /^(?:label|metadata|rules|targets|scrape_pools)\b/

/** Times that wrap around or are no number. */
const DIFFERENT = /^[+-]?(?:inf|nan)|1e308|9{8}|922337203|^-?292|0\.0000|1e-999/i
/** Expressions that are longer may be too deep. */
const MAX_LENGTH = 900

export function comparableRequest(random: RandomSource): FuzzRequest {
  const route = random.pick(Object.keys(SCHEMAS))
  const params = randomParams(random, SCHEMAS[route]!).filter(([name, value]) =>
    isComparable(value, SCHEMAS[route]![name]!),
  )
  // What is not said is now, or all of time.
  if (route === 'query' && !params.some(([name]) => name === 'time')) params.push(['time', '5'])
  const path = `/api/v1/${route}`
  if (GET_ONLY.test(route) || random.chance(0.5)) {
    const query = encodeParams(random, params)
    return { url: query === '' ? path : `${path}?${query}`, method: 'GET', headers: {} }
  }
  const inUrl = params.filter(() => random.chance(0.2))
  const query = inUrl.length > 0 ? `?${encodeParams(random, inUrl)}` : ''
  return {
    url: path + query,
    method: 'POST',
    headers: { 'content-type': random.chance(0.05) && route !== 'query' ? 'text/plain' : FORM },
    body: new TextEncoder().encode(encodeParams(random, params)),
  }
}

function isComparable(value: string, kind: ValueKind): boolean {
  if (DIFFERENT.test(value) || value.length > MAX_LENGTH) return false
  if (kind === 'time') return value !== ''
  if (kind !== 'before' && kind !== 'after') return true
  // Prometheus looks at whole blocks where only names are asked for.
  return GOOD[kind].includes(value) || (value !== '' && parseTime(value) === undefined)
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Without the order of what has none. */
export function comparableAnswer(status: number, text: string): Answer {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { status, body: text }
  }
  const answer = body as {
    warnings?: string[]
    infos?: string[]
    data?: { resultType?: string; result?: { metric: object }[] }
  }
  answer.warnings?.sort()
  answer.infos?.sort()
  if (answer.data?.resultType === 'vector') {
    const key = (one: { metric: object }): string => JSON.stringify(one.metric)
    answer.data.result?.sort((a, b) => (key(a) < key(b) ? -1 : 1))
  }
  return { status, body }
}
