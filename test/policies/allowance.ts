/** What somebody may do on AWS, as pairs of an action and a pattern of resources: all that our policies are made of. */

export interface Allowance {
  readonly action: string
  /** An ARN in which `*` is anything and `?` one character. */
  readonly on: string
}

/** One request, or part of one. */
export interface Deed {
  readonly action: string
  /** The ARN. */
  readonly on: string
}

/** By operator, then by key. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, string | number>>>>

export interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Conditions
  readonly Sid?: string
}

/** Throws where a statement is more than a pair: what is not understood here must not pass for nothing. */
export function allowancesOf(statements: readonly Statement[]): Allowance[] {
  return statements.flatMap((statement) => {
    const { Effect, Action, Resource, Sid: _, ...rest } = statement
    if (Effect !== 'Allow' || Object.keys(rest).length > 0) {
      throw new Error(`a statement that is not understood: ${JSON.stringify(statement)}`)
    }
    return [Action].flat().flatMap((action) => [Resource].flat().map((on) => ({ action, on })))
  })
}

/** For whoever takes policies as JSON. */
export function policyDocument(allowances: readonly Allowance[]): string {
  const Statement = allowances.map(({ action, on }) => ({
    Effect: 'Allow',
    Action: action,
    Resource: on,
  }))
  return JSON.stringify({ Version: '2012-10-17', Statement })
}

export function covers({ action, on }: Allowance, deed: Deed): boolean {
  return isLike(deed.action, action) && isLike(deed.on, on)
}

/** IAM's patterns. */
export function isLike(text: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text)
}

type ByName<T> = ReadonlyMap<string, readonly T[]>

/** Both ways, one line each. */
export function compare(granted: ByName<Allowance>, done: ByName<Deed>): string[] {
  return [...notAllowed(granted, done), ...neverDone(granted, done)].toSorted()
}

/** What was done and is not allowed. */
export function notAllowed(granted: ByName<Allowance>, done: ByName<Deed>): string[] {
  return [...done].flatMap(([who, deeds]) => {
    const allowances = granted.get(who) ?? []
    return deeds
      .filter((deed) => !allowances.some((allowance) => covers(allowance, deed)))
      .map(({ action, on }) => `${who} does ${action} on ${on}, and is not allowed to`)
  })
}

/** What is allowed and was not done. */
export function neverDone(granted: ByName<Allowance>, done: ByName<Deed>): string[] {
  return [...granted].flatMap(([who, allowances]) => {
    const deeds = done.get(who) ?? []
    return allowances
      .filter((allowance) => !deeds.some((deed) => covers(allowance, deed)))
      .map(({ action, on }) => `${who} may ${action} on ${on}, and never does`)
  })
}
