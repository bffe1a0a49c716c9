/** A rule group over answers that a test gives, and a storage of what it wrote. */
import { labelsFrom, labelsKey } from '#lib/model/labels.ts'
import type {
  EvaluateDeps,
  ResultSample,
  RuleAnswer,
  VectorSample,
} from '#lib/rules/evaluate/contract.ts'
import type { RuleConfig, RuleGroupConfig } from '#lib/rules/file/rule-file.ts'

export const MINUTE = 60_000
export const START = 1_700_000_000_000

export function group(
  rules: readonly RuleConfig[],
  more: Partial<RuleGroupConfig> = {},
): RuleGroupConfig {
  return { name: 'g', limit: 0, labels: {}, partialResponse: 'abort', rules, ...more }
}

export function recording(
  record: string,
  expr: string,
  labels: Record<string, string> = {},
): RuleConfig & { type: 'recording' } {
  return { type: 'recording', record, expr, labels }
}

export function alerting(
  alert: string,
  expr: string,
  more: Partial<RuleConfig & { type: 'alerting' }> = {},
): RuleConfig & { type: 'alerting' } {
  return {
    type: 'alerting',
    alert,
    expr,
    forMs: 0,
    keepFiringForMs: 0,
    labels: {},
    annotations: {},
    ...more,
  }
}

export function sample(labels: Record<string, string>, value = 1): VectorSample {
  return { labels: labelsFrom(labels), value }
}

/** Answers by expression; an Error is thrown, and what is not there is empty. */
export type Answers = Record<string, readonly VectorSample[] | RuleAnswer | Error>

export class Written {
  readonly batches: (readonly ResultSample[])[] = []

  readonly write = (samples: readonly ResultSample[]): void => {
    this.batches.push(samples)
  }

  /** `name{…} value`, the last of each series that has not ended. */
  live(): Set<string> {
    const last = new Map(this.batches.flat().map((one) => [labelsKey(one.labels), one]))
    return new Set([...last].flatMap(([key, { stale }]) => (stale ? [] : [key])))
  }
}

export function depsOf(
  answers: Answers,
  written = new Written(),
  more: Partial<EvaluateDeps> = {},
): EvaluateDeps {
  return {
    query: async (expr) => {
      const answer = answers[expr] ?? []
      if (answer instanceof Error) throw answer
      return 'samples' in answer ? answer : { samples: answer, warnings: [] }
    },
    write: written.write,
    intervalMs: MINUTE,
    queryOffsetMs: 0,
    externalLabels: { cluster: 'c' },
    externalUrl: 'http://ruler',
    resendDelayMs: MINUTE,
    forGracePeriodMs: 10 * MINUTE,
    forOutageToleranceMs: 60 * MINUTE,
    clockMs: () => 0,
    ...more,
  }
}
