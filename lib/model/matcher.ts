/** One label matcher of a selector, as data. Matching is in `lib/regex`, which knows RE2. */

export type MatchType = '=' | '!=' | '=~' | '!~'

export interface Matcher {
  readonly type: MatchType
  readonly name: string
  /** The string, or for `=~` and `!~` the RE2 pattern, fully anchored when used. */
  readonly value: string
}
