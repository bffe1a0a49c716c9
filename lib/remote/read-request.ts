/** The request of Prometheus's remote read: what a client sends to `/api/v1/read`. Field numbers are those of its `remote.proto`. */
import { ProtoReader, ProtoWriter } from '#lib/bytes/protobuf.ts'
import { decodeSnappy, encodeSnappy, snappyLength } from '#lib/bytes/snappy.ts'
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import type { Matcher, MatchType } from '#lib/model/matcher.ts'

export interface RemoteReadRequest {
  readonly queries: readonly RemoteReadQuery[]
  /** In the order of the client's preference; empty means samples. */
  readonly acceptedTypes: readonly number[]
}

export interface RemoteReadQuery {
  /** Closed interval. */
  readonly startMs: number
  readonly endMs: number
  readonly matchers: readonly Matcher[]
  /** All zero where the client sends none. */
  readonly hints: RemoteReadHints
}

export interface RemoteReadHints {
  readonly stepMs: number
  readonly func: string
  readonly grouping: readonly string[]
  readonly by: boolean
  readonly rangeMs: number
}

export type ReadResponseType = 'samples' | 'chunks'

/** What a client asks; without hints Prometheus gives what is there. */
export type AskedQuery = Omit<RemoteReadQuery, 'hints'> & { readonly hints?: RemoteReadHints }

/** Types of answers by their numbers. */
export const SAMPLES = 0
export const CHUNKS = 1

const RESPONSE_TYPES: readonly ReadResponseType[] = ['samples', 'chunks']
const RESPONSE_NAMES = ['SAMPLES', 'STREAMED_XOR_CHUNKS']
const MATCH_TYPES: readonly MatchType[] = ['=', '!=', '=~', '!~']

/** Of a request, as it comes and unpacked. */
export const MAX_READ_REQUEST_BYTES = 32 * 1024 * 1024

/** A snappy block. The types in the order of preference; none means samples. */
export function encodeReadRequest(
  queries: readonly AskedQuery[],
  acceptedTypes: readonly number[] = [],
): Uint8Array<ArrayBuffer> {
  const out = new ProtoWriter()
  for (const { startMs, endMs, matchers, hints } of queries) {
    const query = out.begin(1)
    out.int(1, startMs)
    out.int(2, endMs)
    for (const { type, name, value } of matchers) {
      const matcher = out.begin(3)
      out.int(1, MATCH_TYPES.indexOf(type))
      out.string(2, name)
      out.string(3, value)
      out.end(matcher)
    }
    if (hints !== undefined) {
      const start = out.begin(4)
      out.int(1, hints.stepMs)
      out.string(2, hints.func)
      out.int(3, startMs)
      out.int(4, endMs)
      for (const label of hints.grouping) out.string(5, label)
      out.int(6, hints.by ? 1 : 0)
      out.int(7, hints.rangeMs)
      out.end(start)
    }
    out.end(query)
  }
  for (const type of acceptedTypes) out.int(2, type)
  return encodeSnappy(out.bytes())
}

/** From a snappy block. Throws `invalid` with Prometheus's texts. */
export function decodeReadRequest(compressed: Uint8Array): RemoteReadRequest {
  const message = unpack(compressed)
  try {
    return readRequest(new ProtoReader(message))
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    throw new DomainError('invalid', `proto: ${error.message}`, { cause: error })
  }
}

function unpack(compressed: Uint8Array): Uint8Array {
  try {
    const length = snappyLength(compressed)
    if (length > MAX_READ_REQUEST_BYTES) {
      throw new DomainError(
        'invalid',
        `snappy: decoded length ${length} exceeds limit ${MAX_READ_REQUEST_BYTES}`,
      )
    }
    return decodeSnappy(compressed)
  } catch (cause) {
    if (!(cause instanceof CorruptError)) throw cause
    throw new DomainError('invalid', 'snappy: corrupt input', { cause })
  }
}

function readRequest(reader: ProtoReader): RemoteReadRequest {
  const queries: RemoteReadQuery[] = []
  const acceptedTypes: number[] = []
  while (reader.next()) {
    if (reader.field === 1) queries.push(readQuery(reader.message()))
    else if (reader.field === 2) acceptedTypes.push(...reader.ints())
    else reader.skip()
  }
  return { queries, acceptedTypes }
}

const NO_HINTS: RemoteReadHints = { stepMs: 0, func: '', grouping: [], by: false, rangeMs: 0 }

function readQuery(reader: ProtoReader): RemoteReadQuery {
  let startMs = 0
  let endMs = 0
  let hints = NO_HINTS
  const matchers: Matcher[] = []
  while (reader.next()) {
    if (reader.field === 1) startMs = reader.int()
    else if (reader.field === 2) endMs = reader.int()
    else if (reader.field === 3) matchers.push(readMatcher(reader.message()))
    else if (reader.field === 4) hints = readHints(reader.message())
    else reader.skip()
  }
  return { startMs, endMs, matchers, hints }
}

function readMatcher(reader: ProtoReader): Matcher {
  let type: MatchType | undefined = '='
  let name = ''
  let value = ''
  while (reader.next()) {
    if (reader.field === 1) type = MATCH_TYPES[reader.int()]
    else if (reader.field === 2) name = reader.string()
    else if (reader.field === 3) value = reader.string()
    else reader.skip()
  }
  if (type === undefined) throw new DomainError('invalid', 'invalid matcher type')
  return { type, name, value }
}

/** Their start and end say nothing that the query's do not. */
function readHints(reader: ProtoReader): RemoteReadHints {
  let { stepMs, func, by, rangeMs } = NO_HINTS
  const grouping: string[] = []
  while (reader.next()) {
    if (reader.field === 1) stepMs = reader.int()
    else if (reader.field === 2) func = reader.string()
    else if (reader.field === 5) grouping.push(reader.string())
    else if (reader.field === 6) by = reader.int() !== 0
    else if (reader.field === 7) rangeMs = reader.int()
    else reader.skip()
  }
  return { stepMs, func, grouping, by, rangeMs }
}

/** The first of the accepted types that we have. */
export function chooseResponseType(acceptedTypes: readonly number[]): ReadResponseType {
  if (acceptedTypes.length === 0) return 'samples'
  for (const type of acceptedTypes) {
    const known = RESPONSE_TYPES[type]
    if (known !== undefined) return known
  }
  throw new DomainError(
    'invalid',
    `server does not support any of the requested response types: [${acceptedTypes.join(' ')}]; supported: [${RESPONSE_NAMES.join(' ')}]`,
  )
}
