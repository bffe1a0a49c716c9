/** Thanos's `--selector.relabel-config`: which blocks a store shows, by rules over external labels and `__block_id`. */
import { createHash } from 'node:crypto'
import { parse } from 'yaml'
import { DomainError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import { compileRegex } from '#lib/regex/regex.ts'

type Rule = (labels: Map<string, string>) => boolean

/** Whether a block with these labels and this id is shown. */
export type BlockSelector = (labels: Labels, id: string) => boolean

const FIELDS = new Set([
  'source_labels',
  'separator',
  'regex',
  'modulus',
  'target_label',
  'replacement',
  'action',
])

/** The actions keep, drop and hashmod, as in Prometheus. '' shows all blocks. Throws `invalid`. */
export function parseSelector(yaml: string): BlockSelector {
  const rules = readRules(yaml).map(ruleOf)
  return (labels, id) => {
    const map = new Map([['__block_id', id]])
    for (let i = 0; i < labels.length; i += 2) map.set(labels[i]!, labels[i + 1]!)
    return rules.every((rule) => rule(map))
  }
}

function readRules(yaml: string): readonly unknown[] {
  let rules: unknown
  try {
    rules = parse(yaml)
  } catch (cause) {
    throw invalid((cause as Error).message, cause)
  }
  if (rules === null || rules === undefined) return []
  if (!Array.isArray(rules)) throw invalid('write a list of rules')
  return rules as unknown[]
}

function ruleOf(rule: unknown): Rule {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) {
    throw invalid('write a rule as a map')
  }
  const fields = rule as Readonly<Record<string, unknown>>
  const unknown = Object.keys(fields).find((name) => !FIELDS.has(name))
  if (unknown !== undefined) throw invalid(`there is no field ${unknown}`)
  const names = stringsOf(fields['source_labels'] ?? [])
  const separator = textOf(fields, 'separator', ';')
  const valueOf = (labels: ReadonlyMap<string, string>): string =>
    names.map((name) => labels.get(name) ?? '').join(separator)
  const action = textOf(fields, 'action', 'replace').toLowerCase()
  switch (action) {
    case 'keep':
    case 'drop': {
      const { test } = compileRegex(textOf(fields, 'regex', '(.*)'))
      return (labels) => test(valueOf(labels)) === (action === 'keep')
    }
    case 'hashmod': {
      const modulus = Number(fields['modulus'] ?? 0)
      const target = textOf(fields, 'target_label', '')
      if (!Number.isSafeInteger(modulus) || modulus < 1) throw invalid('hashmod needs a modulus')
      if (target === '') throw invalid('hashmod needs a target_label')
      return (labels) => {
        labels.set(target, String(hashOf(valueOf(labels)) % BigInt(modulus)))
        return true
      }
    }
    default:
      throw invalid(`action ${action} is none of keep, drop and hashmod`)
  }
}

function textOf(fields: Readonly<Record<string, unknown>>, name: string, standard: string): string {
  const value = fields[name] ?? standard
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw invalid(`${name} is no text`)
}

function stringsOf(value: unknown): string[] {
  const list = typeof value === 'string' ? value.replace(/^\[|\]$/g, '').split(/\s*,\s*/) : value
  if (!Array.isArray(list)) throw invalid('write source_labels as a list')
  return list.map(String)
}

/** The last eight bytes of MD5, as Prometheus has it. */
function hashOf(text: string): bigint {
  return createHash('md5').update(text).digest().readBigUInt64BE(8)
}

function invalid(message: string, cause?: unknown): DomainError {
  return new DomainError('invalid', `selector.relabel-config: ${message}`, { cause })
}
