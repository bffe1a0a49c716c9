/** The answer of query and query_range as JSON, from columns to bytes in one pass. */
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import { formatPlain } from '#lib/model/go-float.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import {
  FLOAT,
  HISTOGRAM,
  type QueryOutcome,
  type RawSeries,
  type StepGrid,
  type StepSeries,
} from '#lib/promql/result.ts'
import { JsonBytes, NUMBER_ROOM, quoteJson, stringifyJson } from './json-bytes.ts'
import { pointPrefixes, type Prefixes } from './point-prefixes.ts'
import { writeHistogram } from './write-histogram.ts'
import { writeLabels, writeStrings } from './write-labels.ts'

export interface AnswerForm {
  /** Of query_range: every type becomes a matrix. */
  readonly range: boolean
  /** At most this many series, 0 for all. */
  readonly limit: number
  /** Written as it is, where the client asked for it. */
  readonly stats?: unknown
  /** The same. */
  readonly analysis?: unknown
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
  /** Of a piece: of the answer where that is one. */
  readonly maxBytes: number
  /** Whole series make a piece of at least so many bytes; absent: all of them make one. */
  readonly pieceBytes?: number | undefined
}

const COMMA = 0x2c
const OPEN_LIST = 0x5b

/** Bytes that a float and what is around it take in most answers. */
const USUAL_NUMBER = 20

/** Samples between two checks of the room left. */
const SAMPLES_AT_ONCE = 512

/** Whether `limit` cuts series off, which the answer has to say in its warnings. */
export function isTruncated(outcome: QueryOutcome, limit: number): boolean {
  const { value } = outcome
  if (limit === 0) return false
  return (value.type === 'vector' || value.type === 'matrix') && value.series.length > limit
}

type Piece = Uint8Array<ArrayBuffer>

export function* writeQueryAnswer(outcome: QueryOutcome, form: AnswerForm): Generator<Piece> {
  const out = new JsonBytes(form.maxBytes)
  out.ascii('{"status":"success","data":{')
  yield* writeResult(out, outcome, form)
  if (form.stats !== undefined) {
    out.ascii(',"stats":')
    out.append(Buffer.from(stringifyJson(form.stats)))
  }
  if (form.analysis !== undefined) {
    out.ascii(',"analysis":')
    out.append(Buffer.from(stringifyJson(form.analysis)))
  }
  out.ascii('}')
  writeStrings(out, 'warnings', form.warnings)
  writeStrings(out, 'infos', form.infos)
  out.ascii('}')
  yield out.bytes()
}

function* writeResult(out: JsonBytes, outcome: QueryOutcome, form: AnswerForm): Generator<Piece> {
  const { value, grid } = outcome
  const { limit, pieceBytes = Infinity } = form
  const cut = { limit, pieceBytes }
  switch (value.type) {
    case 'string':
      out.ascii(`"resultType":"string","result":[${grid.startMs / 1000},`)
      out.append(Buffer.from(quoteJson(value.value)))
      out.ascii(']')
      return
    case 'scalar':
      if (form.range) {
        const presence = new Uint8Array(grid.stepCount).fill(FLOAT)
        const series = [{ labels: [], values: value.values, presence }]
        yield* writeMatrix(out, grid, series, { limit: 1, pieceBytes })
        return
      }
      out.ascii(`"resultType":"scalar","result":[${grid.startMs / 1000},"`)
      out.ascii(formatPlain(value.values[0]!))
      out.ascii('"]')
      return
    case 'vector':
      if (form.range) yield* writeMatrix(out, grid, sortedByLabels(value.series), cut)
      else yield* writeVector(out, grid, value.series, cut)
      return
    case 'matrix':
      yield* writeRawMatrix(out, sortedByLabels(value.series), cut)
      return
    default:
      return value satisfies never
  }
}

interface Cut {
  readonly limit: number
  readonly pieceBytes: number
}

/** Order is the engine's: sort() and topk() mean theirs. */
function* writeVector(
  out: JsonBytes,
  grid: StepGrid,
  series: readonly StepSeries[],
  { limit, pieceBytes }: Cut,
): Generator<Piece> {
  out.ascii('"resultType":"vector","result":[')
  let written = 0
  for (const { labels, values, presence, histograms } of series) {
    const histogram = presence[0] === HISTOGRAM ? histograms?.at(0) : undefined
    if (presence[0] !== FLOAT && histogram === undefined) continue
    if (limit > 0 && written === limit) break
    if (written++ > 0) out.ascii(',')
    out.ascii('{"metric":')
    writeLabels(out, labels)
    if (histogram === undefined) {
      out.ascii(',"value":')
      out.reserve(2 * NUMBER_ROOM)
      out.rawPoint(grid.startMs, values[0]!)
    } else {
      out.ascii(',"histogram":[')
      writeTimestamp(out, grid.startMs)
      out.ascii(',')
      writeHistogram(out, histogram)
      out.ascii(']')
    }
    out.ascii('}')
    if (out.length >= pieceBytes) yield out.take()
  }
  out.ascii(']')
}

function* writeMatrix(
  out: JsonBytes,
  grid: StepGrid,
  series: readonly StepSeries[],
  { limit, pieceBytes }: Cut,
): Generator<Piece> {
  out.ascii('"resultType":"matrix","result":[')
  const prefixes = pointPrefixes(grid.stepCount, (step) => grid.startMs + step * grid.stepMs)
  const bytesOfSeries = grid.stepCount * (4 * prefixes.stride + USUAL_NUMBER)
  out.expect(Math.min(series.length * bytesOfSeries, pieceBytes + bytesOfSeries))
  let written = 0
  for (const one of series) {
    if (limit > 0 && written === limit) break
    if (written > 0) out.ascii(',')
    const before = out.length
    out.ascii('{"metric":')
    writeLabels(out, one.labels)
    const labelsEnd = out.length
    writeStepValues(out, grid.stepCount, prefixes, one)
    writeStepHistograms(out, grid, one)
    if (out.length === labelsEnd) {
      // No step is present: the series is not part of the answer.
      out.length = written > 0 ? before - 1 : before
      continue
    }
    out.ascii('}')
    written++
    if (out.length >= pieceBytes) yield out.take()
  }
  out.ascii(']')
}

function writeStepValues(
  out: JsonBytes,
  stepCount: number,
  prefixes: Prefixes,
  { values, presence }: StepSeries,
): void {
  let open = false
  for (let start = 0; start < stepCount; start += SAMPLES_AT_ONCE) {
    const end = Math.min(stepCount, start + SAMPLES_AT_ONCE)
    out.reserve((end - start) * (4 * prefixes.stride + NUMBER_ROOM) + 16)
    for (let step = start; step < end; step++) {
      if (presence[step] !== FLOAT) continue
      if (open) {
        out.rawPointAfter(prefixes, step, values[step]!)
        continue
      }
      out.rawAscii(',"values":')
      const first = out.length
      out.rawPointAfter(prefixes, step, values[step]!)
      // In place of the comma.
      out.replace(first, OPEN_LIST)
      open = true
    }
  }
  if (open) out.ascii(']')
}

function writeStepHistograms(out: JsonBytes, grid: StepGrid, series: StepSeries): void {
  const { presence, histograms } = series
  if (histograms === undefined) return
  let open = false
  for (let step = 0; step < grid.stepCount; step++) {
    const histogram = presence[step] === HISTOGRAM ? histograms.at(step) : undefined
    if (histogram === undefined) continue
    out.ascii(open ? ',[' : ',"histograms":[[')
    open = true
    writeTimestamp(out, grid.startMs + step * grid.stepMs)
    out.ascii(',')
    writeHistogram(out, histogram)
    out.ascii(']')
  }
  if (open) out.ascii(']')
}

function* writeRawMatrix(
  out: JsonBytes,
  series: readonly RawSeries[],
  { limit, pieceBytes }: Cut,
): Generator<Piece> {
  out.ascii('"resultType":"matrix","result":[')
  const end = limit > 0 ? Math.min(limit, series.length) : series.length
  for (let i = 0; i < end; i++) {
    const { labels, samples } = series[i]!
    out.ascii(i > 0 ? ',{"metric":' : '{"metric":')
    writeLabels(out, labels)
    writeSamples(out, samples)
    out.ascii('}')
    if (out.length >= pieceBytes) yield out.take()
  }
  out.ascii(']')
}

function writeSamples(out: JsonBytes, samples: SampleColumns): void {
  const { length, timestamps, values, histograms } = samples
  let open = false
  for (let i = 0; i < length; i++) {
    if (histograms?.layouts[i] !== undefined) continue
    if (!open) out.ascii(',"values":')
    out.reserve(2 * NUMBER_ROOM)
    out.rawByte(open ? COMMA : OPEN_LIST)
    open = true
    out.rawPoint(timestamps[i]!, values[i]!)
  }
  if (open) out.ascii(']')
  if (histograms === undefined) return
  open = false
  for (let i = 0; i < length; i++) {
    const histogram = histograms.at(i)
    if (histogram === undefined) continue
    out.ascii(open ? ',[' : ',"histograms":[[')
    open = true
    writeTimestamp(out, timestamps[i]!)
    out.ascii(',')
    writeHistogram(out, histogram)
    out.ascii(']')
  }
  if (open) out.ascii(']')
}

function writeTimestamp(out: JsonBytes, ms: number): void {
  out.reserve(NUMBER_ROOM)
  out.rawTimestamp(ms)
}

function sortedByLabels<S extends { readonly labels: Labels }>(series: readonly S[]): readonly S[] {
  for (let i = 1; i < series.length; i++) {
    if (compareLabels(series[i - 1]!.labels, series[i]!.labels) > 0) {
      return series.toSorted((a, b) => compareLabels(a.labels, b.labels))
    }
  }
  return series
}
