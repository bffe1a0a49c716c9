/** Bodies that are made piece by piece: taken together where they are sent whole, or sent as they are made. */
import { pipeline, Readable } from 'node:stream'
import { LimitError } from '#lib/model/errors.ts'
import type { Pieces } from './answer.ts'
import { chooseEncoding, type Encoding, fastCompressor } from './compression.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Rejects with what making them throws. */
export async function joinPieces(pieces: Pieces): Promise<Bytes> {
  const all: Bytes[] = []
  for await (const piece of pieces) all.push(piece)
  return all.length === 1 ? all[0]! : Buffer.concat(all)
}

/** Makes the first piece, so that what is wrong from the start rejects; where there is no second one, that is the body. */
export async function beginPieces(pieces: Pieces): Promise<Bytes | AsyncIterable<Bytes>> {
  const iterator =
    Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
  const first = await iterator.next()
  if (first.done === true) return new Uint8Array(0)
  const second = await iterator.next()
  if (second.done === true) return first.value
  return rest([first.value, second.value], iterator)
}

async function* rest(
  begun: readonly Bytes[],
  iterator: Iterator<Bytes> | AsyncIterator<Bytes>,
): AsyncGenerator<Bytes> {
  try {
    yield* begun
    for (;;) {
      const next = await iterator.next()
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // Whoever takes no more ends the making too.
    await iterator.return?.()
  }
}

export interface StreamOptions {
  readonly acceptEncoding: string
  readonly maxBytes?: number | undefined
  /** The last bytes of a body that breaks off. */
  readonly breakOff?: Bytes | undefined
  /** Told why it did. */
  readonly failed: (error: unknown) => void
}

export interface StreamedBody {
  readonly body: ReadableStream<Uint8Array>
  readonly encoding: Encoding | undefined
}

/** Pieces are made when they are taken. The stream fails with a LimitError past `maxBytes`, and with what making them throws. */
export function streamBody(pieces: Pieces, options: StreamOptions): StreamedBody {
  const encoding = chooseEncoding(options.acceptEncoding)
  const source = Readable.from(pieces, { objectMode: false })
  const packed =
    encoding === undefined ? source : pipeline(source, fastCompressor(encoding), () => {})
  return { body: ReadableStream.from(guarded(packed, options)), encoding }
}

async function* guarded(
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes = Infinity, breakOff, failed }: StreamOptions,
): AsyncGenerator<Uint8Array> {
  let size = 0
  try {
    for await (const chunk of chunks) {
      size += chunk.length
      if (size > maxBytes) throw tooLarge(maxBytes, size)
      yield chunk
    }
  } catch (error) {
    failed(error)
    if (breakOff !== undefined) yield breakOff
    throw error
  }
}

function tooLarge(maxBytes: number, size: number): LimitError {
  return new LimitError(
    `the answer broke off, as it is larger than ${maxBytes} bytes; ask for fewer series or a shorter range`,
    maxBytes,
    size,
  )
}
