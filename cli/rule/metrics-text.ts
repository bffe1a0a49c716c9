/** What the ruler says of itself, for who scrapes it: the samples that it writes into the bucket. */
import { formatFloat } from '#lib/model/go-float.ts'
import { formatLabels, labelValue, METRIC_NAME, withoutLabels } from '#lib/model/labels.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { selfMetrics } from '#lib/rules/tick/self-metrics.ts'

const NOT_SHOWN = new Set([METRIC_NAME, 'job'])

export function rulerMetrics(state: RulerState): string {
  const lines = selfMetrics(state, 0).map(({ labels, value }) => {
    const shown = formatLabels(withoutLabels(labels, NOT_SHOWN))
    return `${labelValue(labels, METRIC_NAME)}${shown} ${formatFloat(value)}\n`
  })
  return lines.sort().join('')
}
