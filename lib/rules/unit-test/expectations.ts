/** What a unit test expects beside what came, and promtool's text of it. */
import { compareLabels, quoteGo, quoteName, compareUtf8, type Labels } from '#lib/model/labels.ts'

/** Name, value, name, value… by name. Unlike labels, values may be empty. */
export type LabelList = readonly string[]

export interface AlertLabels {
  readonly labels: LabelList
  readonly annotations: LabelList
}

export interface ShownSample {
  readonly labels: Labels
  /** 0 where there is a histogram. */
  readonly value: number
  /** '' where there is none. */
  readonly histogram: string
}

export function labelList(record: Readonly<Record<string, string>>): LabelList {
  return Object.entries(record)
    .sort(([a], [b]) => compareUtf8(a, b))
    .flat()
}

export function sortedAlerts(alerts: readonly AlertLabels[]): AlertLabels[] {
  return alerts.toSorted(
    (a, b) => compareLabels(a.labels, b.labels) || compareLabels(a.annotations, b.annotations),
  )
}

/** Both sorted. */
export function sameAlerts(a: readonly AlertLabels[], b: readonly AlertLabels[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ labels, annotations }, i) => {
      const other = b[i]!
      return (
        compareLabels(labels, other.labels) === 0 &&
        compareLabels(annotations, other.annotations) === 0
      )
    })
  )
}

/** Both sorted. Fuzzy: a float may be the next one. NaN equals nothing, as in promtool. */
export function sameSamples(
  a: readonly ShownSample[],
  b: readonly ShownSample[],
  fuzzy: boolean,
): boolean {
  return (
    a.length === b.length &&
    a.every(({ labels, value, histogram }, i) => {
      const other = b[i]!
      return (
        compareLabels(labels, other.labels) === 0 &&
        histogram === other.histogram &&
        (value === other.value || (fuzzy && areNeighbours(value, other.value)))
      )
    })
  )
}

/** Whether there is no double between them. */
function areNeighbours(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return false
  const distance = orderOf(a) - orderOf(b)
  return distance === 1n || distance === -1n
}

/** Doubles counted from the smallest. */
function orderOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value === 0 ? 0 : value)
  const bits = view.getBigInt64(0)
  return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits
}

/** Promtool's. */
export function alertsText(alerts: readonly AlertLabels[]): string {
  if (alerts.length === 0) return '[]'
  const parts = alerts.map(({ labels, annotations }, i) => {
    const lines = [`Labels:${labelsText(labels)}`, `Annotations:${labelsText(annotations)}`]
    return `${i}:${lines.map((line) => `\n  ${line}`).join('')}`
  })
  return `[\n${parts.join(',\n')}\n]`
}

/** `{__name__="up"} 1E+00, {a="b"} {{count:1}}`, or nil. */
export function samplesText(samples: readonly ShownSample[]): string {
  if (samples.length === 0) return 'nil'
  return samples
    .map(({ labels, value, histogram }) => {
      return `${labelsText(labels)} ${histogram === '' ? exponential(value) : histogram}`
    })
    .join(', ')
}

/** The name is a label like the others. */
export function labelsText(labels: LabelList): string {
  const parts: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    parts.push(`${quoteName(labels[i]!)}=${quoteGo(labels[i + 1]!)}`)
  }
  return `{${parts.join(', ')}}`
}

/** Go's `%E` with as many digits as it takes. */
function exponential(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const text = Object.is(value, -0) ? '-0e+0' : value.toExponential()
  const [mantissa, exponent] = text.split('e')
  return `${mantissa}E${exponent![0]}${exponent!.slice(1).padStart(2, '0')}`
}

/** Every line but the first. */
export function indentLines(text: string, indent: string): string {
  return text.replaceAll('\n', `\n${indent}`)
}
