/** Prometheus's text exposition format 0.0.4. */
import { formatGeneral } from '#lib/model/go-float.ts'
import type { Labels } from '#lib/model/labels.ts'
import { escapeName, isLegacyName, type NameEscaping } from './escape-name.ts'
import { classicBuckets, type Metric, type MetricFamily } from './family.ts'

/** One family. A histogram is written with the classic buckets of its custom bounds: there is no form for others. */
export function familyText(family: MetricFamily, escaping: NameEscaping): string {
  const name = escapeName(family.name, escaping)
  const type = family.type === 'untyped' ? 'untyped' : 'histogram'
  const lines = family.metrics.flatMap((metric) => metricLines(name, metric, escaping))
  return [`# TYPE ${quotedName(name)} ${type}`, ...lines, ''].join('\n')
}

function metricLines(name: string, metric: Metric, escaping: NameEscaping): string[] {
  const { histogram, timestampMs } = metric
  const labels = metric.labels.map((text, i) => (i % 2 === 0 ? escapeName(text, escaping) : text))
  const line = (suffix: string, value: number, more: Labels = []): string =>
    `${withLabels(name + suffix, [...labels, ...more])} ${formatGeneral(value)} ${timestampMs}`
  if (histogram === undefined) return [line('', metric.value)]
  return [
    ...classicBuckets(histogram).map(({ upperBound, cumulativeCount }) =>
      line('_bucket', cumulativeCount, ['le', formatGeneral(upperBound)]),
    ),
    line('_bucket', histogram.count, ['le', '+Inf']),
    line('_sum', histogram.sum),
    line('_count', histogram.count),
  ]
}

function withLabels(name: string, labels: Labels): string {
  const pairs: string[] = isLegacyName(name) ? [] : [quotedName(name)]
  for (let i = 0; i < labels.length; i += 2) {
    pairs.push(`${quotedName(labels[i]!)}="${escapeValue(labels[i + 1]!)}"`)
  }
  const inside = pairs.length > 0 ? `{${pairs.join(',')}}` : ''
  return isLegacyName(name) ? name + inside : inside
}

function quotedName(name: string): string {
  return isLegacyName(name) ? name : `"${escapeValue(name)}"`
}

function escapeValue(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
}
