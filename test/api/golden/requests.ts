/** Requests whose answers do not depend on data: asked of a real Prometheus once, and of our app in each test. */

export interface GoldenRequest {
  readonly method?: string
  /** Under the server's root. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface GoldenAnswer {
  readonly request: GoldenRequest
  readonly status: number
  /** Those of `COMPARED_HEADERS` that it has. */
  readonly headers: Readonly<Record<string, string>>
  /** Decompressed; bytes that are no text as base64. */
  readonly answer: string
}

export interface Golden {
  readonly server: string
  readonly command: string
  /** What the times of the samples count from, where they are near those of the requests. */
  readonly baseMs?: number
  readonly answers: readonly GoldenAnswer[]
}

export const COMPARED_HEADERS = [
  'content-type',
  'content-encoding',
  'allow',
  'location',
  'x-content-type-options',
  'access-control-allow-origin',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-expose-headers',
]

export function answerText(body: Buffer): string {
  const text = body.toString('utf8')
  return Buffer.from(text).equals(body) ? text : `base64:${body.toString('base64')}`
}

const FORM = 'application/x-www-form-urlencoded'

export const api = (path: string): GoldenRequest => ({ path: `/api/v1/${path}` })

export const post = (path: string, body: string, contentType = FORM): GoldenRequest => ({
  method: 'POST',
  path: `/api/v1/${path}`,
  headers: { 'content-type': contentType },
  body,
})

export const REQUESTS: readonly GoldenRequest[] = [
  // query: every parameter absent, empty, doubled, of the wrong type, extreme
  api('query'),
  api('query?query='),
  api('query?query=m{'),
  api('query?query=1&time=1.5'),
  api('query?query=1&time=1700000031'),
  api('query?query=1&time=1700000031.5'),
  api('query?query=1&time=0.0004'),
  api('query?query=1&time=-0.001'),
  api('query?query=1e21&time=1.5'),
  api('query?query=1&time=2023-11-14T22:13:51Z'),
  api('query?query=1&time=2023-11-14T22:13:51.123456789%2B02:00'),
  api('query?query=1&time=2023-02-30T00:00:00Z'),
  api('query?query=1&time=2023-02-03T4:05:06,789Z'),
  api('query?query=1&time=2023-02-03T04:5:06Z'),
  api('query?query=1&time=2023-2-03T04:05:06Z'),
  api('query?query=1&time=2023-02-03T04:05:06Z07:00'),
  api('query?query=1&time=2023-02-03t04:05:06z'),
  api('query?query=1&time=2023-02-03T04:05:06%2B24:00'),
  api('query?query=1&time=2023-02-03T04:05:06%2B23:60'),
  api('query?query=1&time=2016-12-31T23:59:60Z'),
  api('query?query=1&time=x'),
  api('query?query=1&time=1e999'),
  api('query?query=1&time=12:00'),
  api('query?query=1&time=%22'),
  api('query?query=1&time=1_000'),
  api('query?query=1&time=1_0_0.5_5'),
  api('query?query=1&time=1__0'),
  api('query?query=1&time=_1'),
  api('query?query=1&time=1_'),
  api('query?query=1&time=1_.5'),
  api('query?query=1&time=0x1p4'),
  api('query?query=1&time=-0X_1.8P3'),
  api('query?query=1&time=0x10'),
  api('query?query=1&time=0x_p1'),
  api('query?query=1&time=1e0_1'),
  api('query?query=1&time=5&time=x'),
  api('query?query=1&time=5&timeout=x'),
  api('query?query=1&time=5&timeout=1ns'),
  api('query?query=1&time=5&timeout=1h30m'),
  api('query?query=1&time=5&timeout=30m1h'),
  api('query?query=1&time=5&timeout=1e10'),
  api('query?query=1&time=5&limit=-1'),
  api('query?query=1&time=5&limit=x'),
  api('query?query=1&time=5&limit=1.5'),
  api('query?query=1&time=5&limit=99999999999999999999'),
  api('query?query=1&time=5&limit=9223372036854775807'),
  api('query?query=1&time=5&limit=9223372036854775808'),
  api('query?query=1&time=5&limit=-9223372036854775808'),
  api('query?query=1&time=5&limit=-9223372036854775809'),
  api('query?query=1&time=5&limit=%2B3'),
  api('query?query=1&time=5&limit=1_0'),
  api('query?query=1&time=5&limit='),
  api('query?query=1&time=5&limit=0'),
  api('query?query=1&time=5&lookback_delta=x'),
  api('query?query=1&time=5&lookback_delta=1m'),
  api('query?query=1&time=5&unknown=%ff&max_samples_processed_warning_threshold=5'),
  api('query?time=5&query=1;x=1'),
  api('query?query=%zz&time=5'),
  api('query?query=m&time=5'),
  api('query?query=%22s%3C%26%3E%22&time=0.05'),
  post('query', 'query=2&time=5'),
  post('query?query=1&time=4', 'query=2&time=5'),
  post('query?query=1&time=4', 'query=2', `${FORM};charset=UTF-8`),
  post('query?time=4', '{"query":"1"}', 'application/json'),
  post('query?query=1&time=4', 'query=2', 'text/plain'),
  post(
    'query?query=1&time=4',
    '--boundary\r\ncontent-disposition: form-data; name="query"\r\n\r\n2\r\n--boundary--\r\n',
    'multipart/form-data; boundary=boundary',
  ),
  post(
    'query?time=4',
    '--boundary\r\ncontent-disposition: form-data; name="query"\r\n\r\n2\r\n--boundary--\r\n',
    'multipart/form-data; boundary=boundary',
  ),
  // query_range
  api('query_range'),
  api('query_range?query=1'),
  api('query_range?query=1&start=0'),
  api('query_range?query=1&start=0&end=x'),
  api('query_range?query=1&start=x&end=0&step=1'),
  api('query_range?query=1&start=2&end=1&step=1'),
  api('query_range?query=1&start=0&end=1'),
  api('query_range?query=1&start=0&end=1&step=x'),
  api('query_range?query=1&start=0&end=1&step=0'),
  api('query_range?query=1&start=0&end=1&step=-1'),
  api('query_range?query=1&start=0&end=1&step=1e10'),
  api('query_range?query=1&start=0&end=11001&step=1'),
  api('query_range?query=1&start=0&end=100000&step=1'),
  api('query_range?query=1&start=0&end=4&step=1.5'),
  api('query_range?query=1&start=0.05&end=2&step=1s'),
  api('query_range?query=m&start=0&end=4&step=1'),
  api('query_range?query=m[5m]&start=0&end=4&step=1'),
  api('query_range?query=%22s%22&start=0&end=4&step=1'),
  api('query_range?query=1&start=0&end=4&step=1&limit=-1'),
  // labels, values, series
  api('labels?start=x'),
  api('labels?end=x'),
  api('labels?start=5&end=1'),
  api('labels?limit=x'),
  api('labels?match[]={}'),
  api('labels?match[]=m{'),
  api('labels?match[]=nope'),
  api('labels?match[]=nope&match[]=nope2'),
  post('labels', 'match[]=nope'),
  api('labels?match[]={}&start=x'),
  api('labels?match[]={}&end=x&limit=x'),
  api('series?match[]={}&end=x'),
  post('series', 'match[]=m&x=%é'),
  api('label/a/values'),
  api('label/a/values?match[]={}'),
  api('label/a/values?start=x'),
  api('label/9a/values'),
  api('label/%ff/values'),
  api('label/U__/values'),
  api('label/U__a_2e_b/values'),
  api('series'),
  api('series?match[]={}'),
  api('series?match[]=m{'),
  api('series?match[]=%zz'),
  api('series?match[]=m&start=x'),
  api('series?match[]=m&limit=-1'),
  api('series?match[]=m'),
  post('series', 'match[]=m'),
  // expressions
  api('format_query'),
  api('parse_query'),
  ...[
    'm{a="x",b!~"y<z>"}[5m] offset -1h @ end()',
    'sum(m)by(a)',
    'topk without(b) (3, rate(m[5m:1m] @ 12.5)) / on(a) group_left(c) n{a!="x"}',
    '-(m > bool 1) and ignoring(a) label_replace(m, "b", "$1", "a", "(.*)")',
    'histogram_quantile(0.9, sum by (le, job) (rate(http_request_duration_seconds_bucket{job=~"a.*"}[5m])))  + on(job) group_left(version) build_info',
    '{"a.b"}',
    'Inf + 1e-7 * 0x1F',
  ].flatMap((query) => [
    api(`format_query?query=${encodeURIComponent(query)}`),
    post('parse_query', new URLSearchParams({ query }).toString()),
  ]),
  api('query_exemplars?query=test&start=1700000000000&end=1700000100000'),
  api('query_exemplars?query=1'),
  api('query_exemplars?query=m&start=2&end=1'),
  api('query_exemplars?query=m&start=x'),
  // empty lists and filters
  api('metadata'),
  api('metadata?limit=x'),
  api('metadata?limit_per_metric=x'),
  api('rules'),
  api('rules?type=alert'),
  api('rules?type=x'),
  api('rules?type=%22x%22'),
  api('rules?exclude_alerts=true'),
  api('rules?exclude_alerts=x'),
  api('rules?group_limit=x'),
  api('rules?group_limit=0'),
  api('rules?group_next_token=x'),
  api('rules?group_next_token=x&group_limit=1'),
  api('rules?match[]={}'),
  api('alerts'),
  api('targets'),
  api('alertmanagers'),
  api('scrape_pools'),
  api('targets?state=active'),
  api('targets?state=DROPPED'),
  api('targets?state=any&scrapePool=x'),
  api('targets?state=x'),
  api('targets/metadata'),
  api('targets/metadata?limit=x'),
  api('targets/metadata?match_target={job=%22x%22}&metric=up&limit=1'),
  api('targets/metadata?match_target=x{'),
  api('targets/relabel_steps'),
  api('targets/relabel_steps?scrapePool=x'),
  api('targets/relabel_steps?scrapePool=x&labels={}'),
  api('scrape_pools/config'),
  api('scrape_pools/config?scrapePool=x'),
  api('status/walreplay'),
  api('status/tsdb?limit=0'),
  api('status/tsdb?limit=x'),
  api('status/tsdb?limit=10001'),
  api('status/tsdb/blocks'),
  api('status/self_metrics?metric_name_pattern=nope'),
  api('notifications'),
  // what is switched off
  api('search/metric_names'),
  post('search/label_names', ''),
  api('search/label_values?label=a'),
  post('admin/tsdb/delete_series', 'match[]=m'),
  { method: 'PUT', path: '/api/v1/admin/tsdb/clean_tombstones' },
  post('admin/tsdb/snapshot', ''),
  api('admin/tsdb/snapshot'),
  post('write', 'x', 'application/x-protobuf'),
  api('write'),
  post('otlp/v1/metrics', '{}', 'application/json'),
  { method: 'POST', path: '/-/reload' },
  { method: 'PUT', path: '/-/quit' },
  { path: '/-/reload' },
  { path: '/-/quit' },
  { method: 'DELETE', path: '/-/quit' },
  // federation and remote read
  { path: '/federate' },
  { path: '/federate?match[]=nope' },
  { path: '/federate?match[]=m{' },
  { path: '/federate?match[]={}' },
  { path: '/federate?match[]=%zz' },
  { method: 'POST', path: '/federate' },
  api('read'),
  post('read', 'x', 'application/x-protobuf'),
  post('read', '', 'application/x-protobuf'),
  // routes and methods
  api('nope'),
  { path: '/nope' },
  { method: 'DELETE', path: '/api/v1/query' },
  { method: 'PUT', path: '/api/v1/labels' },
  { method: 'POST', path: '/api/v1/metadata' },
  { method: 'DELETE', path: '/api/v1/nope' },
  { method: 'OPTIONS', path: '/api/v1/query' },
  { method: 'OPTIONS', path: '/api/v1/query', headers: { origin: 'https://dashboards.example' } },
  { method: 'OPTIONS', path: '/api/v1/nope' },
  { method: 'HEAD', path: '/api/v1/query?query=1' },
  { method: 'HEAD', path: '/-/healthy' },
  { method: 'DELETE', path: '/-/healthy' },
  { method: 'DELETE', path: '/version' },
]
