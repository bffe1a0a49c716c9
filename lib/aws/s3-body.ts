/** The bytes of an answer, read into memory that is no larger than what was asked for. */
import type { Readable } from 'node:stream'
import { DomainError } from '#lib/model/errors.ts'

/** A length that a server claims is believed up to here; beyond, memory grows with the bytes that come. */
const TRUSTED_LENGTH = 64 * 1024 * 1024

/** `claimed` is the answer's Content-Length. A connection that breaks before is 'unavailable': asking again may help. */
export async function readBody(body: unknown, claimed: number | undefined): Promise<Uint8Array> {
  const stream = body as Readable
  if (claimed !== undefined && claimed <= TRUSTED_LENGTH) {
    const bytes = new Uint8Array(claimed)
    let length = 0
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (length + chunk.length > claimed) throw new DomainError('unavailable', tooMany(claimed))
      bytes.set(chunk, length)
      length += chunk.length
    }
    if (length < claimed) {
      throw new DomainError('unavailable', `the answer ended after ${length} of ${claimed} bytes`)
    }
    return bytes
  }
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    length += chunk.length
  }
  if (claimed !== undefined && length !== claimed) {
    throw new DomainError('unavailable', `the answer ended after ${length} of ${claimed} bytes`)
  }
  const whole = Buffer.concat(chunks, length)
  return new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength)
}

/** For answers nobody will read: lets the connection go. */
export function discardBody(body: unknown): void {
  ;(body as Readable | undefined)?.destroy?.()
}

function tooMany(claimed: number): string {
  return `the answer has more than the ${claimed} bytes it claimed`
}
