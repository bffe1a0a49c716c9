/** A series with its values, as Prometheus's tests write it: `up{job="a"} 0 1+1x5 _ stale`. */
import { EMPTY_LABELS, labelsFromPairs, type Labels } from '#lib/model/labels.ts'
import { ParseError } from './parse-error.ts'
import { parseSelector } from './selector.ts'
import { expandSeries, type SeriesValue } from './series-values.ts'
import { TokenStream } from './token-stream.ts'

export interface SeriesDescription {
  readonly labels: Labels
  /** One entry per sample, undefined for a gap. */
  readonly values: readonly (SeriesValue | undefined)[]
}

/** Throws ParseError. */
export function parseSeriesDescription(text: string): SeriesDescription {
  const { labels, end } = parseMetricOf(text)
  return { labels, values: expandSeries(text, end) }
}

/** `name{a="b"}`, `{a="b"}` or `{"name"}`; an empty text has no labels. Throws ParseError. */
export function parseMetric(text: string): Labels {
  if (text.trim() === '') return EMPTY_LABELS
  const { labels, end } = parseMetricOf(text)
  const rest = new TokenStream(text.slice(end))
  rest.expect('end of input')
  return labels
}

/** The metric a text begins with, and where it ends. Throws ParseError. */
export function parseMetricOf(text: string): { readonly labels: Labels; readonly end: number } {
  const end = endOfMetric(text)
  const stream = new TokenStream(end < 0 ? text : text.slice(0, end))
  const { matchers } = metricMatchers(stream)
  const other = matchers.find(({ type }) => type !== '=')
  if (other) {
    const at = text.indexOf(other.type)
    stream.fail(at, `unexpected <op:${other.type}> in label set, expected "="`)
  }
  stream.expect('end of input')
  const pairs = matchers.map(({ name, value }): [string, string] => [name, value])
  return { labels: labelsFromPairs(pairs), end }
}

/** A metric has labels, where a selector has matchers: so the words for what is wrong with it are others. */
function metricMatchers(stream: TokenStream): ReturnType<typeof parseSelector> {
  if (stream.kind() === 'number') stream.unexpected(['series values', ''])
  try {
    return parseSelector(stream)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    return stream.fail(error.position, error.reason.replace('in label matching', 'in label set'))
  }
}

const NAME = /^\s*[a-zA-Z_:][a-zA-Z0-9_:]*/
const BRACES = /^\s*\{(?!\{)(?:[^"'`}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*\}/s

/** -1 where braces are left open. */
function endOfMetric(text: string): number {
  const name = NAME.exec(text)?.[0] ?? ''
  const rest = text.slice(name.length)
  const braces = BRACES.exec(rest)?.[0]
  if (braces !== undefined) return name.length + braces.length
  return name === '' || /^\s*\{(?!\{)/.test(rest) ? -1 : name.length
}
