/** Makes bodies small: gzip, or zstd for who asks for that first; and refuses what the gateway would refuse. */
import { promisify } from 'node:util'
import type { Transform } from 'node:stream'
import { constants, createGzip, createZstdCompress, gzip, zstdCompress } from 'node:zlib'
import { LimitError } from '#lib/model/errors.ts'

const gzipped = promisify(gzip)
const zstded = promisify(zstdCompress)

export interface Encoded {
  readonly body: Uint8Array<ArrayBuffer>
  /** `undefined` for the body as it was. */
  readonly encoding: 'gzip' | 'zstd' | undefined
}

export type Encoding = 'gzip' | 'zstd'

/** The first of the encodings in Accept-Encoding that we write. One with q=0 is refused by the client. */
export function chooseEncoding(acceptEncoding: string): Encoding | undefined {
  for (const part of acceptEncoding.split(',')) {
    const [name, ...params] = part.split(';').map((text) => text.trim().toLowerCase())
    if (name !== 'gzip' && name !== 'zstd') continue
    if (params.some((param) => /^q=0(?:\.0*)?$/.test(param))) continue
    return name
  }
  return undefined
}

/** Small bodies take the better ratio; for large ones time is worth more, until the size is the problem. */
const LARGE_BODY = 256 * 1024

/** Throws LimitError when the body is larger than `maxBytes` even so; `streamUrl` is where there is no such limit. */
export async function encodeBody(
  body: Uint8Array<ArrayBuffer>,
  acceptEncoding: string,
  maxBytes = Infinity,
  streamUrl?: string,
): Promise<Encoded> {
  const encoding = chooseEncoding(acceptEncoding)
  if (encoding === undefined) {
    if (body.length > maxBytes) throw tooLarge(body.length, maxBytes, { plain: true, streamUrl })
    return { body, encoding }
  }
  let encoded = await compress(body, encoding, body.length > LARGE_BODY)
  // A better level gains up to a third, so past that it is not worth trying.
  if (encoded.length > maxBytes && encoded.length < maxBytes * 1.5) {
    encoded = await compress(body, encoding, false)
  }
  if (encoded.length > maxBytes)
    throw tooLarge(encoded.length, maxBytes, { plain: false, streamUrl })
  return { body: encoded, encoding }
}

async function compress(
  body: Uint8Array,
  encoding: Encoding,
  fast: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  if (encoding === 'gzip') return await gzipped(body, { level: fast ? 1 : 6 })
  const level = { [constants.ZSTD_c_compressionLevel]: fast ? 1 : 6 }
  return await zstded(body, { params: level })
}

/** For a body that is too large to be held. */
export function fastCompressor(encoding: Encoding): Transform {
  if (encoding === 'gzip') return createGzip({ level: 1 })
  return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } })
}

function tooLarge(
  size: number,
  maxBytes: number,
  { plain, streamUrl }: { readonly plain: boolean; readonly streamUrl: string | undefined },
): LimitError {
  const advice = plain ? 'accept gzip, or ask' : 'ask'
  const door = streamUrl === undefined ? '' : `, or ask ${streamUrl}, where answers are streamed`
  return new LimitError(
    `an answer of ${size} bytes does not fit the ${maxBytes} bytes of the gateway; ${advice} for fewer series, a larger step or a shorter range${door}`,
    maxBytes,
    size,
  )
}
