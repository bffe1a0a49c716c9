/** Compares two answers to a random query: every series, timestamp, value, histogram field, error and annotation. */
import type { ApiAnswer } from '#test/e2e/support/ask.ts'
import type { Order } from './order.ts'
import { comparableText, omitted } from './rules.ts'

export type Verdict =
  | { readonly type: 'equal'; readonly values: number }
  /** The same but for last bits: `ulps` is the largest distance. */
  | { readonly type: 'close'; readonly ulps: number; readonly detail: string }
  | { readonly type: 'different'; readonly detail: string }

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly [samples: string]: Json | Readonly<Record<string, string>>
}

export function compareAnswers(actual: ApiAnswer, expected: ApiAnswer, order: Order): Verdict {
  const outcome = ({ httpStatus, status, errorType = '', error = '' }: ApiAnswer): string =>
    `${httpStatus} ${status} ${errorType} ${error}`
  if (outcome(actual) !== outcome(expected)) {
    return different(`${outcome(actual)}\n    want ${outcome(expected)}`)
  }
  const said = compareSaid(actual, expected)
  if (said !== undefined) return different(said)
  if (expected.status === 'error') return { type: 'equal', values: 0 }
  const distance = new Distance()
  const a = shape(actual.data as never, order)
  const b = shape(expected.data as never, order)
  for (const [key, samples] of b) {
    const got = a.get(key)
    if (got === undefined) return different(`no series ${key}: want ${show(samples)}`)
    if (!distance.measure(got, samples)) {
      return different(`${key} ${distance.where}\n    got  ${show(got)}\n    want ${show(samples)}`)
    }
  }
  for (const [key, samples] of a) {
    if (!b.has(key)) return different(`series too many: ${key}: ${show(samples)}`)
  }
  const misplaced = order === 'values' ? differentOrder(actual, expected) : undefined
  if (misplaced !== undefined) return different(misplaced)
  return distance.ulps > 0
    ? { type: 'close', ulps: distance.ulps, detail: distance.where }
    : { type: 'equal', values: distance.values }
}

function compareSaid(actual: ApiAnswer, expected: ApiAnswer): string | undefined {
  for (const kind of ['warnings', 'infos'] as const) {
    const said = (answer: ApiAnswer): string =>
      omitted(answer, kind) ?? (answer[kind] ?? []).map(comparableText).toSorted().join('\n')
    if (said(actual) !== said(expected)) {
      return `${kind} ${JSON.stringify(actual[kind])}\n    want ${JSON.stringify(expected[kind])}`
    }
  }
  return undefined
}

function shape(
  { resultType, result }: { resultType: string; result: Json },
  order: Order,
): Map<string, Json> {
  if (resultType !== 'vector' && resultType !== 'matrix') return new Map([[resultType, result]])
  return new Map(
    (result as unknown as readonly Series[]).map(({ metric, ...samples }, i) => {
      const labels = Object.entries(metric).toSorted(([x], [y]) => (x < y ? -1 : 1))
      return [
        `${resultType}${order === 'series' ? ` ${i}` : ''} ${JSON.stringify(labels)}`,
        samples,
      ]
    }),
  )
}

/** Of series that are equal: whether their values come in another order. */
function differentOrder(actual: ApiAnswer, expected: ApiAnswer): string | undefined {
  const [got, want] = [actual, expected].map(({ data }) =>
    (data as { result: readonly { value?: readonly [number, string] }[] }).result.map(({ value }) =>
      String(Number(value?.[1])),
    ),
  )
  return show(got!) === show(want!) ? undefined : `order ${show(got!)}\n    want ${show(want!)}`
}

/** Goes over two JSON values of the same shape; strings that are floats may be apart, nothing else. */
class Distance {
  ulps = 0
  values = 0
  where = ''

  measure(a: Json, b: Json): boolean {
    if (Array.isArray(a) && Array.isArray(b)) {
      return (
        (a.length === b.length || this.#note(`${a.length} entries, want ${b.length}`)) &&
        b.every((one, i) => this.measure(a[i] as Json, one as Json))
      )
    }
    if (typeof a === 'string' && typeof b === 'string') return this.#float(a, b)
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
      return a === b || this.#note(`${show(a)}, want ${show(b)}`)
    }
    const names = (record: object): string => Object.keys(record).sort().join()
    if (names(a) !== names(b)) return this.#note(`${names(a)}, want ${names(b)}`)
    return Object.entries(b).every(([name, one]) =>
      this.measure((a as Readonly<Record<string, Json>>)[name]!, one),
    )
  }

  #float(a: string, b: string): boolean {
    this.values++
    if (a === b) return true
    const apart = ulpsApart(Number(a), Number(b))
    this.#note(`${a}, want ${b}`)
    if (!(apart < 2 ** 52)) return false
    this.ulps = Math.max(this.ulps, apart, 1)
    return true
  }

  #note(where: string): boolean {
    if (this.where === '') this.where = where
    return false
  }
}

const float = new Float64Array(1)
const bits = new BigInt64Array(float.buffer)

/** How many floats lie between; NaN where one is no finite number. */
export function ulpsApart(a: number, b: number): number {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return NaN
  const place = (value: number): bigint => {
    float[0] = value
    return bits[0]! < 0n ? -(bits[0]! & 0x7fffffffffffffffn) : bits[0]!
  }
  const distance = place(a) - place(b)
  return Number(distance < 0n ? -distance : distance)
}

function show(value: Json): string {
  const text = JSON.stringify(value)
  return text.length > 600 ? `${text.slice(0, 600)}…` : text
}

function different(detail: string): Verdict {
  return { type: 'different', detail }
}
