/** A series with its values, as Prometheus's tests write it: `up{job="a"} 0 1+1x5 _ stale`. */
import { labelsFromPairs, METRIC_NAME, type Labels } from '#lib/model/labels.ts'
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

/** `name{a="b"}`, `{a="b"}` or `{"name"}`. Throws ParseError. */
export function parseMetric(text: string): Labels {
  const { labels, end } = parseMetricOf(text)
  const rest = new TokenStream(text.slice(end))
  rest.expect('end of input')
  return labels
}

/** The metric a text begins with, and where it ends. Throws ParseError. */
export function parseMetricOf(text: string): { readonly labels: Labels; readonly end: number } {
  const end = endOfMetric(text)
  const stream = new TokenStream(end < 0 ? text : text.slice(0, end))
  const { matchers } = parseSelector(stream)
  const other = matchers.find(({ type }) => type !== '=')
  if (other) stream.fail(text.indexOf(other.type), `unexpected "${other.type}" in label set`)
  stream.expect('end of input')
  const pairs = matchers.map(({ name, value }): [string, string] => [name, value])
  // A name before the braces comes last.
  if (pairs.filter(([name]) => name === METRIC_NAME).length > 1) {
    stream.fail(0, 'metric name must not be set twice')
  }
  return { labels: labelsFromPairs(pairs), end }
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
