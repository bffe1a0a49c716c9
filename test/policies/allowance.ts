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

export interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: unknown
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

/** Both ways: what was done and is not allowed, and what is allowed and was not done. Sorted, one line each. */
export function compare(
  granted: ReadonlyMap<string, readonly Allowance[]>,
  done: ReadonlyMap<string, readonly Deed[]>,
): string[] {
  const lines = new Set<string>()
  for (const who of new Set([...granted.keys(), ...done.keys()])) {
    const allowances = granted.get(who) ?? []
    const deeds = done.get(who) ?? []
    for (const deed of deeds) {
      if (!allowances.some((allowance) => covers(allowance, deed))) {
        lines.add(`${who} does ${deed.action} on ${deed.on}, and is not allowed to`)
      }
    }
    for (const allowance of allowances) {
      if (!deeds.some((deed) => covers(allowance, deed))) {
        lines.add(`${who} may ${allowance.action} on ${allowance.on}, and never does`)
      }
    }
  }
  return [...lines].toSorted()
}
