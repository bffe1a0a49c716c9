/** Every request of the equality test: each query at instants and over ranges, and the names of things. */
import { MADE_END_MS, MADE_START_MS } from './made-data.ts'
import { type Asked, INSTANT_ONLY, QUERIES } from './queries.ts'
import type { Ask, ApiAnswer, Params } from './ask.ts'

export interface Request {
  readonly asked: Asked
  readonly path: 'query' | 'query_range'
  readonly params: Params
  readonly ordered: boolean
  /** Over days: worth several functions. */
  readonly long: boolean
}

const START = MADE_START_MS / 1000
const HOUR = 3600

/** One while a node is down, one while a web server has just begun anew. */
const INSTANTS = [START + 28 * HOUR + 1, START + 53.6 * HOUR + 3]

/**
 * No step is on a whole minute: 2.42 includes the left border of a range and 3.x does not, and so they only differ where
 * a sample, or a step of a subquery, is exactly there.
 */
const DAYS = { start: START + HOUR + 7, end: MADE_END_MS / 1000 + 600, step: 1200 }
const ZOOM = { start: START + 26 * HOUR + 13, end: START + 33 * HOUR, step: 75 }

export const REQUESTS: readonly Request[] = [
  ...QUERIES.flatMap((asked): Request[] => [
    ...INSTANTS.map((time) => instant(asked, time)),
    {
      asked,
      path: 'query_range',
      params: { query: asked.expr, ...DAYS },
      ordered: false,
      long: true,
    },
    {
      asked,
      path: 'query_range',
      params: { query: asked.expr, ...ZOOM },
      ordered: false,
      long: false,
    },
  ]),
  ...INSTANT_ONLY.flatMap((asked) => INSTANTS.map((time) => instant(asked, time))),
]

function instant(asked: Asked, time: number): Request {
  const { expr, ordered = false } = asked
  return { asked, path: 'query', params: { query: expr, time }, ordered, long: false }
}

const WHOLE = { start: START, end: MADE_END_MS / 1000 }

/** Requests whose answers are lists: paths with their parameters. */
export const NAMES: readonly (readonly [string, Params])[] = [
  ['labels', WHOLE],
  [
    'labels',
    { ...WHOLE, 'match[]': ['node_cpu_seconds_total', 'kube_pod_info{namespace="shop"}'] },
  ],
  ['label/__name__/values', WHOLE],
  ['label/__name__/values', { ...WHOLE, 'match[]': '{job="web"}' }],
  ['label/instance/values', WHOLE],
  ['label/pod/values', { ...WHOLE, 'match[]': 'kube_pod_info{namespace=~"inf.+"}' }],
  ['label/mode/values', { ...WHOLE, 'match[]': ['node_cpu_seconds_total{cpu="0"}', 'up'] }],
  ['label/nothing/values', WHOLE],
  ['series', { ...WHOLE, 'match[]': 'up' }],
  [
    'series',
    { ...WHOLE, 'match[]': ['{__name__=~"node_disk_.+",device="nvme0n1"}', 'kube_node_info'] },
  ],
  ['series', { ...WHOLE, 'match[]': 'http_requests_total{code!="200"}' }],
]

/** The same request is asked once. */
export function remembering(ask: Ask): Ask {
  const answers = new Map<string, Promise<ApiAnswer>>()
  return (path, params = {}) => {
    const key = JSON.stringify([path, params])
    let answer = answers.get(key)
    if (answer === undefined) answers.set(key, (answer = ask(path, params)))
    return answer
  }
}
