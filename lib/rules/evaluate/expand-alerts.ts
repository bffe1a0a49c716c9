/** What an alerting rule makes of the answer to its query: labels and annotations, with templates expanded. */
import { DomainError } from '#lib/model/errors.ts'
import {
  compareUtf8,
  labelsToRecord,
  METRIC_NAME,
  setLabel,
  type Labels,
} from '#lib/model/labels.ts'
import type { AlertingRuleConfig } from '../file/rule-file.ts'
import { expandTemplate, type TemplateData, type TemplateSample } from '../template/expand.ts'
import { ALERT_NAME } from './alert-series.ts'
import { checkCandidates, type AlertCandidate } from './alerting-rule.ts'
import type { EvaluateDeps, VectorSample } from './contract.ts'

export type Expand = (text: string, data: TemplateData) => Promise<string>

/** Throws DomainError 'execution' for label sets that are there twice. */
export async function expandAlerts(
  rule: AlertingRuleConfig,
  vector: readonly VectorSample[],
  { externalLabels, externalUrl }: Pick<EvaluateDeps, 'externalLabels' | 'externalUrl'>,
  expand: Expand,
): Promise<AlertCandidate[]> {
  const ruleLabels = sortedPairs(rule.labels)
  const ruleAnnotations = sortedPairs(rule.annotations)
  const candidates: AlertCandidate[] = []
  for (const { labels, value, histogram } of vector) {
    const data: TemplateData = {
      labels: labelsToRecord(labels),
      externalLabels,
      externalUrl,
      value: histogram ?? value,
    }
    let expanded: Labels = setLabel(labels, METRIC_NAME, '')
    for (const [name, text] of ruleLabels) {
      expanded = setLabel(expanded, name, await expand(text, data))
    }
    const annotations: [string, string][] = []
    for (const [name, text] of ruleAnnotations) annotations.push([name, await expand(text, data)])
    candidates.push({
      labels: setLabel(expanded, ALERT_NAME, rule.alert),
      annotations: Object.fromEntries(annotations),
      value,
    })
  }
  checkCandidates(candidates)
  return candidates
}

/** Expands at a time; a template that fails becomes its error. Queries of templates have no offset, as in Prometheus. */
export function expander(
  rule: AlertingRuleConfig,
  timeMs: number,
  partialResponse: 'warn' | 'abort',
  { query, externalUrl, signal }: EvaluateDeps,
): Expand {
  const options = {
    name: `__alert_${rule.alert}`,
    timeMs,
    externalUrl,
    query: async (expr: string, atMs: number): Promise<TemplateSample[]> => {
      const { samples } = await query(expr, atMs, { partialResponse, signal })
      return samples.map(({ labels, value, histogram }) => ({
        labels: labelsToRecord(labels),
        value,
        histogram,
      }))
    },
  }
  return async (text, data) => {
    if (!text.includes('{{')) return text
    try {
      return await expandTemplate(text, data, options)
    } catch (error) {
      if (signal?.aborted || !(error instanceof DomainError)) throw error
      return `<error expanding template: ${error.message}>`
    }
  }
}

function sortedPairs(record: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(record).sort(([a], [b]) => compareUtf8(a, b))
}
