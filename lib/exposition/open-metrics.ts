/** Reads OpenMetrics text line by line, as Prometheus's parser reads it: samples come out, exemplars are checked and left. */
import { DomainError } from '#lib/model/errors.ts'
import { formatGeneral } from '#lib/model/go-float.ts'
import { type Labels, labelsFromPairs, METRIC_NAME } from '#lib/model/labels.ts'
import { parseGoFloat } from '#lib/model/parse-go-float.ts'

const TYPES = new Set([
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
  'unknown',
])

export interface OpenMetricsSample {
  /** The same array for each sample of a series, as long as the type does not change and the series is remembered. */
  readonly labels: Labels
  readonly value: number
  /** Undefined where the line has none. */
  readonly timestampMs: number | undefined
}

const META = /^# (HELP|TYPE|UNIT) ("(?:\\.|[^\\"])*"|[a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s
const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y
const QUOTED = /"((?:\\.|[^\\"])*)"/y
/** Series whose labels are remembered, so that a line of a known one is not taken apart. */
const MAX_REMEMBERED = 100_000

/** `line` is called for each line, without its end; `end` when there are no more. */
export class OpenMetricsParser {
  /** Of the line that was read last, from 1. */
  lineNumber = 0
  #type = 'unknown'
  #isEnd = false
  #remembered = new Map<string, Labels>()

  /** Undefined for a line without a sample. Throws `invalid` with the number of the line. */
  line(text: string): OpenMetricsSample | undefined {
    this.lineNumber++
    if (this.#isEnd) throw this.#error('there is something behind # EOF')
    if (text.charCodeAt(0) !== 0x23 /* # */) return this.#sample(text)
    if (text === '# EOF') this.#isEnd = true
    else this.#meta(text)
    return undefined
  }

  end(): void {
    if (this.#isEnd) return
    this.lineNumber++
    throw this.#error('the text does not end with # EOF')
  }

  #meta(text: string): void {
    const match = META.exec(text)
    if (match === null) {
      throw this.#error('a comment is # HELP, # TYPE or # UNIT, a name and a text, or # EOF')
    }
    const [, kind, quoted, words] = match
    if (kind === 'TYPE') {
      if (!TYPES.has(words!)) throw this.#error(`there is no type ${JSON.stringify(words)}`)
      if (words !== this.#type) this.#remembered.clear()
      this.#type = words!
    }
    const name = quoted!.startsWith('"') ? quoted!.slice(1, -1) : quoted!
    if (kind === 'UNIT' && words !== '' && !name.endsWith(`_${words}`)) {
      throw this.#error(`the unit ${words} does not end the name ${name}`)
    }
  }

  #sample(text: string): OpenMetricsSample {
    const end = endOfSeries(text)
    const series = text.slice(0, end)
    let labels = this.#remembered.get(series)
    if (!labels) {
      labels = this.#labels(series)
      if (this.#remembered.size === MAX_REMEMBERED) this.#remembered.clear()
      this.#remembered.set(series, labels)
    }
    const exemplar = text.indexOf(' # {', end)
    const words = text.slice(end, exemplar < 0 ? undefined : exemplar)
    if (exemplar >= 0) this.#exemplar(text.slice(exemplar + 3))
    return { labels, ...this.#numbers(words, 'a sample') }
  }

  /** ` value` or ` value timestamp`. */
  #numbers(
    words: string,
    what: string,
  ): { readonly value: number; readonly timestampMs: number | undefined } {
    const parts = words.split(' ')
    if (parts.length < 2 || parts.length > 3 || parts[0] !== '' || parts.includes('', 1)) {
      throw this.#error(`${what} is a value and a timestamp, with one space before each`)
    }
    const [, valueText, timeText] = parts
    const value = parseGoFloat(valueText!)
    if (value === undefined) throw this.#error(`${JSON.stringify(valueText)} is no number`)
    if (timeText === undefined) return { value, timestampMs: undefined }
    const seconds = parseGoFloat(timeText)
    if (seconds === undefined || !Number.isFinite(seconds)) {
      throw this.#error(`${JSON.stringify(timeText)} is no timestamp`)
    }
    return { value, timestampMs: Math.trunc(seconds * 1000) }
  }

  /** `{labels} value` or `{labels} value timestamp`. */
  #exemplar(text: string): void {
    const { end } = this.#pairs(text, 0, false)
    this.#numbers(text.slice(end), 'an exemplar')
  }

  #labels(series: string): Labels {
    NAME.lastIndex = 0
    const named = NAME.exec(series)?.[0]
    const pairs: [string, string][] = named === undefined ? [] : [[METRIC_NAME, named]]
    const from = named?.length ?? 0
    if (from < series.length || named === undefined) {
      const read = this.#pairs(series, from, named === undefined)
      pairs.push(...read.pairs)
      if (read.end < series.length) throw this.#error('there is something behind the labels')
    }
    const names = new Set(pairs.map(([name]) => name))
    if (!names.has(METRIC_NAME)) throw this.#error('a series has no name')
    if (names.size < pairs.length) throw this.#error('a label comes twice')
    const labels = labelsFromPairs(pairs)
    if (labels.length === 0) throw this.#error('a series has no labels')
    return labels
  }

  /** From the brace on. `mayName`: one of them may be a quoted metric name. */
  #pairs(text: string, from: number, mayName: boolean): { pairs: [string, string][]; end: number } {
    if (text[from] !== '{') throw this.#error('a line begins with a name, or with {')
    const pairs: [string, string][] = []
    let named = !mayName
    let at = from + 1
    while (text[at] !== '}') {
      const quoted = matchAt(QUOTED, text, at)
      const bare = quoted ? undefined : matchAt(LABEL_NAME, text, at)
      if (!quoted && !bare) throw this.#error(`a label name is expected at ${excerpt(text, at)}`)
      at += (quoted ?? bare)![0].length
      const name = quoted ? unescaped(quoted[1]!) : bare![0]
      if (quoted && (text[at] === ',' || text[at] === '}')) {
        if (named) throw this.#error('a series has two names')
        pairs.push([METRIC_NAME, name])
        named = true
      } else {
        const value = text[at] === '=' ? matchAt(QUOTED, text, at + 1) : null
        if (!value) throw this.#error(`="value" is expected at ${excerpt(text, at)}`)
        at += 1 + value[0].length
        pairs.push([name, this.#value(name, unescaped(value[1]!))])
      }
      if (text[at] === ',') at++
      else if (text[at] !== '}') throw this.#error(`, or } is expected at ${excerpt(text, at)}`)
    }
    return { pairs, end: at + 1 }
  }

  /** Bounds are written in one way, so that `le="1"` and `le="1.0"` are one series. */
  #value(name: string, value: string): string {
    const isBound =
      (name === 'le' && this.#type === 'histogram') ||
      (name === 'quantile' && this.#type === 'summary')
    const bound = isBound ? parseGoFloat(value) : undefined
    return bound === undefined ? value : boundText(bound)
  }

  #error(message: string): DomainError {
    return new DomainError('invalid', `line ${this.lineNumber}: ${message}`)
  }
}

/** Behind the name, or the brace that closes the labels. */
function endOfSeries(text: string): number {
  const space = text.indexOf(' ')
  const brace = text.indexOf('{')
  if (brace < 0 || (space >= 0 && space < brace)) return space < 0 ? text.length : space
  let isQuoted = false
  for (let at = brace + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x5c /* \ */ && isQuoted) at++
    else if (code === 0x22 /* " */) isQuoted = !isQuoted
    else if (code === 0x7d /* } */ && !isQuoted) return at + 1
  }
  return text.length
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** Another character behind a backslash stays, and so does the backslash. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\(["\\n])/g, (_, char: string) => (char === 'n' ? '\n' : char))
}

function boundText(bound: number): string {
  if (Number.isNaN(bound)) return 'NaN'
  if (!Number.isFinite(bound)) return bound > 0 ? '+Inf' : '-Inf'
  const text = Object.is(bound, -0) ? '-0' : formatGeneral(bound)
  return /[e.]/.test(text) ? text : `${text}.0`
}

function excerpt(text: string, at: number): string {
  return at < text.length ? JSON.stringify(text.slice(at, at + 20)) : 'the end of the line'
}
