/** `name{label="value", …}`: vector selectors without their modifiers. */
import { DomainError } from '#lib/model/errors.ts'
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { Matcher, MatchType } from '#lib/model/matcher.ts'
import { compileRegex } from '#lib/regex/regex.ts'
import { ZERO_DURATION } from './ast.ts'
import type { VectorSelector } from './ast.ts'
import { unquote } from './literals.ts'
import type { Token } from './token.ts'
import { METRIC_NAMES } from './token.ts'
import type { TokenStream } from './token-stream.ts'

const MATCH_TYPES: ReadonlySet<string> = new Set(['=', '!=', '=~', '!~'])

/** From its first token, a name or a brace. */
export function parseSelector(stream: TokenStream): VectorSelector {
  if (stream.kind() === '{') return parseMatchers(stream, undefined)
  if (!METRIC_NAMES.has(stream.kind())) return stream.unexpected()
  return selectorOf(stream, stream.take())
}

/** The name is taken already; the braces may follow. */
export function selectorOf(stream: TokenStream, name: Token): VectorSelector {
  if (stream.kind() === '{') return parseMatchers(stream, name)
  return build(name, [], name.start, name.end)
}

function parseMatchers(stream: TokenStream, name: Token | undefined): VectorSelector {
  const open = stream.take()
  const matchers: Matcher[] = []
  let close = stream.takeIf('}')
  while (close === undefined) {
    matchers.push(parseMatcher(stream))
    const comma = stream.takeIf(',')
    close = stream.takeIf('}')
    if (close === undefined && comma === undefined) {
      return stream.unexpected(['label matching', '"," or "}"'])
    }
  }
  return build(name, matchers, name?.start ?? open.start, close.end)
}

function build(
  name: Token | undefined,
  matchers: Matcher[],
  start: number,
  end: number,
): VectorSelector {
  if (name !== undefined) matchers.push({ type: '=', name: METRIC_NAME, value: name.text })
  return {
    type: 'vector',
    name: name?.text ?? '',
    matchers,
    offset: ZERO_DURATION,
    at: undefined,
    anchored: false,
    smoothed: false,
    position: { start, end },
  }
}

function parseMatcher(stream: TokenStream): Matcher {
  const label = stream.peek()
  if (label.kind !== 'identifier' && label.kind !== 'string') {
    return stream.unexpected(['label matching', 'identifier or "}"'])
  }
  stream.take()
  const quoted = label.kind === 'string'
  const name = quoted ? unquote(label.text) : label.text
  if (!MATCH_TYPES.has(stream.kind())) {
    if (quoted) return { type: '=', name: METRIC_NAME, value: name }
    return stream.unexpected(['label matching', 'label matching operator'])
  }
  const type = stream.take().kind as MatchType
  if (stream.kind() !== 'string') return stream.unexpected(['label matching', 'string'])
  const value = unquote(stream.take().text)
  if (type === '=~' || type === '!~') {
    try {
      compileRegex(value)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      stream.fail(label.start, error.message, error)
    }
  }
  return { type, name, value }
}
