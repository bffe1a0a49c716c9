/**
 * The answer of a slice as binary frames, so that it can stream between functions.
 *
 * ┌───────────────┬──────────┬─────────┐
 * │ length <4b>   │ kind <1b>│ payload │   length counts kind and payload
 * └───────────────┴──────────┴─────────┘
 *
 * An answer is: head (which says the version), any number of series frames, end (which says how many series there were). Or: an error frame.
 * Numbers in payloads are big-endian but for columns of floats, which are copied as the (little-endian) host keeps them, so that the bits of
 * every NaN survive.
 */
import { ByteReader } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import type { ErrorKind } from '#lib/model/errors.ts'
import { CorruptError, DomainError, refuseNewer } from '#lib/model/errors.ts'
import type { FloatHistogram, Span } from '#lib/model/histogram.ts'
import { HINTS, HistogramColumn } from '#lib/model/histogram-column.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import type {
  Annotations,
  OperatorAnalysis,
  QueryOutcome,
  QueryStats,
  QueryValue,
  RawSeries,
  StepGrid,
  StepSeries,
} from '#lib/promql/result.ts'
import { FLOAT } from '#lib/promql/result.ts'
import type { LabelFindings } from './label-parts.ts'
import type { SliceCost } from './slice.ts'

export const FRAME = {
  head: 1,
  stepSeries: 2,
  rawSeries: 3,
  scalar: 4,
  spill: 5,
  end: 6,
  error: 7,
  findings: 8,
} as const

/** Frames of series are closed when they pass this size. */
const SERIES_FRAME_BYTES = 256 * 1024
/** No frame of ours is larger than one series; a longer length means garbage. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024

export interface LabelAnswered {
  readonly findings: LabelFindings
  readonly cost: SliceCost
}

export interface SliceAnswer extends QueryOutcome {
  readonly cost: SliceCost
}

/** Changes when an older reader could misread a frame. Both ends are deployed together, so they differ only where somebody mixed them. */
const VERSION = 1
const ANSWER = 'the answer of a slice'

interface Head {
  /** None in those that were kept before there was one. */
  readonly version?: number | undefined
  readonly grid: StepGrid
  readonly type: QueryValue['type']
  readonly text?: string | undefined
}

interface End {
  /** How many came before; not said by those that were written before there was a count. */
  readonly series?: number | undefined
  readonly annotations: Annotations
  readonly warnings: readonly string[]
  readonly stats: QueryStats
  readonly analysis?: OperatorAnalysis | undefined
  readonly cost: SliceCost
}

export function* encodeAnswer(answer: SliceAnswer): Generator<Uint8Array> {
  const { grid, value, annotations, warnings, stats, analysis, cost } = answer
  const head: Head = {
    version: VERSION,
    grid,
    type: value.type,
    ...(value.type === 'string' && { text: value.value }),
  }
  yield jsonFrame(FRAME.head, head)
  if (value.type === 'scalar') {
    const writer = new ByteWriter(16 + value.values.byteLength)
    appendColumn(writer, value.values)
    yield frame(FRAME.scalar, writer.bytes())
  } else if (value.type === 'vector') {
    yield* batched(FRAME.stepSeries, value.series, appendStepSeries)
  } else if (value.type === 'matrix') {
    yield* batched(FRAME.rawSeries, value.series, appendRawSeries)
  }
  const end: End = {
    ...('series' in value && { series: value.series.length }),
    annotations,
    warnings,
    stats,
    ...(analysis && { analysis }),
    cost,
  }
  yield jsonFrame(FRAME.end, end)
}

/** What a part of blocks says about labels is one frame. */
export function encodeFindings(answered: LabelAnswered): Uint8Array {
  return jsonFrame(FRAME.findings, { version: VERSION, ...answered })
}

/** Rejects with the DomainError an error frame carries. */
export async function decodeFindings(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<LabelAnswered> {
  for await (const { kind, payload } of framesOf(chunks)) {
    if (kind === FRAME.error) throw errorOf(payload)
    if (kind === FRAME.findings) {
      const { version, ...answered } = fromJson(payload) as LabelAnswered & { version?: unknown }
      refuseNewer(ANSWER, version, VERSION)
      return answered
    }
  }
  throw new CorruptError('answer about labels ends early', 0)
}

function errorOf(payload: Uint8Array): DomainError {
  const { kind, message } = fromJson(payload) as { kind: ErrorKind; message: string }
  return new DomainError(kind, message)
}

/** An error that the asker can act on: its kind travels, its stack does not. */
export function encodeError(error: DomainError): Uint8Array {
  return jsonFrame(FRAME.error, { kind: error.kind, message: error.message })
}

export function encodeSpill(key: string): Uint8Array {
  return jsonFrame(FRAME.spill, { key })
}

/**
 * Puts an answer together from the bytes of a stream, however they are cut.
 * `fetchSpill` reads the object that a spill frame names. Rejects with the DomainError an error frame carries.
 */
export async function decodeAnswer(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  fetchSpill: (key: string) => Promise<Uint8Array>,
): Promise<SliceAnswer> {
  const state: DecodeState = {
    series: [],
    raw: [],
    values: undefined,
    head: undefined,
    end: undefined,
  }
  await decodeInto(state, chunks, fetchSpill)
  const { head } = state
  if (!head || !state.end) throw new CorruptError('slice answer ends early', 0)
  const value = valueOf(state, head)
  const { series: sent, ...end } = state.end
  checkWhole(value, head.grid, sent)
  return { grid: head.grid, value, ...end }
}

/** An answer that lacks something would be a wrong one. */
function checkWhole(value: QueryValue, { stepCount }: StepGrid, sent: number | undefined): void {
  const check = (what: string, { length }: ArrayLike<unknown>, wanted: number): void => {
    if (length !== wanted) throw new CorruptError(`slice answer: ${length} of ${wanted} ${what}`, 0)
  }
  if (value.type === 'scalar') check('steps', value.values, stepCount)
  if (!('series' in value)) return
  check('series', value.series, sent ?? value.series.length)
  if (value.type === 'matrix') return
  for (const { values, presence } of value.series) {
    check('steps', values, stepCount)
    check('steps', presence, stepCount)
  }
}

interface DecodeState {
  series: StepSeries[]
  raw: RawSeries[]
  values: Float64Array | undefined
  head: Head | undefined
  end: End | undefined
}

function valueOf(state: DecodeState, head: Head): QueryValue {
  switch (head.type) {
    case 'string':
      return { type: 'string', value: head.text ?? '' }
    case 'scalar':
      return { type: 'scalar', values: state.values ?? new Float64Array(0) }
    case 'vector':
      return { type: 'vector', series: state.series }
    case 'matrix':
      return { type: 'matrix', series: state.raw }
    default:
      throw new CorruptError(`unknown value type ${String(head.type satisfies never)}`, 0)
  }
}

async function decodeInto(
  state: DecodeState,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  fetchSpill: (key: string) => Promise<Uint8Array>,
): Promise<void> {
  for await (const { kind, payload } of framesOf(chunks)) {
    await decodeFrame(state, kind, payload, fetchSpill)
  }
}

interface Frame {
  readonly kind: number
  readonly payload: Uint8Array
}

async function* framesOf(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Frame> {
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : concat(rest, chunk)
    let offset = 0
    while (rest.length - offset >= 5) {
      const reader = new ByteReader(rest, offset)
      const length = reader.uint32()
      if (length === 0 || length > MAX_FRAME_BYTES) {
        throw new CorruptError(`frame of ${length} bytes`, offset)
      }
      if (reader.remaining < length) break
      const kind = reader.uint8()
      yield { kind, payload: reader.take(length - 1) }
      offset = reader.offset
    }
    rest = rest.subarray(offset)
  }
  if (rest.length > 0) throw new CorruptError('slice answer ends inside a frame', 0)
}

async function decodeFrame(
  state: DecodeState,
  kind: number,
  payload: Uint8Array,
  fetchSpill: (key: string) => Promise<Uint8Array>,
): Promise<void> {
  if (state.end) throw new CorruptError('slice answer goes on behind its end', 0)
  switch (kind) {
    case FRAME.head:
      state.head = fromJson(payload) as Head
      refuseNewer(ANSWER, state.head.version, VERSION)
      return
    case FRAME.end:
      state.end = fromJson(payload) as End
      return
    case FRAME.error:
      throw errorOf(payload)
    case FRAME.spill: {
      const { key } = fromJson(payload) as { key: string }
      return decodeInto(state, [await fetchSpill(key)], fetchSpill)
    }
    case FRAME.scalar:
      state.values = takeColumn(new ByteReader(payload))
      return
    case FRAME.stepSeries: {
      const reader = new ByteReader(payload)
      while (reader.remaining > 0) state.series.push(takeStepSeries(reader))
      return
    }
    case FRAME.rawSeries: {
      const reader = new ByteReader(payload)
      while (reader.remaining > 0) state.raw.push(takeRawSeries(reader))
      return
    }
    default:
      throw new CorruptError(`unknown frame kind ${kind}`, 0)
  }
}

function* batched<T>(
  kind: number,
  items: readonly T[],
  append: (writer: ByteWriter, item: T) => void,
): Generator<Uint8Array> {
  const writer = new ByteWriter(SERIES_FRAME_BYTES)
  for (const item of items) {
    append(writer, item)
    if (writer.length >= SERIES_FRAME_BYTES) {
      yield frame(kind, writer.bytes())
      writer.clear()
    }
  }
  if (writer.length > 0) yield frame(kind, writer.bytes())
}

function frame(kind: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + payload.length)
  new DataView(bytes.buffer).setUint32(0, payload.length + 1)
  bytes[4] = kind
  bytes.set(payload, 5)
  return bytes
}

function jsonFrame(kind: number, value: unknown): Uint8Array {
  return frame(kind, new TextEncoder().encode(JSON.stringify(value)))
}

function fromJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload))
  } catch (error) {
    throw new CorruptError('frame is no JSON', 0, { cause: error })
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

function appendLabels(writer: ByteWriter, labels: Labels): void {
  writer.uvarint(labels.length)
  for (const text of labels) writer.string(text)
}

function takeLabels(reader: ByteReader): Labels {
  const length = reader.uvarint32()
  const labels: string[] = []
  for (let i = 0; i < length; i++) labels.push(reader.string())
  return labels
}

function appendColumn(writer: ByteWriter, column: Float64Array): void {
  writer.uvarint(column.length)
  writer.append(new Uint8Array(column.buffer, column.byteOffset, column.byteLength))
}

function takeColumn(reader: ByteReader): Float64Array {
  const length = reader.uvarint32()
  const bytes = reader.take(length * 8)
  // The copy is aligned to eight bytes; slice() would not copy where the bytes are a Node Buffer.
  return new Float64Array(new Uint8Array(bytes).buffer)
}

/** Presence: 0 = every step a float, 1 = a byte per step follows. */
function appendStepSeries(writer: ByteWriter, series: StepSeries): void {
  appendLabels(writer, series.labels)
  const { presence, values, histograms } = series
  const full = presence.every((kind) => kind === FLOAT)
  writer.uint8(full ? 0 : 1)
  if (!full) {
    writer.uvarint(presence.length)
    writer.append(presence)
  }
  appendColumn(writer, values)
  appendHistograms(writer, histograms, presence.length)
}

function takeStepSeries(reader: ByteReader): StepSeries {
  const labels = takeLabels(reader)
  const full = reader.uint8() === 0
  const given = full ? undefined : new Uint8Array(reader.take(reader.uvarint32()))
  const values = takeColumn(reader)
  const presence = given ?? new Uint8Array(values.length).fill(FLOAT)
  const histograms = takeHistograms(reader, values.length)
  return { labels, values, presence, histograms }
}

function appendRawSeries(writer: ByteWriter, { labels, samples }: RawSeries): void {
  appendLabels(writer, labels)
  appendColumn(writer, samples.timestamps.subarray(0, samples.length))
  appendColumn(writer, samples.values.subarray(0, samples.length))
  appendHistograms(writer, samples.histograms, samples.length)
}

function takeRawSeries(reader: ByteReader): RawSeries {
  const labels = takeLabels(reader)
  const timestamps = takeColumn(reader)
  const values = takeColumn(reader)
  const histograms = takeHistograms(reader, timestamps.length)
  const samples: SampleColumns = { length: timestamps.length, timestamps, values, histograms }
  return { labels, samples }
}

function appendHistograms(
  writer: ByteWriter,
  histograms: HistogramColumn | undefined,
  length: number,
): void {
  const indices: number[] = []
  for (let i = 0; i < length; i++) if (histograms?.layouts[i]) indices.push(i)
  writer.uvarint(indices.length)
  for (const index of indices) {
    writer.uvarint(index)
    appendHistogram(writer, histograms!.at(index)!)
  }
}

function takeHistograms(reader: ByteReader, length: number): HistogramColumn | undefined {
  const count = reader.uvarint32()
  if (count === 0) return undefined
  const histograms = new HistogramColumn(length)
  for (let i = 0; i < count; i++) {
    const index = reader.uvarint32()
    if (index >= length)
      throw new CorruptError(`histogram at step ${index} of ${length}`, reader.offset)
    histograms.set(index, takeHistogram(reader))
  }
  return histograms
}

function appendHistogram(writer: ByteWriter, histogram: FloatHistogram): void {
  writer.uint8(HINTS.indexOf(histogram.counterResetHint))
  writer.varint(histogram.schema)
  writer.float64(histogram.zeroThreshold)
  writer.float64(histogram.zeroCount)
  writer.float64(histogram.count)
  writer.float64(histogram.sum)
  appendSpans(writer, histogram.positiveSpans)
  appendSpans(writer, histogram.negativeSpans)
  appendColumn(writer, histogram.positiveBuckets)
  appendColumn(writer, histogram.negativeBuckets)
  appendColumn(writer, histogram.customValues)
}

function takeHistogram(reader: ByteReader): FloatHistogram {
  const hint = HINTS[reader.uint8()]
  if (!hint) throw new CorruptError('unknown counter reset hint', reader.offset - 1)
  return {
    counterResetHint: hint,
    schema: reader.varint(),
    zeroThreshold: reader.float64(),
    zeroCount: reader.float64(),
    count: reader.float64(),
    sum: reader.float64(),
    positiveSpans: takeSpans(reader),
    negativeSpans: takeSpans(reader),
    positiveBuckets: takeColumn(reader),
    negativeBuckets: takeColumn(reader),
    customValues: takeColumn(reader),
  }
}

function appendSpans(writer: ByteWriter, spans: readonly Span[]): void {
  writer.uvarint(spans.length)
  for (const { offset, length } of spans) {
    writer.varint(offset)
    writer.uvarint(length)
  }
}

function takeSpans(reader: ByteReader): Span[] {
  const count = reader.uvarint32()
  const spans: Span[] = []
  for (let i = 0; i < count; i++)
    spans.push({ offset: reader.varint(), length: reader.uvarint32() })
  return spans
}
