/** What every answer must be, whatever was asked. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { decodeChunks, decodeSamples } from '#test/remote/read-message.ts'

/** Prometheus says 500 for what is switched off, and so do we. */
const SWITCHED_OFF = new Set(['search API disabled', 'admin APIs disabled'])

/** Traces of our insides. */
const INSIDES =
  /\bat [\w.<>]+ \(|node:|\bbug:|TypeError|RangeError|undefined is not|\[object Object\]|\/lib\//

export interface FuzzAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

/** What is wrong with it, or undefined. `sent` is what the client wrote: it may come back in an error. */
export function flawOf({ status, headers, body }: FuzzAnswer, sent: string): string | undefined {
  if (status === 204 || status === 304) return body.length > 0 ? 'a body with 204' : undefined
  const type = headers.get('content-type') ?? ''
  const bytes = unpacked(headers, body)
  if (typeof bytes === 'string') return bytes
  if (type === 'application/json') return jsonFlaw(status, bytes.toString('utf8'), sent)
  const timedOut = status === 503 && bytes.toString('utf8').startsWith('query timed out in query')
  if (status >= 500 && !timedOut) return `${status} ${bytes.toString('utf8', 0, 300)}`
  if (type.startsWith('text/plain')) {
    const text = bytes.toString('utf8')
    return INSIDES.test(text) && !INSIDES.test(sent) ? `insides: ${text.slice(0, 300)}` : undefined
  }
  if (type === 'application/x-protobuf') return thrownBy(() => decodeSamples(bytes))
  if (type.startsWith('application/x-streamed-protobuf')) return thrownBy(() => decodeChunks(bytes))
  if (type.startsWith('application/vnd.google.protobuf')) return undefined
  if (status === 200 && bytes.length === 0) return undefined
  return `type ${JSON.stringify(type)} with ${status}`
}

function unpacked(headers: Headers, body: Buffer): Buffer | string {
  const encoding = headers.get('content-encoding')
  try {
    if (encoding === 'gzip') return gunzipSync(body)
    if (encoding === 'zstd') return zstdDecompressSync(body)
    return encoding === null || encoding === 'snappy' ? body : `encoding ${encoding}`
  } catch (error) {
    return `${encoding} that does not unpack: ${String(error)}`
  }
}

interface Envelope {
  readonly status?: unknown
  readonly data?: unknown
  readonly errorType?: unknown
  readonly error?: unknown
}

function jsonFlaw(status: number, text: string, sent: string): string | undefined {
  let answer: Envelope
  try {
    answer = JSON.parse(text) as Envelope
  } catch {
    return `no JSON: ${text.slice(0, 300)}`
  }
  if (answer.status === 'success') {
    if (status !== 200) return `success with ${status}`
    return answer.data === undefined ? 'success without data' : undefined
  }
  const { errorType, error } = answer
  if (answer.status !== 'error' || typeof errorType !== 'string' || typeof error !== 'string') {
    return `neither success nor error: ${text.slice(0, 300)}`
  }
  if (status < 400) return `an error with ${status}`
  if (INSIDES.test(error) && !INSIDES.test(sent)) return `insides: ${error.slice(0, 300)}`
  // A timeout that was asked for is the client's own.
  const expected = SWITCHED_OFF.has(error) || (status === 503 && errorType === 'timeout')
  return status >= 500 && !expected ? `${status} ${error.slice(0, 300)}` : undefined
}

function thrownBy(read: () => unknown): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    return String(error)
  }
}
