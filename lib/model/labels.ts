/** Label sets: flat, sorted, immutable. `['__name__', 'up', 'job', 'node']` is `up{job="node"}`. */

/**
 * Name, value, name, value…, names ascending by UTF-8 bytes and unique, values never empty
 * (an empty value is the same as no label). One flat array because a query holds many of them.
 */
export type Labels = readonly string[]

export const METRIC_NAME = '__name__'

export const EMPTY_LABELS: Labels = []

/** Lone surrogates never come out of valid UTF-8, so this joins without ambiguity. */
const SEPARATOR = '\ud800'

export function labelsFrom(record: Readonly<Record<string, string>>): Labels {
  return labelsFromPairs(Object.entries(record))
}

/** Sorts; drops empty values. A name given twice keeps its last value. */
export function labelsFromPairs(pairs: Iterable<readonly [string, string]>): Labels {
  const byName = new Map<string, string>()
  for (const [name, value] of pairs) byName.set(name, value)
  const names = [...byName.keys()].filter((name) => byName.get(name) !== '').sort(compareUtf8)
  const labels: string[] = []
  for (const name of names) labels.push(name, byName.get(name)!)
  return labels
}

export function labelsToRecord(labels: Labels): Record<string, string> {
  const record: Record<string, string> = {}
  for (let i = 0; i < labels.length; i += 2) {
    const [name, value] = [labels[i]!, labels[i + 1]!]
    // An assignment would change the record's prototype, and Prometheus takes this name as any other.
    if (name === '__proto__') defineLabel(record, name, value)
    else record[name] = value
  }
  return record
}

function defineLabel(record: object, name: string, value: string): void {
  Object.defineProperty(record, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

/** The value of a label, '' when absent. */
export function labelValue(labels: Labels, name: string): string {
  for (let i = 0; i < labels.length; i += 2) if (labels[i] === name) return labels[i + 1]!
  return ''
}

/** A string that is equal exactly when the label sets are equal. For map keys. */
export function labelsKey(labels: Labels): string {
  return labels.join(SEPARATOR)
}

export function withoutLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  for (let i = 0; i < labels.length; i += 2) {
    if (names.has(labels[i]!)) return filterLabels(labels, (name) => !names.has(name))
  }
  return labels
}

export function keepLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  return filterLabels(labels, (name) => names.has(name))
}

function filterLabels(labels: Labels, keep: (name: string) => boolean): Labels {
  const kept: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    if (keep(labels[i]!)) kept.push(labels[i]!, labels[i + 1]!)
  }
  return kept
}

/** Both sets; where a name is in both, `over` wins. */
export function mergeLabels(base: Labels, over: Labels): Labels {
  if (over.length === 0) return base
  if (base.length === 0) return over
  const merged: string[] = []
  let b = 0
  let o = 0
  while (b < base.length || o < over.length) {
    const order = b >= base.length ? 1 : o >= over.length ? -1 : compareUtf8(base[b]!, over[o]!)
    if (order < 0) {
      merged.push(base[b]!, base[b + 1]!)
      b += 2
    } else {
      merged.push(over[o]!, over[o + 1]!)
      o += 2
      if (order === 0) b += 2
    }
  }
  return merged
}

/** Sets one label; '' removes it. */
export function setLabel(labels: Labels, name: string, value: string): Labels {
  let at = 0
  while (at < labels.length && compareUtf8(labels[at]!, name) < 0) at += 2
  const present = labels[at] === name ? 2 : 0
  return value === '' ? labels.toSpliced(at, present) : labels.toSpliced(at, present, name, value)
}

/** Prometheus's order: pairwise name then value, then the shorter set first. */
export function compareLabels(a: Labels, b: Labels): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return compareUtf8(a[i]!, b[i]!)
  }
  return a.length - b.length
}

/**
 * Orders as the UTF-8 bytes do. UTF-16 units differ from that only where a surrogate (an astral
 * character) meets U+E000…U+FFFF, so the first difference decides after lifting surrogates above.
 */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return lift(x) - lift(y)
  }
  return a.length - b.length
}

function lift(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** `{a="b", c="d"}`, or `name{a="b"}`: the form Prometheus prints. */
export function formatLabels(labels: Labels): string {
  const name = labelValue(labels, METRIC_NAME)
  const parts: string[] = []
  const bareName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)
  if (name !== '' && !bareName) parts.push(quoteGo(name))
  for (let i = 0; i < labels.length; i += 2) {
    if (labels[i] === METRIC_NAME) continue
    parts.push(`${quoteName(labels[i]!)}=${quoteGo(labels[i + 1]!)}`)
  }
  if (parts.length === 0) return bareName ? name : '{}'
  return `${bareName ? name : ''}{${parts.join(', ')}}`
}

/** A label name as PromQL has it: quoted where it needs to be. */
export function quoteName(name: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quoteGo(name)
}

/** Go's `%q` for strings: printable text stays, the rest is escaped. */
export function quoteGo(text: string): string {
  let out = '"'
  for (const char of text) {
    const code = char.codePointAt(0)!
    if (char === '"') out += '\\"'
    else if (char === '\\') out += '\\\\'
    else if (char === '\n') out += '\\n'
    else if (char === '\r') out += '\\r'
    else if (char === '\t') out += '\\t'
    else if (code === 7) out += '\\a'
    else if (code === 8) out += '\\b'
    else if (code === 11) out += '\\v'
    else if (code === 12) out += '\\f'
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`
    else if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) {
      out +=
        code > 0xffff
          ? `\\U${code.toString(16).padStart(8, '0')}`
          : `\\u${code.toString(16).padStart(4, '0')}`
    } else out += char
  }
  return `${out}"`
}
