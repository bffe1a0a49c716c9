/** The request of Prometheus's remote read: what a client sends to `/api/v1/read`. Field numbers are those of its `remote.proto`. */
import { ProtoReader } from '#lib/bytes/protobuf.ts'
import { decodeSnappy, snappyLength } from '#lib/bytes/snappy.ts'
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

const RESPONSE_TYPES: readonly ReadResponseType[] = ['samples', 'chunks']
const RESPONSE_NAMES = ['SAMPLES', 'STREAMED_XOR_CHUNKS']
const MATCH_TYPES: readonly MatchType[] = ['=', '!=', '=~', '!~']

/** Of a request, as it comes and unpacked. */
export const MAX_READ_REQUEST_BYTES = 32 * 1024 * 1024

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
