/** Requests about the data of world.ts, of every kind of answer that has samples or names in it. */
import { api, post, type GoldenRequest } from './requests.ts'

const instant = (query: string, more = ''): GoldenRequest =>
  api(`query?query=${encodeURIComponent(query)}${more}`)
const range = (query: string, more: string): GoldenRequest =>
  api(`query_range?query=${encodeURIComponent(query)}${more}`)

/** Of the floats, and of the histograms. */
const FLOATS = '&start=1700000000&end=1700000075&step=15'
const HISTOGRAMS = '&start=1699999200&end=1700000400&step=60'
const DURING = 1_699_999_800

export const DATA_REQUESTS: readonly GoldenRequest[] = [
  // what values and times look like
  instant('m', '&time=1700000031'),
  instant('m', '&time=1700000031.5'),
  instant('m[5m]', '&time=1700000080'),
  instant('m[5m] offset -1m', '&time=1700000080'),
  instant('1e21', '&time=1.5'),
  instant('"s"', '&time=0.05'),
  instant('vector(0.0000001)', '&time=1700000031.5'),
  instant('-m', '&time=1700000031'),
  instant('m * 0 - 0', '&time=1700000001'),
  instant('vector(-0.0)', '&time=5'),
  range('m', FLOATS),
  range('m', '&start=1700000000.5&end=1700000070&step=7.25'),
  range('1', '&start=0&end=4&step=1.5'),
  range('m > 1e30', FLOATS),
  // what is wrong only when it runs
  instant('m{', '&time=1700000031'),
  instant('m{a="x"} + on() m', '&time=1700000031'),
  instant('m + on() group_left() m', '&time=1700000031'),
  instant('label_replace(m,"b","","a","(")', '&time=1700000031'),
  instant('label_replace(m,"a","z","","")', '&time=1700000031'),
  instant('count_values("ÿ", m{a="x"})', '&time=1700000031'),
  instant('quantile(2, m)', '&time=1700000031'),
  instant('rate(m[1m])', '&time=1700000080'),
  instant('histogram_quantile(0.5, m)', '&time=1700000031'),
  range('sum(rate(m[1m])) / sum(rate(m[1m]))', FLOATS),
  // limits
  instant('m', '&time=1700000031&limit=1'),
  instant('m', '&time=1700000031&limit=2'),
  instant('m[5m]', '&time=1700000080&limit=1'),
  instant('1', '&time=5&limit=1'),
  range('m', `${FLOATS}&limit=1`),
  range('m', `${FLOATS}&limit=2`),
  api('labels?limit=1'),
  api('labels?limit=99'),
  api('label/a/values?limit=1'),
  api('label/__name__/values?limit=3'),
  api('series?match[]=m&limit=1'),
  api('series?match[]=m&limit=2'),
  // lookback
  instant('m', '&time=1700000200&lookback_delta=1m'),
  instant('m', '&time=1700000200&lookback_delta=10m'),
  instant('m', '&time=1700000200&lookback_delta=0'),
  instant('m', '&time=1700000200&lookback_delta=-1m'),
  instant('m', '&time=1700000200&lookback_delta=-60'),
  instant('m', '&time=1700000200&lookback_delta=0.0001'),
  instant('m', '&time=1700000375'),
  instant('m', '&time=1700000375.001'),
  range('m', '&start=1700000000&end=1700000600&step=100&lookback_delta=2m'),
  // names
  api('labels'),
  api('labels?match[]=m'),
  api('labels?match[]=nope&match[]=m{a="x"}'),
  api('labels?match[]=nope'),
  api('labels?start=5&end=1'),
  api('labels?start=2023-11-14T22:00:00Z&end=2023-11-14T23:00:00Z'),
  post('labels', 'match[]=single'),
  api('label/a/values'),
  api('label/a/values?match[]=m{a!="x"}'),
  api('label/job/values'),
  api('label/path/values'),
  api('label/nope/values'),
  api('label/__name__/values'),
  api('label/__name__/values?match[]={job="b"}&match[]={a="x"}'),
  api('label/U____name____/values'),
  api('series?match[]=m'),
  api('series?match[]=m&match[]={job="b"}&match[]={a="x"}'),
  api('series?match[]={__name__=~".%2Bhistogram"}'),
  api('series?match[]=m&start=1800000000'),
  api('series?match[]={__name__!=""}'),
  post('series?match[]=single', 'match[]=m'),
  // histograms and stale markers
  ...[
    'histogram',
    'float_histogram',
    'gauge_histogram',
    'custom_buckets',
    'flapping',
    'extreme',
    'histogram_quantile(0.9, histogram)',
    'histogram_sum(histogram)',
    'histogram_count(float_histogram)',
    'rate(histogram[2m])',
    'rate(gauge_histogram[2m])',
    'sum(histogram)',
    'histogram + custom_buckets',
    'histogram * 2',
    '{__name__=~"histogram|single"}',
  ].flatMap((query) => [instant(query, `&time=${DURING}`), range(query, HISTOGRAMS)]),
  instant('histogram[2m]', `&time=${DURING}`),
  instant('custom_buckets[1m]', '&time=1699999300'),
  instant('flapping[5m]', '&time=1699999600'),
  instant('extreme[5m]', '&time=1699999500'),
  // transport
  { ...instant('m', '&time=1700000031'), headers: { 'accept-encoding': 'gzip' } },
  { ...instant('m', '&time=1700000031'), headers: { 'accept-encoding': 'br' } },
  { ...instant('m', '&time=1700000031'), headers: { origin: 'https://dashboards.example' } },
  { ...post('labels', 'match[]=m'), headers: { origin: 'null' } },
  api('query_exemplars?query=m&start=1700000000&end=1700000100'),
]
