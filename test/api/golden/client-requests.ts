/** The calls of real clients, as they send them: Grafana's datasource and alerting, Perses, codemirror-promql, promtool. */
import { api, post, type GoldenRequest } from './requests.ts'

const form = (params: readonly (readonly [string, string])[]): string =>
  new URLSearchParams(params.map(([name, value]): [string, string] => [name, value])).toString()

const withHeaders = (
  request: GoldenRequest,
  headers: Readonly<Record<string, string>>,
): GoldenRequest => ({ ...request, headers: { ...request.headers, ...headers } })

/** Snapped to minutes, as the label browser asks. */
const MINUTES = [
  ['start', '1699999980'],
  ['end', '1700000100'],
] as const
const PANEL = [
  ['end', '1700000070'],
  ['query', 'sum by (a) (m)'],
  ['start', '1700000000'],
  ['step', '5'],
] as const

const GRAFANA: readonly GoldenRequest[] = [
  // save & test: health, then what kind of server it is
  post(
    'query',
    form([
      ['query', '1+1'],
      ['time', '4'],
    ]),
  ),
  post(
    'query_exemplars',
    form([
      ['query', 'test'],
      ['start', '1700000000000'],
      ['end', '1700000100000'],
    ]),
  ),
  // panels: POST, GET, and with the parameters an administrator adds to the URL
  post('query_range', form(PANEL)),
  api(`query_range?${form(PANEL)}`),
  post(
    'query_range?max_source_resolution=auto&max_samples_processed_warning_threshold=1000000&custom=x',
    form([...PANEL, ['timeout', '30s']]),
  ),
  withHeaders(post('query_range', form(PANEL)), {
    FromAlert: 'false',
    'X-Dashboard-Uid': 'abc',
    'X-Panel-Id': '2',
    'X-Grafana-Org-Id': '1',
    'accept-encoding': 'gzip',
  }),
  post(
    'query',
    form([
      ['query', 'histogram'],
      ['time', '1699999800.123'],
    ]),
  ),
  post(
    'query',
    form([
      ['query', 'm{a=~"x|y<z>"} > 0 or vector(1)'],
      ['time', '1700000070'],
    ]),
  ),
  post('query_exemplars', form([['query', 'rate(m[5m])'], ...MINUTES])),
  // label browser, variables, metrics explorer
  post('labels', form([['limit', '40000'], ...MINUTES])),
  post('labels', form([['limit', '40000'], ...MINUTES, ['match[]', '{__name__="m"}']])),
  api(`label/__name__/values?${form([['limit', '40000'], ...MINUTES])}`),
  api(`label/a/values?${form([...MINUTES, ['match[]', 'm'], ['match[]', '{job="b"}']])}`),
  api(`label/U__a_2e_b/values?${form(MINUTES)}`),
  post('series', form([['match[]', '{__name__!=""}'], ...MINUTES, ['limit', '40000']])),
  post('series', form([['match[]', 'm{a="x"}'], ...MINUTES, ['limit', '1']])),
  api('metadata?limit=40000'),
  // scopes: parameters in the URL, and an empty body
  post('labels?match[]=m&start=1699999980&end=1700000100', ''),
  // recording rules and alerting views
  api('rules'),
  api('rules?type=alert&exclude_alerts=true&group_limit=100'),
  api('rules?file=a.yml&file[]=a.yml&rule_group=g&rule_group[]=g&rule_name=r&rule_name[]=r'),
  api('alerts'),
]

const PERSES: readonly GoldenRequest[] = [
  post(
    'query',
    form([
      ['query', 'm'],
      ['time', '1700000031.5'],
    ]),
  ),
  post(
    'query?project=x',
    form([
      ['query', 'histogram_quantile(0.9, histogram)'],
      ['time', '1699999800'],
    ]),
  ),
  post('query_range', form([...PANEL, ['limit', '1']])),
  post('labels', form([['match[]', 'm'], ...MINUTES])),
  post('series', form([['match[]', 'm'], ...MINUTES])),
  post('parse_query', form([['query', 'sum by (a) (rate(m{a!="x"}[5m]))']])),
  api(`label/${encodeURIComponent('a.b')}/values`),
  api(`label/${encodeURIComponent('ünïcode label')}/values`),
  api('metadata'),
  withHeaders(post('query', form([['query', '1']]) + '&time=5'), {
    origin: 'https://perses.example',
  }),
  {
    method: 'OPTIONS',
    path: '/api/v1/query',
    headers: {
      origin: 'https://perses.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  },
]

/** Times as ISO strings. */
const CODEMIRROR: readonly GoldenRequest[] = [
  post(
    'labels',
    form([
      ['start', '2023-11-14T12:13:51.000Z'],
      ['end', '2023-11-15T00:13:51.000Z'],
    ]),
    'application/x-www-form-urlencoded;charset=UTF-8',
  ),
  post(
    'series',
    form([
      ['start', '2023-11-14T12:13:51.000Z'],
      ['end', '2023-11-15T00:13:51.000Z'],
      ['match[]', 'm'],
    ]),
    'application/x-www-form-urlencoded;charset=UTF-8',
  ),
  api('label/job/values?start=2023-11-14T12%3A13%3A51.000Z&end=2023-11-15T00%3A13%3A51.000Z'),
]

const PROMTOOL: readonly GoldenRequest[] = [
  post(
    'query',
    form([
      ['query', 'm'],
      ['time', '1700000031.000'],
    ]),
  ),
  post(
    'query_range',
    form([
      ['end', '1700000075.000'],
      ['query', 'm'],
      ['start', '1699999775.000'],
      ['step', '1'],
    ]),
  ),
  post(
    'series',
    form([
      ['end', '1736000000.000'],
      ['match[]', 'm'],
      ['start', '1664000000.000'],
    ]),
  ),
  api('label/a/values?end=1736000000.000&start=1664000000.000'),
]

export const CLIENT_REQUESTS: readonly GoldenRequest[] = [
  ...GRAFANA,
  ...PERSES,
  ...CODEMIRROR,
  ...PROMTOOL,
]
