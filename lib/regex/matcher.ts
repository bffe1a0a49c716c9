/** Label matchers made ready to test values. */
import type { Matcher, MatchType } from '#lib/model/matcher.ts'
import { compileRegex } from './regex.ts'

export interface CompiledMatcher {
  readonly name: string
  readonly type: MatchType
  /** The string or pattern as written. */
  readonly value: string
  /** Whether a series with this value of the label is selected; '' is a series without it. */
  readonly matches: (value: string) => boolean
  readonly matchesEmpty: boolean
  /** Of `=` and `=~`: the only values selected. Of `!=` and `!~`: the only values refused. */
  readonly literals?: readonly string[] | undefined
  /** Of `=` and `=~`: what every selected value begins with. Of the others, ''. */
  readonly prefix: string
}

/** Throws DomainError 'invalid' for a pattern that is not RE2. */
export function compileMatcher(matcher: Matcher): CompiledMatcher {
  const { name, type, value } = matcher
  switch (type) {
    case '=':
      return {
        name,
        type,
        value,
        matches: (text) => text === value,
        matchesEmpty: value === '',
        literals: [value],
        prefix: value,
      }
    case '!=':
      return {
        name,
        type,
        value,
        matches: (text) => text !== value,
        matchesEmpty: value !== '',
        literals: [value],
        prefix: '',
      }
    case '=~': {
      const regex = compileRegex(value)
      return {
        name,
        type,
        value,
        matches: regex.test,
        matchesEmpty: regex.test(''),
        literals: regex.literals,
        prefix: regex.prefix,
      }
    }
    case '!~': {
      const regex = compileRegex(value)
      return {
        name,
        type,
        value,
        matches: (text) => !regex.test(text),
        matchesEmpty: !regex.test(''),
        literals: regex.literals,
        prefix: '',
      }
    }
    default:
      return type satisfies never
  }
}
