/** Rule files as Prometheus 3.14 reads them, and what the ruler keeps of them: groups as plain JSON. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'
import { decodeYaml, type Shape } from '#lib/rules/yaml/yaml-decode.ts'
import { parseYaml } from '#lib/rules/yaml/yaml-node.ts'
import { checkRule, type RuleChecks } from './check-rule.ts'
import {
  FILE_PLACES,
  FILE_VALUES,
  type FilePlaces,
  type FileValues,
  type GroupValues,
  type RuleValues,
} from './rule-shapes.ts'

export interface RuleFile {
  readonly groups: readonly RuleGroupConfig[]
  /** What is no error: documents that are not read. */
  readonly warnings: readonly string[]
}

export interface RuleGroupConfig {
  readonly name: string
  /** Undefined: the ruler's evaluation interval. */
  readonly intervalMs?: number
  /** How far behind the clock it is evaluated; undefined: the ruler's own offset. */
  readonly queryOffsetMs?: number
  /** Most series or alerts one rule may give; 0: any number. */
  readonly limit: number
  readonly labels: Readonly<Record<string, string>>
  /** Thanos's: whether a rule goes on with half an answer. */
  readonly partialResponse: 'warn' | 'abort'
  /** In the order they are evaluated. */
  readonly rules: readonly RuleConfig[]
}

/** `labels`: with the group's as defaults. */
export type RuleConfig = RecordingRuleConfig | AlertingRuleConfig

export interface RecordingRuleConfig {
  readonly type: 'recording'
  readonly record: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
}

export interface AlertingRuleConfig {
  readonly type: 'alerting'
  readonly alert: string
  readonly expr: string
  readonly forMs: number
  readonly keepFiringForMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface RuleFileOptions extends RuleChecks {
  /** Begins each finding. */
  readonly name?: string | undefined
  /** As `promtool check rules --ignore-unknown-fields`. */
  readonly ignoreUnknownFields?: boolean | undefined
}

/** All that is wrong with a rule file, in Prometheus's words; the message has one finding a line. */
export class RuleFileError extends DomainError {
  readonly findings: readonly string[]

  constructor(findings: readonly string[]) {
    super('invalid', findings.join('\n'))
    this.findings = findings
  }
}

/** Throws RuleFileError. An empty file has no groups. Thanos's `partial_response_strategy` is known too. */
export function parseRuleFile(text: string, options: RuleFileOptions = {}): RuleFile {
  const prefix = options.name === undefined ? '' : `${options.name}: `
  const fail = (findings: readonly string[]): RuleFileError =>
    new RuleFileError(findings.map((finding) => prefix + finding))
  let read: { values: FileValues; places: FilePlaces; warnings: readonly string[] }
  try {
    read = readFile(text, options.ignoreUnknownFields !== true)
  } catch (error) {
    throw error instanceof RuleFileError ? fail(error.findings) : error
  }
  const groups = read.values.groups ?? []
  const findings = checkGroups(groups, read.places, options)
  if (findings.length > 0) throw fail(findings)
  return { groups: groups.map(groupOf), warnings: read.warnings }
}

function readFile(
  text: string,
  strict: boolean,
): { values: FileValues; places: FilePlaces; warnings: readonly string[] } {
  const parsed = attempt(() => parseYaml(text))
  // Prometheus reads the text twice, and says twice what is wrong with it.
  if ('reason' in parsed) throw new RuleFileError([parsed.reason, parsed.reason])
  const { root, documentCount } = parsed.value
  const decode = (shape: Shape, isStrict: boolean): unknown =>
    root === undefined ? {} : (decodeYaml(root, shape, { strict: isStrict, version: 3 }) ?? {})
  const values = attempt(() => decode(FILE_VALUES, strict))
  const places = attempt(() => decode(FILE_PLACES, false))
  if ('reason' in values || 'reason' in places) {
    throw new RuleFileError([values, places].flatMap((one) => ('reason' in one ? one.reason : [])))
  }
  return {
    values: values.value as FileValues,
    places: places.value as FilePlaces,
    warnings: documentCount > 1 ? [MANY_DOCUMENTS] : [],
  }
}

const MANY_DOCUMENTS =
  'Multiple document yaml rules files are not supported, only the first document is processed'

function attempt<T>(read: () => T): { readonly value: T } | { readonly reason: string } {
  try {
    return { value: read() }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { reason: error.message }
  }
}

/** Groups have no place in Prometheus's findings: it says 0:0. */
function checkGroups(
  groups: readonly GroupValues[],
  places: FilePlaces,
  checks: RuleChecks,
): string[] {
  const found: string[] = []
  const names = new Set<string>()
  for (const [i, { name = '', labels = {}, rules = [] }] of groups.entries()) {
    if (name === '') found.push('0:0: Groupname must not be empty')
    if (names.has(name)) found.push(`0:0: groupname: "${name}" is repeated in the same file`)
    names.add(name)
    for (const label of Object.keys(labels).toSorted()) {
      if (label === '' || label === '__name__') found.push(`invalid label name: ${label}`)
    }
    for (const [j, rule] of rules.entries()) {
      const ruleName = quoteGo(ruleNameOf(rule))
      const rulePlaces = places.groups?.[i]?.rules?.[j] ?? {}
      for (const { place, reason } of checkRule(rule, rulePlaces, checks)) {
        found.push(`${place}group ${quoteGo(name)}, rule ${j + 1}, ${ruleName}: ${reason}`)
      }
    }
  }
  return found
}

function ruleNameOf({ alert = '', record = '' }: RuleValues): string {
  return alert === '' ? record : alert
}

function groupOf(group: GroupValues): RuleGroupConfig {
  const { interval = 0, query_offset: queryOffsetMs, labels = {} } = group
  return {
    name: group.name!,
    ...(interval > 0 && { intervalMs: interval }),
    ...(queryOffsetMs !== undefined && { queryOffsetMs }),
    limit: group.limit ?? 0,
    labels,
    partialResponse: group.partial_response_strategy ?? 'abort',
    rules: (group.rules ?? []).map((rule) => ruleOf(rule, labels)),
  }
}

function ruleOf(rule: RuleValues, defaults: Readonly<Record<string, string>>): RuleConfig {
  const labels = { ...defaults, ...rule.labels }
  const expr = rule.expr!
  if (rule.record) return { type: 'recording', record: rule.record, expr, labels }
  return {
    type: 'alerting',
    alert: rule.alert!,
    expr,
    forMs: rule.for ?? 0,
    keepFiringForMs: rule.keep_firing_for ?? 0,
    labels,
    annotations: rule.annotations ?? {},
  }
}
