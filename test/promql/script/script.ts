/** The promqltest language: a text of load, clear and eval blocks → commands. */
import type { Labels } from '#lib/model/labels.ts'
import { parseDurationText, parseNumber, unquote } from '#lib/promql/parse/literals.ts'
import { parseMetricOf } from '#lib/promql/parse/series-description.ts'
import { expandSeries, type SeriesValue } from '#lib/promql/parse/series-values.ts'
import { expandStarts } from './start-times.ts'

export type Command = { readonly type: 'clear' } | LoadCommand | EvalCommand

export interface LoadedSeries {
  readonly labels: Labels
  readonly values: readonly (SeriesValue | undefined)[]
  /** Offsets of start timestamps in ms, relative to each sample. */
  readonly starts: readonly (number | undefined)[] | undefined
}

export interface LoadCommand {
  readonly type: 'load'
  readonly stepMs: number
  readonly withNhcb: boolean
  readonly series: readonly LoadedSeries[]
}

export type ExpectKind = 'ordered' | 'fail' | 'warn' | 'no_warn' | 'info' | 'no_info'

export interface Expectation {
  readonly kind: ExpectKind
  readonly matches: (text: string) => boolean
  readonly shown: string
}

export interface ExpectedSeries {
  readonly labels: Labels
  readonly values: readonly (SeriesValue | undefined)[]
}

export interface EvalCommand {
  readonly type: 'eval'
  readonly line: number
  readonly expr: string
  readonly range: boolean
  readonly startMs: number
  endMs: number
  stepMs: number
  /** An instant query whose result is a range vector: times of the expected values. */
  vectorRange: { startMs: number; stepMs: number; endMs: number } | undefined
  expectedString: string | undefined
  expectedScalar: number | undefined
  readonly expectations: Expectation[]
  readonly series: ExpectedSeries[]
}

/** Lines trimmed; a comment is an empty line, so it ends a block. */
export function parseScript(text: string): Command[] {
  const lines = text.split('\n').map((line) => {
    const trimmed = line.trim()
    return trimmed.startsWith('#') ? '' : trimmed
  })
  const commands: Command[] = []
  for (let i = 0; i < lines.length;) {
    const line = lines[i]!
    let end = i + 1
    if (line === '') {
      i++
      continue
    }
    while (end < lines.length && lines[end] !== '') end++
    const word = line.split(/\s/, 1)[0]!.toLowerCase()
    if (word === 'clear') {
      commands.push({ type: 'clear' })
      i++
      continue
    }
    try {
      if (word.startsWith('load')) commands.push(parseLoad(lines.slice(i, end)))
      else if (word.startsWith('eval')) commands.push(parseEval(lines.slice(i, end), i + 1))
      else throw new Error(`invalid command ${line}`)
    } catch (error) {
      throw new Error(`line ${i + 1}: ${line}`, { cause: error })
    }
    i = end
  }
  return commands
}

function parseLoad(lines: readonly string[]): LoadCommand {
  const match = /^load(_with_nhcb)?\s+(.+)$/.exec(lines[0]!)
  if (!match) throw new Error('invalid load')
  const series: LoadedSeries[] = []
  let starts: (number | undefined)[] | undefined
  for (const line of lines.slice(1)) {
    const { labels, rest, isStart } = parseLabels(line)
    if (isStart) starts = expandStarts(rest)
    else {
      series.push({ labels, values: expandSeries(rest), starts })
      starts = undefined
    }
  }
  return { type: 'load', stepMs: duration(match[2]!), withNhcb: match[1] !== undefined, series }
}

function parseEval(lines: readonly string[], line: number): EvalCommand {
  const instant = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$/.exec(
    lines[0]!,
  )
  const range =
    /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$/.exec(
      lines[0]!,
    )
  if (!instant && !range) throw new Error('invalid eval')
  const startMs = instant ? duration(instant[2] ?? '0s') : duration(range![2]!)
  const command: EvalCommand = {
    type: 'eval',
    line,
    expr: instant ? instant[3]! : range![5]!,
    range: !instant,
    startMs,
    endMs: instant ? startMs : duration(range![3]!),
    stepMs: instant ? 0 : duration(range![4]!),
    vectorRange: undefined,
    expectedString: undefined,
    expectedScalar: undefined,
    expectations: [],
    series: [],
  }
  const mode = instant ? instant[1] : range![1]
  if (mode) command.expectations.push(anything(mode as ExpectKind))
  for (const text of lines.slice(1)) parseExpected(command, text)
  return command
}

function anything(kind: ExpectKind): Expectation {
  return { kind, matches: () => true, shown: 'anything' }
}

function parseExpected(command: EvalCommand, text: string): void {
  const failure = /^expected_fail_(message|regexp)\s+(.*)$/.exec(text)
  if (failure) {
    command.expectations.push(
      expectation('fail', failure[1] === 'message' ? 'msg' : 'regex', failure[2]),
    )
    return
  }
  const vector = /^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$/.exec(text)
  if (vector) {
    command.vectorRange = {
      startMs: duration(vector[1]!),
      endMs: duration(vector[2]!),
      stepMs: duration(vector[3]!),
    }
    return
  }
  if (text.startsWith('expect string ')) {
    command.expectedString = unquote(text.slice('expect string '.length).trim())
    return
  }
  if (text.split(' ', 1)[0] === 'expect') {
    const match =
      /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$/.exec(text)
    if (!match) throw new Error(`invalid expect: ${text}`)
    command.expectations.push(expectation(match[1] as ExpectKind, match[2], match[3]))
    return
  }
  const number = scalarOf(text)
  if (number !== undefined) {
    command.expectedScalar = number
    return
  }
  const { labels, rest } = parseLabels(text)
  command.series.push({ labels, values: expandSeries(rest) })
}

function expectation(
  kind: ExpectKind,
  how: string | undefined,
  pattern: string | undefined,
): Expectation {
  if (how === undefined || pattern === undefined) return anything(kind)
  const wanted = pattern.trim()
  if (how === 'msg') return { kind, matches: (text) => text === wanted, shown: wanted }
  const regex = new RegExp(wanted, 'u')
  return { kind, matches: (text) => regex.test(text), shown: wanted }
}

function scalarOf(text: string): number | undefined {
  const match = /^([+-]?)(\S+)$/.exec(text)
  if (!match) return undefined
  const value = parseNumber(match[2]!)
  if (typeof value !== 'number') return undefined
  return match[1] === '-' ? -value : value
}

function duration(text: string): number {
  if (text === '0') return 0
  const ms = parseDurationText(text)
  if (typeof ms !== 'number') throw new Error(ms.error)
  return ms
}

/** `name{a="b"}` or `name{a="b"}@st`, then the rest of the line. */
function parseLabels(line: string): { labels: Labels; rest: string; isStart: boolean } {
  const { labels, end } = parseMetricOf(line)
  const isStart = line.startsWith('@st', end)
  return { labels, rest: line.slice(isStart ? end + 3 : end).trim(), isStart }
}
