/** Prometheus's relabelling: rules over a label set, one after the other. */
import { createHash } from 'node:crypto'
import { EMPTY_LABELS, type Labels, labelsFromPairs } from '#lib/model/labels.ts'
import { compileRegex } from '#lib/regex/regex.ts'
import type { RelabelConfig } from './relabel-config.ts'

/** What becomes of the labels; none where a rule drops them, or leaves nothing. */
export type Relabel = (labels: Labels) => Labels

export function relabeler(configs: readonly RelabelConfig[]): Relabel {
  const rules = configs.map(ruleOf)
  return (labels) => {
    const set = new LabelSet(labels)
    return rules.every((rule) => rule(set)) ? labelsFromPairs(set.entries()) : EMPTY_LABELS
  }
}

/** Whether the label set is kept. */
type Rule = (labels: LabelSet) => boolean

function ruleOf(config: RelabelConfig): Rule {
  const { sourceLabels, separator, targetLabel, replacement, action, modulus } = config
  const { test, replaceFull } = compileRegex(config.regex)
  const valueOf = (labels: LabelSet): string =>
    sourceLabels.map((name) => labels.get(name)).join(separator)
  const sets = (value: (labels: LabelSet) => string): Rule => {
    return (labels) => labels.set(targetLabel, value(labels))
  }
  switch (action) {
    case 'keep':
      return (labels) => test(valueOf(labels))
    case 'drop':
      return (labels) => !test(valueOf(labels))
    case 'keepequal':
      return (labels) => labels.get(targetLabel) === valueOf(labels)
    case 'dropequal':
      return (labels) => labels.get(targetLabel) !== valueOf(labels)
    case 'lowercase':
      return sets((labels) => byRune(valueOf(labels), lowerRune))
    case 'uppercase':
      return sets((labels) => byRune(valueOf(labels), upperRune))
    case 'hashmod':
      return sets((labels) => String(hashOf(valueOf(labels)) % BigInt(modulus)))
    case 'replace': {
      const hasGroups = targetLabel.includes('$')
      return (labels) => {
        const value = valueOf(labels)
        const result = replaceFull(value, replacement)
        if (result === undefined) return true
        const target = hasGroups ? replaceFull(value, targetLabel)! : targetLabel
        return target === '' || labels.set(target, result)
      }
    }
    case 'labelmap':
      return (labels) => {
        for (const [name, value] of labels.entries()) {
          const target = replaceFull(name, replacement)
          if (target !== undefined) labels.set(target, value)
        }
        return true
      }
    case 'labeldrop':
    case 'labelkeep':
      return (labels) => {
        for (const [name] of labels.entries()) {
          if (test(name) === (action === 'labeldrop')) labels.set(name, '')
        }
        return true
      }
    default:
      return action satisfies never
  }
}

/** Labels in the order in which Prometheus goes over them: those that stand as they came, then those that were set, in that order. */
class LabelSet {
  readonly #values = new Map<string, string>()
  readonly #set = new Set<string>()

  constructor(labels: Labels) {
    for (let i = 0; i < labels.length; i += 2) this.#values.set(labels[i]!, labels[i + 1]!)
  }

  get(name: string): string {
    return this.#values.get(name) ?? ''
  }

  /** '' removes it. Always true: the rule keeps the set. */
  set(name: string, value: string): true {
    if (value === '' || !this.#set.has(name)) this.#values.delete(name)
    if (value === '') this.#set.delete(name)
    else {
      this.#values.set(name, value)
      this.#set.add(name)
    }
    return true
  }

  /** A copy. */
  entries(): [string, string][] {
    return [...this.#values]
  }
}

/** The last eight bytes of MD5, as Prometheus has it. */
function hashOf(text: string): bigint {
  return createHash('md5').update(text).digest().readBigUInt64BE(8)
}

/** Go changes the case of one character to one character, JavaScript that of a text, where one may become several. */
function byRune(text: string, change: (char: string) => string): string {
  let changed = ''
  for (const char of text) changed += change(char)
  return changed
}

function lowerRune(char: string): string {
  const [first] = char.toLowerCase()
  return first ?? char
}

function upperRune(char: string): string {
  const upper = char.toUpperCase()
  const [first, second] = upper
  if (second === undefined) return first ?? char
  // Greek letters with iota below them have capitals of their own, eight or nine places on.
  const code = char.codePointAt(0)!
  const capitals = [code + 8, code + 9].map((place) => String.fromCodePoint(place))
  return capitals.find((capital) => capital.toLowerCase() === char) ?? char
}
