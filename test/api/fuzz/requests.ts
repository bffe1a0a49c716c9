/** Random requests, from a schema of what each route takes. */
import { encodeReadRequest } from '#lib/remote/read-request.ts'
import type { RandomSource } from '#test/promql/random/random-source.ts'
import { garbage, PATH_NAMES, randomValue, type ValueKind } from './values.ts'

export type Schema = Readonly<Record<string, ValueKind>>

const SCOPE: Schema = {
  dedup: 'boolean',
  'replicaLabels[]': 'text',
  partial_response: 'boolean',
  max_source_resolution: 'resolution',
  'storeMatch[]': 'selector',
  timeout: 'duration',
}
const EVALUATION: Schema = {
  ...SCOPE,
  query: 'expression',
  timeout: 'duration',
  limit: 'integer',
  lookback_delta: 'duration',
  stats: 'boolean',
  analyze: 'boolean',
  engine: 'text',
  shard_info: 'text',
}
const INSTANT: Schema = { ...EVALUATION, time: 'time' }
const RANGE: Schema = { ...EVALUATION, start: 'time', end: 'time', step: 'duration' }
const NAMES: Schema = {
  ...SCOPE,
  'match[]': 'selector',
  start: 'time',
  end: 'time',
  limit: 'integer',
}
const INVENTORY: Schema = { ...SCOPE, limit: 'integer', 'match[]': 'selector', view: 'text' }

/** Routes that are not here are asked with parameters of others. */
const SCHEMAS: Readonly<Record<string, Schema>> = {
  '/api/v1/query': INSTANT,
  '/api/v1/query_explain': INSTANT,
  '/api/v1/query_range': RANGE,
  '/api/v1/query_range_explain': RANGE,
  '/api/v1/query_exemplars': { query: 'expression', start: 'time', end: 'time' },
  '/api/v1/format_query': { query: 'expression' },
  '/api/v1/parse_query': { query: 'expression' },
  '/api/v1/labels': NAMES,
  '/api/v1/label/:name/values': NAMES,
  '/api/v1/series': NAMES,
  '/api/v1/read': SCOPE,
  '/api/v1/metadata': { metric: 'text', limit: 'integer', limit_per_metric: 'integer' },
  '/api/v1/rules': {
    type: 'text',
    'rule_name[]': 'text',
    'rule_group[]': 'text',
    'file[]': 'text',
    'match[]': 'selector',
    exclude_alerts: 'boolean',
    group_limit: 'integer',
    group_next_token: 'text',
  },
  '/api/v1/targets': { state: 'text', scrapePool: 'text' },
  '/api/v1/targets/metadata': { match_target: 'selector', metric: 'text', limit: 'integer' },
  '/api/v1/targets/relabel_steps': { scrapePool: 'text', labels: 'text' },
  '/api/v1/scrape_pools/config': { scrapePool: 'text' },
  '/api/v1/status/tsdb': INVENTORY,
  '/api/v1/blocks': INVENTORY,
  '/api/v1/status/self_metrics': { metric_name_pattern: 'text' },
  '/federate': { ...SCOPE, 'match[]': 'selector' },
}

/** As often as the others together: what evaluates and what reads. */
const MAIN = Object.keys(SCHEMAS)

/** Routes that take a form or a message. */
const POSTED = /query|label|series|read|write|mark|admin|search|otlp/

export interface FuzzRequest {
  /** Path and query, encoded as they are sent. */
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer> | undefined
}

/** `routes`: patterns of all paths there are. */
export function randomRequest(random: RandomSource, routes: readonly string[]): FuzzRequest {
  const route = random.chance(0.6) ? random.pick(MAIN) : random.pick(routes)
  const params = randomParams(random, SCHEMAS[route] ?? SCHEMAS[random.pick(MAIN)]!)
  const path = randomPath(random, route)
  const headers = randomHeaders(random)
  const method = random.weighted([
    [route.endsWith('/read') ? 5 : 60, 'GET'],
    [POSTED.test(route) ? 40 : 5, 'POST'],
    [4, random.pick(['HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])],
  ])
  const withQuery = (query: string): string => (query === '' ? path : `${path}?${query}`)
  if (method === 'GET' || method === 'HEAD') {
    return { url: withQuery(encodeParams(random, params)), method, headers }
  }
  const inUrl = params.filter(() => random.chance(0.2))
  const { body, contentType } = randomBody(random, route, params)
  return {
    url: withQuery(encodeParams(random, inUrl)),
    method,
    headers: contentType === undefined ? headers : { ...headers, 'content-type': contentType },
    body,
  }
}

export type Param = readonly [name: string, value: string]

export function randomParams(random: RandomSource, schema: Schema): Param[] {
  const params: Param[] = []
  for (const [name, kind] of Object.entries(schema)) {
    const times = random.weighted([
      [kind === 'expression' || kind === 'time' ? 5 : 30, 0],
      [30, 1],
      [5, 2],
      [1, 20],
    ])
    for (let i = 0; i < times; i++) params.push([name, randomValue(random, kind)])
  }
  if (random.chance(0.1)) params.push([garbage(random, random.below(8)), garbage(random, 8)])
  return params
}

/** Mostly as it should be; sometimes with broken escapes, semicolons, bytes that are no UTF-8, empty pairs. */
export function encodeParams(random: RandomSource, params: readonly Param[]): string {
  const pairs = params.map(([name, value]) => {
    const encoded = encodeURIComponent(value.toWellFormed())
    const sent = random.chance(0.3) ? encoded.replaceAll('%20', '+') : encoded
    return `${random.chance(0.5) ? encodeURIComponent(name.toWellFormed()) : name.replace(/[^\w[\]]/g, '_')}=${sent}`
  })
  if (random.chance(0.08))
    pairs.push(random.pick(['%zz', 'a=%', 'a;b', '=', '', '%ff=%ff', 'query', '&&&']))
  return pairs.join('&')
}

function randomPath(random: RandomSource, route: string): string {
  const path = route.replace(/:\w+/, () => random.pick(PATH_NAMES))
  return random.weighted<() => string>([
    [94, () => path],
    [1, () => `${path}/`],
    [1, () => path.toUpperCase()],
    [1, () => path.replace('/api/v1/', '/api/v2/')],
    [1, () => `${path}/${random.pick(PATH_NAMES)}`],
    [1, () => `/${random.pick(PATH_NAMES)}${path}`],
    [1, () => `/${'a/'.repeat(random.below(500))}`],
  ])()
}

function randomHeaders(random: RandomSource): Record<string, string> {
  const headers: Record<string, string> = {}
  const add = (chance: number, name: string, values: readonly string[]): void => {
    if (random.chance(chance)) headers[name] = random.pick(values)
  }
  add(0.3, 'accept-encoding', ['gzip', 'zstd', 'deflate, gzip', 'br', '*', 'gzip;q=0', ',,;', ''])
  add(0.2, 'origin', ['https://a.example', 'null', '', 'x'.repeat(2000)])
  add(0.2, 'accept', [
    '*/*',
    'text/plain;version=0.0.4;escaping=values',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
    ';;q=;,/',
    'text/plain;q=NaN',
  ])
  add(0.05, 'thanos-tenant', ['a', '', 'a/b', '..', 'x'.repeat(5000)])
  return headers
}

export const FORM = 'application/x-www-form-urlencoded'
const CONTENT_TYPES = [
  'application/json',
  'text/plain',
  'application/x-protobuf',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'multipart/form-data; boundary=""',
  `${FORM}; charset=UTF-8`,
  'APPLICATION/X-WWW-FORM-URLENCODED',
  ';',
  'x',
]

function randomBody(
  random: RandomSource,
  route: string,
  params: readonly Param[],
): { body?: Uint8Array<ArrayBuffer>; contentType?: string } {
  const text = (body: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(body)
  if (route.endsWith('/read') && random.chance(0.8)) {
    return { body: randomRead(random), contentType: 'application/x-protobuf' }
  }
  return random.weighted<() => { body?: Uint8Array<ArrayBuffer>; contentType?: string }>([
    [70, () => ({ body: text(encodeParams(random, params)), contentType: FORM })],
    [
      8,
      () => ({ body: text(encodeParams(random, params)), contentType: random.pick(CONTENT_TYPES) }),
    ],
    [6, () => ({ body: text(multipart(params)), contentType: 'multipart/form-data; boundary=x' })],
    [6, () => ({ body: text(garbage(random, random.below(300))), contentType: FORM })],
    [4, () => ({ body: text(JSON.stringify(params)), contentType: 'application/json' })],
    [4, () => ({})],
    [2, () => ({ body: text('') })],
  ])()
}

function multipart(params: readonly Param[]): string {
  const parts = params.map(
    ([name, value]) => `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return `${parts.join('')}--x--\r\n`
}

/** A remote read, sometimes with a few bytes that are others. */
function randomRead(random: RandomSource): Uint8Array<ArrayBuffer> {
  const queries = Array.from({ length: random.below(4) }, () => ({
    startMs: random.pick([1_700_000_000_000, 0, -1, -(2 ** 53) + 1, 2 ** 53 - 1]),
    endMs: random.pick([1_700_000_075_000, 0, 2 ** 53 - 1]),
    matchers: Array.from({ length: random.below(3) }, () => ({
      type: random.pick(['=', '!=', '=~', '!~'] as const),
      name: random.pick(['__name__', 'a', '', 'job']),
      value: random.pick(['m', 'histogram', '.+', '(', '', 'x|y.*']),
    })),
    ...(random.chance(0.5) && {
      hints: {
        stepMs: random.pick([0, 15_000, -1]),
        func: random.pick(['', 'rate', 'series', 'count']),
        grouping: random.pick([[], ['a'], ['', 'b']]),
        by: random.chance(0.5),
        rangeMs: random.pick([0, 300_000, -5]),
      },
    }),
  }))
  const types = random.pick([[], [0], [1], [1, 0], [5], [5, 0]])
  const bytes = encodeReadRequest(queries, types)
  if (random.chance(0.5)) return bytes
  for (let n = 1 + random.below(3); n > 0 && bytes.length > 0; n--) {
    bytes[random.below(bytes.length)] = random.below(256)
  }
  return random.chance(0.3) ? bytes.slice(0, random.below(bytes.length + 1)) : bytes
}
