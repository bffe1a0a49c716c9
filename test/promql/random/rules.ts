/** Where two right answers may differ, each with its reason. */

/** How far apart floats may be where a rule says that they may be. */
export const MAX_ULPS = 4

export interface Rule {
  readonly name: string
  readonly reason: string
  readonly applies: (query: string) => boolean
}

/** Functions of Go's math package that are no more exact than the platform makes them. */
export const LAST_BIT_RULES: readonly Rule[] = []

export function lastBitRule(query: string): Rule | undefined {
  return LAST_BIT_RULES.find(({ applies }) => applies(query))
}
