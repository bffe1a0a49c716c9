/** Requests about what is told beside samples: the data of told-world.ts. */
import { createHash } from 'node:crypto'
import { api, post, type GoldenRequest } from './requests.ts'
import { RULES_FILE } from './told-world.ts'

const tokenOf = (group: string): string =>
  createHash('sha256').update(`${RULES_FILE};${group}`).digest('hex')

const EXEMPLARS = (query: string, more = ''): GoldenRequest =>
  api(`query_exemplars?query=${encodeURIComponent(query)}${more}`)

export const TOLD_REQUESTS: readonly GoldenRequest[] = [
  EXEMPLARS('{__name__=~".+"}'),
  EXEMPLARS(
    'histogram_quantile(0.9, rate(request_duration_seconds_bucket{le="0.1"}[5m])) + requests_total{path="/b"}',
  ),
  EXEMPLARS('requests_total offset 1h'),
  EXEMPLARS('requests_total{path!="/a"}'),
  EXEMPLARS('requests_total', '&start=1700000030'),
  EXEMPLARS('requests_total', '&end=1700000000'),
  EXEMPLARS('request_duration_seconds_bucket', '&start=1700000000.5&end=1700000015'),
  EXEMPLARS('request_duration_seconds_bucket', '&start=1700000031.001&end=1800000000'),
  EXEMPLARS(
    '{instance="made:1",le=~"0.1|1.0"}',
    '&start=2023-11-14T22:13:20Z&end=2023-11-14T22:13:35.25Z',
  ),
  EXEMPLARS('{cluster="c"}'),
  EXEMPLARS('nope'),
  EXEMPLARS('1'),
  EXEMPLARS('requests_total{'),
  EXEMPLARS('requests_total', '&start=2&end=1'),
  EXEMPLARS(''),
  post('query_exemplars', 'query=requests_total&start=1700000000000&end=1700000100000'),
  post('query_exemplars', 'query=requests_total&start=1700000000&end=1700000030'),
  api('metadata'),
  api('metadata?metric=requests'),
  api('metadata?metric=nope'),
  api('metadata?metric=request_duration_seconds&limit=1&limit_per_metric=1'),
  api('metadata?limit=0'),
  api('metadata?limit=40000'),
  api('metadata?limit=-1&limit_per_metric=0'),
  api('metadata?limit=1.5'),
  api('rules'),
  api('rules?type=alert'),
  api('rules?type=record'),
  api('rules?type=Alert&exclude_alerts=TRUE'),
  api('rules?exclude_alerts=1'),
  api('rules?rule_name[]=Firing&rule_name[]=one'),
  api('rules?rule_group[]=records'),
  api('rules?rule_group[]=records&rule_group[]=a&type=record'),
  api('rules?file[]=nope'),
  api('rules?match[]={severity="page"}'),
  api('rules?match[]={severity="page"}&match[]={severity="ticket"}'),
  api('rules?match[]={kind=~".%2B",severity="page"}'),
  api('rules?match[]={kind=""}'),
  api('rules?match[]={kind="nope"}'),
  api('rules?group_limit=1'),
  api('rules?group_limit=2&type=record'),
  api('rules?group_limit=3'),
  api('rules?group_limit=%2B3'),
  api('rules?group_limit=2147483648'),
  api('rules?group_limit=-1'),
  api('rules?group_limit=1&group_next_token=nope'),
  ...['a', 'alerts', 'records', 'nope'].flatMap((group) => [
    api(`rules?group_limit=1&group_next_token=${tokenOf(group)}`),
    api(`rules?group_limit=2&type=record&group_next_token=${tokenOf(group)}`),
    api(`rules?group_limit=2&type=alert&group_next_token=${tokenOf(group)}`),
  ]),
  post('rules?type=alert', 'rule_name[]=Firing'),
  api('alerts'),
  api('targets'),
  api('targets?state=active'),
  api('targets?state=dropped'),
  api('targets?state=ANY&scrapePool=made'),
  api('targets?state=x'),
  api('targets?scrapePool=nope'),
  api('targets?scrapePool=dropped'),
  api('targets/metadata?match_target={job="nope"}'),
]
