/** All series of a cluster that live within a window, in label order. */
import { compareLabels } from '#lib/model/labels.ts'
import { gauge } from './curve.ts'
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
  const counts = new Map<Target, number>()
  for (const { target } of series) counts.set(target, (counts.get(target) ?? 0) + 1)
  for (const target of all) scrapeMetrics(series, target, counts.get(target) ?? 0)
  return series.sort((a, b) => compareLabels(a.labels, b.labels))
}

/** What Prometheus itself writes of each scrape. */
function scrapeMetrics(series: SampleSeries[], target: Target, sampleCount: number): void {
  const sink = new SeriesSink(series, target)
  sink.add('up', {}, { type: 'by-target', up: 1, down: 0 })
  const duration = gauge({
    level: 0.008 + sampleCount / 20_000,
    daily: 0.002,
    noise: 0.002,
    seed: hashText(target.instance),
    noiseCell: 60,
    // Binary fractions: near a microsecond, and short in a chunk.
    stepsPerUnit: 2 ** 20,
  })
  sink.add('scrape_duration_seconds', {}, { type: 'by-target', up: duration, down: 10 })
  sink.add('scrape_samples_scraped', {}, { type: 'by-target', up: sampleCount, down: 0 })
}
