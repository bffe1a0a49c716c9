/** What Prometheus finds wrong with one rule, in its words. */
import { quoteGo } from '#lib/model/labels.ts'
import type { ParseOptions } from '#lib/promql/parse/parse.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { YamlNode } from '#lib/rules/yaml/yaml-node.ts'
import { checkTemplate } from '../template/expand.ts'
import type { RulePlaces, RuleValues } from './rule-shapes.ts'

export type RuleChecks = Partial<ParseOptions>

export interface RuleFinding {
  /** `12:5: `, or two of them; '' where Prometheus tells none. */
  readonly place: string
  readonly reason: string
}

/** Those of labels and annotations in the order of their names. */
export function checkRule(rule: RuleValues, places: RulePlaces, checks: RuleChecks): RuleFinding[] {
  const { record = '', alert = '' } = rule
  const found: RuleFinding[] = []
  const find = (place: string, reason: string): void => void found.push({ place, reason })
  const atNames = placeOf(places.record) + placeOf(places.alert)
  if (record !== '' && alert !== '') {
    find(atNames, "only one of 'record' and 'alert' must be set")
  }
  if (record === '' && alert === '') {
    find(atNames, "one of 'record' or 'alert' must be set")
  }
  const exprReason = checkExpression(rule.expr ?? '', checks)
  if (exprReason !== undefined) find(placeOf(places.expr), exprReason)
  if (record !== '') {
    for (const reason of checkRecording(rule, record)) find(placeOf(places.record), reason)
  }
  for (const name of sortedNames(rule.labels)) {
    if (name === '' || name === '__name__') find('', `invalid label name: ${name}`)
  }
  for (const name of sortedNames(rule.annotations)) {
    if (name === '') find('', `invalid annotation name: ${name}`)
  }
  if (alert !== '') {
    for (const reason of checkTemplates(rule, alert)) find('', reason)
  }
  return found
}

function checkExpression(expr: string, { features }: RuleChecks): string | undefined {
  if (expr === '') return "field 'expr' must be set in rule"
  try {
    parseExpr(expr, { features: features ?? new Set() })
    return undefined
  } catch (error) {
    return `could not parse expression: ${(error as Error).message}`
  }
}

function checkRecording(rule: RuleValues, record: string): string[] {
  const found: string[] = []
  const forbid = (field: string, isThere: boolean): void => {
    if (isThere) found.push(`invalid field '${field}' in recording rule`)
  }
  forbid('annotations', Object.keys(rule.annotations ?? {}).length > 0)
  forbid('for', (rule.for ?? 0) !== 0)
  forbid('keep_firing_for', (rule.keep_firing_for ?? 0) !== 0)
  if (/[{}]/.test(record)) {
    const words = 'braces present in the recording rule name; should it be in expr?'
    found.push(`${words}: ${record}`)
  }
  return found
}

function checkTemplates(rule: RuleValues, alert: string): string[] {
  const found: string[] = []
  const check = (kind: string, texts: Readonly<Record<string, string>> = {}): void => {
    for (const name of sortedNames(texts)) {
      try {
        checkTemplate(texts[name]!, `__alert_${alert}`)
      } catch (error) {
        found.push(`${kind} ${quoteGo(name)}: ${(error as Error).message}`)
      }
    }
  }
  check('label', rule.labels)
  check('annotation', rule.annotations)
  return found
}

function sortedNames(record: Readonly<Record<string, string>> = {}): string[] {
  return Object.keys(record).toSorted()
}

function placeOf(node: YamlNode | undefined): string {
  return node ? `${node.line}:${node.column}: ` : '0:0: '
}
