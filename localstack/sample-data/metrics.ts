/** All series of a cluster that live within a window, in label order. */
import { compareLabels } from '#lib/model/labels.ts'
import { gauge } from './curve.ts'
import type { Span } from './events.ts'
import { clusterState, containerMetrics, podState } from './kube-metrics.ts'
import { nodeMetrics } from './node-metrics.ts'
import { hashText } from './noise.ts'
import { nodeName, podsWithin, targetsOf } from './pods.ts'
import type { SampleSeries, Target } from './series.ts'
import { SeriesSink } from './series-sink.ts'
import { webMetrics } from './web-metrics.ts'

export const CLUSTERS = ['eu-west', 'us-east'] as const

/** The window is [startMs, endMs); series that ended shortly before it still have their stale marker in it. */
export function seriesWithin(
  cluster: string,
  startMs: number,
  endMs: number,
  intervalMs: number,
): SampleSeries[] {
  const series: SampleSeries[] = []
  const pods = podsWithin(cluster, startMs - 2 * intervalMs, endMs)
  const targets = targetsOf(cluster, pods)
  targets.nodes.forEach((target, node) => {
    nodeMetrics(new SeriesSink(series, target), cluster, node, nodeName(cluster, node))
  })
  const kubeState = new SeriesSink(series, targets.kubeState)
  clusterState(kubeState, cluster)
  for (const pod of pods) {
    podState(kubeState, cluster, pod)
    containerMetrics(new SeriesSink(series, targets.kubelets[pod.node]!), pod)
  }
  for (const [pod, target] of targets.web) webMetrics(new SeriesSink(series, target), pod)
  const all = [...targets.nodes, ...targets.kubelets, targets.kubeState, ...targets.web.values()]
  const lives = new Map<Target, Span[]>(all.map((target) => [target, []]))
  for (const { target, life } of series) lives.get(target)!.push(life)
  for (const target of all) scrapeMetrics(series, target, lives.get(target)!)
  return series.sort((a, b) => compareLabels(a.labels, b.labels))
}

/** About how long a scrape of each job takes. */
const DURATION_S: Readonly<Record<string, number>> = {
  node: 0.012,
  'kube-state-metrics': 0.02,
  kubelet: 0.03,
  web: 0.009,
}

/** What Prometheus itself writes of each scrape. */
function scrapeMetrics(series: SampleSeries[], target: Target, lives: readonly Span[]): void {
  const sink = new SeriesSink(series, target)
  sink.add('up', {}, { type: 'by-target', up: 1, down: 0 })
  const duration = gauge({
    level: DURATION_S[target.job]!,
    daily: 0.002,
    noise: 0.002,
    seed: hashText(target.instance),
    noiseCell: 60,
    // Binary fractions: near a microsecond, and short in a chunk.
    stepsPerUnit: 2 ** 20,
  })
  sink.add('scrape_duration_seconds', {}, { type: 'by-target', up: duration, down: 10 })
  sink.add('scrape_samples_scraped', {}, { type: 'scraped', lives })
}
