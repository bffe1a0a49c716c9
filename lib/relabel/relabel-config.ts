/** Prometheus's `relabel_configs`: their YAML, checked as Prometheus checks it, and the JSON that Thanos writes of them. */
import { parse } from 'yaml'
import { DomainError } from '#lib/model/errors.ts'
import { compileRegex } from '#lib/regex/regex.ts'

export const RELABEL_ACTIONS = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const

export type RelabelAction = (typeof RELABEL_ACTIONS)[number]

export interface RelabelConfig {
  readonly sourceLabels: readonly string[]
  readonly separator: string
  readonly regex: string
  /** 0 where there is none. */
  readonly modulus: number
  readonly targetLabel: string
  readonly replacement: string
  readonly action: RelabelAction
}

const FIELDS = new Set([
  'source_labels',
  'separator',
  'regex',
  'modulus',
  'target_label',
  'replacement',
  'action',
])

const STANDARD = { separator: ';', regex: '(.*)', replacement: '$1', target: '', action: 'replace' }

/** '' is no rules. `actions`: those that may be used. Throws `invalid`, each text beginning with `where`. */
export function parseRelabelConfigs(
  yaml: string,
  where: string,
  actions: readonly RelabelAction[] = RELABEL_ACTIONS,
): readonly RelabelConfig[] {
  return inPlace(where, () => configsOf(parse(yaml), actions))
}

/** As `parseRelabelConfigs`, of what is part of a larger document; undefined is no rules. */
export function relabelConfigsOf(rules: unknown, where: string): readonly RelabelConfig[] {
  return inPlace(where, () => configsOf(rules, RELABEL_ACTIONS))
}

function inPlace<T>(where: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new DomainError('invalid', `${where}: ${(cause as Error).message}`, { cause })
  }
}

function configsOf(rules: unknown, actions: readonly RelabelAction[]): readonly RelabelConfig[] {
  if (rules === null || rules === undefined) return []
  if (!Array.isArray(rules)) throw invalid('write a list of rules')
  return rules.map((rule: unknown) => configOf(rule, actions))
}

function configOf(rule: unknown, actions: readonly RelabelAction[]): RelabelConfig {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) {
    throw invalid('write a rule as a map')
  }
  const fields = rule as Readonly<Record<string, unknown>>
  const unknown = Object.keys(fields).find((name) => !FIELDS.has(name))
  if (unknown !== undefined) throw invalid(`there is no field ${unknown}`)
  const name = textOf(fields, 'action', STANDARD.action).toLowerCase()
  const action = actions.find((known) => known === name)
  if (action === undefined) {
    throw invalid(
      `action ${name} is none of ${actions.slice(0, -1).join(', ')} and ${actions.at(-1)}`,
    )
  }
  const config: RelabelConfig = {
    sourceLabels: namesOf(fields['source_labels'] ?? []),
    separator: textOf(fields, 'separator', STANDARD.separator),
    // An empty pattern that is written down is one: it matches nothing but ''.
    regex: fields['regex'] === null ? '' : textOf(fields, 'regex', STANDARD.regex),
    modulus: Number(fields['modulus'] ?? 0),
    targetLabel: textOf(fields, 'target_label', STANDARD.target),
    replacement: textOf(fields, 'replacement', STANDARD.replacement),
    action,
  }
  compileRegex(config.regex)
  check(config)
  return config
}

const NEEDS_TARGET: ReadonlySet<RelabelAction> = new Set([
  'replace',
  'hashmod',
  'lowercase',
  'uppercase',
  'keepequal',
  'dropequal',
])

function check(config: RelabelConfig): void {
  const { action, modulus, targetLabel, replacement } = config
  if (action === 'hashmod' && (!Number.isSafeInteger(modulus) || modulus < 1)) {
    throw invalid('hashmod needs a modulus')
  }
  if (NEEDS_TARGET.has(action) && targetLabel === '')
    throw invalid(`${action} needs a target_label`)
  const hasReplacement = replacement !== STANDARD.replacement
  if ((action === 'lowercase' || action === 'uppercase') && hasReplacement) {
    throw invalid(`${action} takes no replacement`)
  }
  if (action === 'labelmap' && replacement === '') throw invalid('labelmap needs a replacement')
  const isPlain = modulus === 0 && config.separator === STANDARD.separator && !hasReplacement
  if (action === 'keepequal' || action === 'dropequal') {
    if (!isPlain || config.regex !== STANDARD.regex) {
      throw invalid(`${action} takes source_labels and target_label, nothing else`)
    }
  }
  if (action === 'labeldrop' || action === 'labelkeep') {
    if (!isPlain || config.sourceLabels.length > 0 || targetLabel !== '') {
      throw invalid(`${action} takes a regex, nothing else`)
    }
  }
}

/** As in the `rewrites` of a block's meta.json. */
export function relabelConfigToJson(config: RelabelConfig): Record<string, unknown> {
  const { sourceLabels, separator, regex, modulus, targetLabel, replacement, action } = config
  return {
    ...(sourceLabels.length > 0 && { source_labels: sourceLabels }),
    separator,
    regex,
    ...(modulus !== 0 && { modulus }),
    ...(targetLabel !== '' && { target_label: targetLabel }),
    replacement,
    action,
  }
}

function textOf(fields: Readonly<Record<string, unknown>>, name: string, standard: string): string {
  const value = fields[name] ?? standard
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw invalid(`${name} is no text`)
}

function namesOf(value: unknown): string[] {
  const list = typeof value === 'string' ? value.replace(/^\[|\]$/g, '').split(/\s*,\s*/) : value
  if (!Array.isArray(list)) throw invalid('write source_labels as a list')
  return list.map(String)
}

function invalid(message: string): DomainError {
  return new DomainError('invalid', message)
}
