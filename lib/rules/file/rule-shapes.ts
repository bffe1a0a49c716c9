/** What Prometheus decodes a rule file into: twice, once for the values and once for where the names stand. */
import { DomainError } from '#lib/model/errors.ts'
import { parseDurationText } from '#lib/promql/parse/literals.ts'
import type { Shape } from '#lib/rules/yaml/yaml-decode.ts'
import type { YamlNode } from '#lib/rules/yaml/yaml-node.ts'

const STRING: Shape = { type: 'string' }
const LABELS: Shape = { type: 'map' }

/** `1h30m` → ms. */
export const DURATION: Shape = { type: 'text', read: readDuration }

export interface FileValues {
  readonly groups?: readonly GroupValues[]
}

export interface GroupValues {
  readonly name?: string
  readonly interval?: number
  readonly query_offset?: number
  readonly limit?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly partial_response_strategy?: 'warn' | 'abort'
  readonly rules?: readonly RuleValues[]
}

export interface RuleValues {
  readonly record?: string
  readonly alert?: string
  readonly expr?: string
  readonly for?: number
  readonly keep_firing_for?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** Of the same groups and rules, in the same order. */
export interface FilePlaces {
  readonly groups?: readonly { readonly rules?: readonly RulePlaces[] }[]
}

export interface RulePlaces {
  readonly record?: YamlNode
  readonly alert?: YamlNode
  readonly expr?: YamlNode
}

export const FILE_VALUES = fileShape('rulefmt.RuleGroups', 'rulefmt.RuleGroup', {
  name: 'rulefmt.Rule',
  text: STRING,
})

export const FILE_PLACES = fileShape('rulefmt.ruleGroups', 'rulefmt.RuleGroupNode', {
  name: 'rulefmt.RuleNode',
  text: { type: 'node' },
})

function fileShape(file: string, group: string, rule: { name: string; text: Shape }): Shape {
  const ruleShape: Shape = {
    type: 'struct',
    name: rule.name,
    fields: {
      record: rule.text,
      alert: rule.text,
      expr: rule.text,
      for: DURATION,
      keep_firing_for: DURATION,
      labels: LABELS,
      annotations: LABELS,
    },
  }
  const groupShape: Shape = {
    type: 'struct',
    name: group,
    fields: {
      name: STRING,
      interval: DURATION,
      query_offset: DURATION,
      limit: { type: 'int' },
      labels: LABELS,
      partial_response_strategy: { type: 'text', read: readStrategy },
      rules: { type: 'list', of: ruleShape, name: `[]${rule.name}` },
    },
  }
  const groups: Shape = { type: 'list', of: groupShape, name: `[]${group}` }
  return { type: 'struct', name: file, fields: { groups } }
}

function readDuration(text: string): number {
  if (text === '') throw new DomainError('invalid', 'empty duration string')
  if (text === '0') return 0
  const ms = parseDurationText(text)
  if (typeof ms !== 'number') throw new DomainError('invalid', ms.error)
  return ms
}

/** Thanos's, in its words. */
function readStrategy(text: string): 'warn' | 'abort' {
  if (text === '') return 'abort'
  const lower = text.toLowerCase()
  if (lower === 'warn' || lower === 'abort') return lower
  throw new DomainError(
    'invalid',
    `failed to unmarshal "${text}" as 'partial_response_strategy'. Possible values are ABORT,WARN`,
  )
}
