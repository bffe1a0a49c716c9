/** Matchers over external labels as Thanos's --matcher has them: `cluster="eu",replica=~"a|b"`, in braces or not, quoted or not. */
import { DomainError } from '#lib/model/errors.ts'
import { type Labels, labelValue } from '#lib/model/labels.ts'
import type { Matcher, MatchType } from '#lib/model/matcher.ts'
import { unquote } from '#lib/promql/parse/literals.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'

const ONE = /\s*([a-zA-Z_][\w.]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^\s"',{}]*)\s*(,|$)/y

/** '' matches everything. Throws `invalid`. */
export function labelMatch(text: string): (labels: Labels) => boolean {
  const compiled = matchersOf(text).map(compileMatcher)
  return (labels) => compiled.every(({ name, matches }) => matches(labelValue(labels, name)))
}

function matchersOf(text: string): Matcher[] {
  const inner = text.trim().replace(/^\{(.*)\}$/s, '$1')
  const matchers: Matcher[] = []
  ONE.lastIndex = 0
  while (ONE.lastIndex < inner.trimEnd().length) {
    const match = ONE.exec(inner)
    if (match === null) {
      throw new DomainError(
        'invalid',
        `--matcher: write matchers such as 'cluster="eu",replica=~"a|b"'`,
      )
    }
    const [, name, type, value] = match
    matchers.push({
      name: name!,
      type: type as MatchType,
      value: value!.startsWith('"') ? unquote(value!) : value!,
    })
  }
  return matchers
}
