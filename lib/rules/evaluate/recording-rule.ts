/** What a recording rule makes of the answer to its query. */
import { DomainError } from '#lib/model/errors.ts'
import { labelsKey, METRIC_NAME, setLabel, type Labels } from '#lib/model/labels.ts'
import type { RecordingRuleConfig } from '../file/rule-file.ts'
import type { ResultSample, VectorSample } from './contract.ts'

/** Throws DomainError 'execution' for label sets that are there twice, and 'limit' for more than `limit` series (0: any number). */
export function recordSamples(
  rule: RecordingRuleConfig,
  vector: readonly VectorSample[],
  limit: number,
  timeMs: number,
): ResultSample[] {
  const seen = new Set<string>()
  const samples = vector.map(({ labels, value, histogram }): ResultSample => {
    const named = labelled(setLabel(labels, METRIC_NAME, rule.record), rule.labels)
    seen.add(labelsKey(named))
    return { labels: named, timeMs, value, ...(histogram && { histogram }) }
  })
  if (seen.size < samples.length) {
    throw new DomainError(
      'execution',
      'vector contains metrics with the same labelset after applying rule labels',
    )
  }
  if (limit > 0 && samples.length > limit) {
    throw new DomainError('limit', `exceeded limit of ${limit} with ${samples.length} series`)
  }
  return samples
}

function labelled(labels: Labels, over: Readonly<Record<string, string>>): Labels {
  return Object.entries(over).reduce((all, [name, value]) => setLabel(all, name, value), labels)
}
