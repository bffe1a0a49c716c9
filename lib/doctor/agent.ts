/** What an agent says of itself, and what its Prometheus does. */
import { spanText } from '#lib/compact/plan/plan-text.ts'
import { formatLabels, type Labels } from '#lib/model/labels.ts'
import { type Finding, type Known, verdicts } from './finding.ts'

export interface AgentFacts {
  readonly url: string
  /** Status of /-/ready and what it said. */
  readonly ready: Known<{ readonly status: number; readonly text: string }>
  /** Sums over the series of a metric; NaN for one that is not there. */
  readonly metric: (name: string) => number
}

export function judgeAgent(agent: AgentFacts, nowMs: number): Finding {
  const { ok, warning, wrong } = verdicts('agents', `agent ${agent.url}`)
  const { ready, metric } = agent
  if ('failed' in ready) {
    return wrong(`the agent does not answer: ${ready.failed}`, {
      next: 'start it, or correct --agent.url: its --http-address, port 10902',
    })
  }
  const { status, text } = ready.value
  if (status === 401 || status === 403) {
    return wrong(`the agent answers ${status}: it wants a password`, {
      next: 'write it into the URL: --agent.url=http://user:password@host:10902',
    })
  }
  if (status !== 200) {
    return wrong(`the agent is not ready: ${text || status}`, {
      next: 'its log says what it waits for: Prometheus, its external labels, or the bucket',
    })
  }
  if (Number.isNaN(metric('thanos_sidecar_prometheus_up'))) {
    return wrong('what answers there is no agent: it has no thanos_sidecar_prometheus_up', {
      next: 'correct --agent.url: its --http-address, port 10902',
    })
  }
  const beatMs = metric('thanos_sidecar_last_heartbeat_success_time_seconds') * 1000
  if (metric('thanos_sidecar_prometheus_up') === 0) {
    const since = beatMs > 0 ? ` since ${spanText(nowMs - beatMs)}` : ''
    return wrong(`the agent does not reach its Prometheus${since}`, {
      next: 'is Prometheus up, and is --prometheus.url of the agent right',
    })
  }
  if (metric('thaw_agent_rivals') > 0) {
    return wrong('another agent runs on the same data directory', { next: 'stop one of the two' })
  }
  if (metric('thanos_shipper_corrupted_blocks_total') > 0) {
    return wrong('Prometheus has blocks that are broken, and the agent ships none of them', {
      next: 'its log names them: mend or delete them on the disk of Prometheus',
    })
  }
  const failed = ['thanos_shipper_upload_failures_total', 'thaw_fresh_failures_total'].filter(
    (name) => metric(name) > 0,
  )
  if (failed.length > 0) {
    return warning('uploads of the agent failed', {
      seen: failed.map((name) => `${name} ${metric(name)}`),
      next: 'all of it is tried again; where the number grows, its log says why, and which right is missing',
    })
  }
  return ok('the agent is ready, reaches its Prometheus, and no upload failed')
}

export interface PrometheusFacts {
  readonly url: string
  readonly externalLabels: Known<Labels>
  /** As its command line has them; undefined where it does not say. */
  readonly flags: Readonly<Record<string, string>> | undefined
  /** Of the sources that the bucket knows. */
  readonly isInBucket: (labels: Labels) => boolean
}

export function judgePrometheus(prometheus: PrometheusFacts): Finding {
  const { url, externalLabels, flags, isInBucket } = prometheus
  const { ok, warning, wrong } = verdicts('agents', `prometheus ${url}`)
  if ('failed' in externalLabels) {
    return wrong(`Prometheus does not answer: ${externalLabels.failed}`, {
      next: 'start it, or correct --prometheus.url',
    })
  }
  const labels = externalLabels.value
  if (labels.length === 0) {
    return wrong('Prometheus has no external labels', {
      next: 'write some that are its own into prometheus.yml: global: {external_labels: {cluster: eu, replica: a}}',
    })
  }
  const [least, most] = ['min', 'max'].map((end) => flags?.[`storage.tsdb.${end}-block-duration`])
  const waits = (flags?.['storage.tsdb.delay-compact-file.path'] ?? '') !== ''
  if (least !== undefined && least !== most && !waits) {
    return warning(`Prometheus compacts its blocks itself: from ${least} to ${most}`, {
      next: 'set --storage.tsdb.min-block-duration=2h --storage.tsdb.max-block-duration=2h, or a block may be gone before it is shipped',
    })
  }
  if (!isInBucket(labels)) {
    return wrong(`the bucket has nothing of ${formatLabels(labels)}`, {
      next: 'run an agent beside it: thaw agent --prometheus.url=… --tsdb.path=… --objstore.config-file=…',
    })
  }
  return ok(`the bucket has samples of ${formatLabels(labels)}`)
}
