/** Agents and Prometheuses that are ill. */
import { describe } from 'vitest'
import { type Ailment, itFinds } from './ailment.ts'
import { type Installation, prometheusPages } from './installation.ts'

const AILMENTS: readonly Ailment[] = [
  {
    name: 'an agent that is down',
    ail: async () => ({ 'agent.url': 'http://127.0.0.1:1' }),
    level: 'wrong',
    found:
      /^agents agent http:\/\/127\.0\.0\.1:1: the agent does not answer: no connection to .*ECONNREFUSED/,
    next: /correct --agent.url/,
  },
  {
    name: 'an agent that hangs',
    ail: async ({ agent }) => {
      agent['/-/ready'] = 'hang'
    },
    level: 'wrong',
    found: /^agents agent .*: the agent does not answer: no answer within 2s$/,
    next: /start it/,
  },
  {
    name: 'an agent that is not ready',
    ail: async ({ agent }) => {
      agent['/-/ready'] = 503
    },
    level: 'wrong',
    found: /^agents agent .*: the agent is not ready: 503$/,
    next: /its log says what it waits for/,
  },
  {
    name: 'something else in the place of the agent',
    ail: async ({ agent }) => {
      agent['/metrics'] = 'go_goroutines 7\n'
    },
    level: 'wrong',
    found: /^agents agent .*: what answers there is no agent/,
    next: /correct --agent.url/,
  },
  ...(
    [
      [
        'thanos_sidecar_prometheus_up 1',
        'thanos_sidecar_prometheus_up 0',
        /does not reach its Prometheus since \ds/,
        /--prometheus.url of the agent/,
        'wrong',
      ],
      [
        'thaw_agent_rivals 0',
        'thaw_agent_rivals 1',
        /another agent runs on the same data directory/,
        /stop one/,
        'wrong',
      ],
      [
        'corrupted_blocks_total 0',
        'corrupted_blocks_total 2',
        /Prometheus has blocks that are broken/,
        /its log names them/,
        'wrong',
      ],
      [
        'upload_failures_total 0',
        'upload_failures_total{prometheus="a"} 4',
        /uploads of the agent failed/,
        /its log says why/,
        'warning',
      ],
    ] as const
  ).map(([was, is, text, next, level]) => ({
    name: `an agent with ${is}`,
    ail: async ({ agent }: Installation) => {
      agent['/metrics'] = String(agent['/metrics']).replace(was, is)
    },
    level,
    found: new RegExp(`^agents agent http.*: .*${text.source}`),
    next,
  })),
  {
    name: 'a Prometheus without external labels',
    ail: async ({ prometheus, nowMs }) => {
      Object.assign(prometheus, prometheusPages(nowMs, ''))
    },
    level: 'wrong',
    found: /^agents prometheus .*: Prometheus has no external labels/,
    next: /global: \{external_labels/,
  },
  {
    name: 'a Prometheus without an agent',
    ail: async ({ prometheus, nowMs }) => {
      Object.assign(prometheus, prometheusPages(nowMs, '{cluster: us}'))
    },
    level: 'wrong',
    found: /^agents prometheus .*: the bucket has nothing of \{cluster="us"\}/,
    next: /thaw agent --prometheus.url/,
    also: ['api a sample of'],
  },
  {
    name: 'a Prometheus that compacts by itself',
    ail: async ({ prometheus }) => {
      const page = String(prometheus['/api/v1/status/flags'])
      prometheus['/api/v1/status/flags'] = page.replace(
        'max-block-duration":"2h',
        'max-block-duration":"36h',
      )
    },
    level: 'warning',
    found: /^agents prometheus .*: Prometheus compacts its blocks itself: from 2h to 36h/,
    next: /--storage.tsdb.max-block-duration=2h/,
  },
]

describe('thaw doctor', () => {
  itFinds(AILMENTS)
})
