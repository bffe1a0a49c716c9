/** What a policy refuses, whatever else allows it: that of a bucket to everybody, that of somebody to them. Source: IAM's reference of condition operators. */
import { type Conditions, type Deed, isLike } from './allowance.ts'

/** Of a request, by the names that policies have for them; what is not known of it is not there. */
export type Circumstances = Readonly<Record<string, string>>

export interface Denial {
  readonly name: string
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  /** All of them hold where it refuses. */
  readonly conditions: readonly Condition[]
}

interface Condition {
  readonly operator: keyof typeof OPERATORS
  readonly key: string
  readonly value: string
}

export interface PolicyStatement {
  readonly Sid?: string
  readonly Effect: string
  readonly Principal?: unknown
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Conditions
}

/** A key that is not there fulfils no operator but Null. */
const OPERATORS = {
  Bool: (seen: string | undefined, wanted: string) => seen === wanted,
  Null: (seen: string | undefined, wanted: string) => (seen === undefined) === (wanted === 'true'),
  NumericLessThan: (seen: string | undefined, wanted: string) =>
    seen !== undefined && Number(seen) < Number(wanted),
}

/** What the gate knows of a request. */
const KEYS = new Set([
  'aws:SecureTransport',
  's3:TlsVersion',
  's3:if-none-match',
  's3:ObjectCreationOperation',
])

/** Throws where a statement is of another kind: what is not understood here must not pass for nothing. */
export function denialsOf(statements: readonly PolicyStatement[]): Denial[] {
  return statements.map((statement) => {
    const { Sid, Effect, Principal, Action, Resource, Condition: all = {}, ...rest } = statement
    const conditions = Object.entries(all).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, value]) => ({ operator, key, value: String(value) })),
    )
    const isKnown =
      Effect === 'Deny' &&
      (Principal === undefined || JSON.stringify(Principal) === '{"AWS":"*"}') &&
      Object.keys(rest).length === 0 &&
      conditions.every(({ operator, key }) => Object.hasOwn(OPERATORS, operator) && KEYS.has(key))
    if (!isKnown) throw new Error(`not understood: ${JSON.stringify(statement)}`)
    return {
      name: Sid ?? conditions.map(({ key }) => key).join(', '),
      actions: [Action].flat(),
      resources: [Resource].flat(),
      conditions: conditions as readonly Condition[],
    }
  })
}

/** The first that refuses it. */
export function denialOf(
  denials: readonly Denial[],
  { action, on }: Deed,
  circumstances: Circumstances,
): Denial | undefined {
  return denials.find(
    ({ actions, resources, conditions }) =>
      actions.some((pattern) => isLike(action, pattern)) &&
      resources.some((pattern) => isLike(on, pattern)) &&
      conditions.every(({ operator, key, value }) =>
        OPERATORS[operator](circumstances[key], value),
      ),
  )
}
