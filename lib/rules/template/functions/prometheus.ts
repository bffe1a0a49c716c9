/** The functions that Prometheus adds to Go's. */
import { compileSearch, isCompiled, type Search } from '#lib/regex/search.ts'
import { DomainError } from '#lib/model/errors.ts'
import { parseDurationText } from '#lib/promql/parse/literals.ts'
import { quote, canBackquote } from '../value/quote.ts'
import { durationPointer } from '../time/duration.ts'
import { timeFunctions } from '../time/functions.ts'
import { fromAnyBytes, fromBytes, invalidAt, toAnyBytes, toBytes } from '../value/bytes.ts'
import {
  ANY,
  ANY_MAP,
  GoError,
  STRING,
  bool,
  boxed,
  float,
  string,
  type Callable,
  type GoType,
  type Value,
} from '../value/value.ts'
import { fn, text } from './callable.ts'
import { escapeQuery } from './escape.ts'
import { stripDomain, stripPort } from './host-port.ts'
import { HUMANIZE_FUNCTIONS, toFloat, toInt64 } from './humanize.ts'
import { title, toLower, toUpper } from './letters.ts'
import { SAMPLE_FUNCTIONS } from './samples.ts'

/** Prometheus's mark of text that needs no escaping, which only its consoles look at. */
const HTML: GoType = { kind: 'string', name: 'template.HTML' }

function ofText(change: (bytes: string) => string): Callable {
  return fn([STRING], (value) => string(change(text(value))))
}

function graphLink(tab: number): (bytes: string) => string {
  return (expr) => `/graph?g0.expr=${escapeQuery(expr)}&g0.tab=${tab}`
}

/** Throws DomainError. */
function searchFor(pattern: string): Search {
  const wrong = invalidAt(pattern)
  if (wrong < 0) return compileSearch(fromBytes(pattern))
  const rest = fromBytes(pattern.slice(wrong))
  throw new DomainError('invalid', `error parsing regexp: invalid UTF-8: \`${rest}\``)
}

/** Reading the pattern, where it is new, and each of its characters against each of the text. */
function searchSteps(pattern: Value, value: Value): number {
  const { length } = text(pattern)
  const reading = isCompiled(fromBytes(text(pattern))) ? 0 : 500 + 8 * length
  return reading + ((length * text(value).length) >> 5)
}

function matches(pattern: Value, value: Value): Value {
  try {
    return bool(searchFor(text(pattern)).test(fromBytes(text(value))))
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new GoError(toBytes(error.message))
  }
}

function reReplaceAll(pattern: Value, replacement: Value, value: Value): Value {
  try {
    const search = searchFor(text(pattern))
    return string(
      toAnyBytes(search.replaceAll(fromAnyBytes(text(value)), fromAnyBytes(text(replacement)))),
    )
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    const bytes = text(pattern)
    const shown = canBackquote(bytes) ? `\`${bytes}\`` : quote(bytes)
    throw new GoError(`regexp: Compile(${shown}): ${toBytes(error.message)}`)
  }
}

/** Prometheus's notation, with a minus before it; in seconds. */
function parseDuration(value: Value): Value {
  const negative = text(value).startsWith('-')
  const bytes = negative ? text(value).slice(1) : text(value)
  if (bytes === '') throw new GoError('empty duration string')
  const ms = bytes === '0' ? 0 : parseDurationText(fromBytes(bytes))
  if (typeof ms !== 'number') {
    const valid = invalidAt(bytes) < 0
    throw new GoError(valid ? toBytes(ms.error) : `not a valid duration string: ${quote(bytes)}`)
  }
  const seconds = (ms * 1e6) / 1e9
  return float(negative && seconds !== 0 ? -seconds : seconds)
}

function args(...values: Value[]): Value {
  const named = values.map((value, i): [string, Value] => [`arg${i}`, boxed(value)])
  return { type: ANY_MAP, data: new Map(named) }
}

export const FIXED_FUNCTIONS: ReadonlyMap<string, Callable> = new Map([
  ...SAMPLE_FUNCTIONS,
  ...HUMANIZE_FUNCTIONS,
  ...timeFunctions,
  ['toDuration', fn([ANY], (value) => durationPointer(toInt64(toFloat(value) * 1e9)))],
  ['parseDuration', fn([STRING], (value) => parseDuration(value))],
  ['title', ofText(title)],
  ['toUpper', ofText(toUpper)],
  ['toLower', ofText(toLower)],
  ['stripPort', ofText(stripPort)],
  ['stripDomain', ofText(stripDomain)],
  ['graphLink', ofText(graphLink(0))],
  ['tableLink', ofText(graphLink(1))],
  ['urlQueryEscape', ofText(escapeQuery)],
  ['safeHtml', fn([STRING], (value) => ({ type: HTML, data: text(value) }))],
  ['match', fn([STRING, STRING], matches, { steps: (by, value) => searchSteps(by!, value!) })],
  [
    'reReplaceAll',
    fn([STRING, STRING, STRING], reReplaceAll, {
      steps: (by, _, value) => searchSteps(by!, value!),
    }),
  ],
  ['args', fn([ANY], args, { variadic: true })],
])

/** Those that hang on the evaluation. */
export function evaluationFunctions(options: {
  readonly timeMs: number
  readonly externalUrl: string
}): ReadonlyMap<string, Callable> {
  const { timeMs, externalUrl } = options
  return new Map([
    ['now', fn([], () => float(timeMs / 1000))],
    ['externalURL', fn([], () => string(toBytes(externalUrl)))],
    ['pathPrefix', fn([], () => string(toBytes(pathOf(externalUrl))))],
  ])
}

function pathOf(url: string): string {
  const path = /^[^:/?#]+:\/\/[^/?#]*([^?#]*)/.exec(url)?.[1] ?? ''
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
