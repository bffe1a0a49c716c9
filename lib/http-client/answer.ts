/** What an HTTP client is asked, and what it gives. */
import type { IncomingHttpHeaders } from 'node:http'
import { LimitError } from '#lib/model/errors.ts'

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | undefined
  /** Without `user:password@`. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Uint8Array | undefined
  /** Redirects that would make a GET of it (301, 302, 303) are answers then, and not followed. */
  readonly keepMethod?: boolean | undefined
  /** For all of it, the body of the answer included. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read once, or discarded. Ends with a DomainError where the connection breaks. */
  readonly body: AsyncIterable<Buffer>
  discard(): void
}

export interface HttpClient {
  /** Any status is an answer. Rejects with kind `unavailable`, `timeout`, `canceled` or `unauthorized`; no error holds a secret. */
  request(request: HttpRequest): Promise<HttpAnswer>
  /** Requests that run go on to their end. */
  close(): void
}

/** The whole body. Rejects with LimitError. */
export async function readBytes({ body }: HttpAnswer, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of body) {
    size += part.length
    if (size > maxBytes) {
      throw new LimitError(`the answer is larger than ${maxBytes} bytes`, maxBytes, size)
    }
    parts.push(part)
  }
  return Buffer.concat(parts, size)
}

export async function readText(answer: HttpAnswer, maxBytes: number): Promise<string> {
  return (await readBytes(answer, maxBytes)).toString('utf8')
}

/** Of an answer that refuses. */
const SHOWN_CHARS = 200
const MAX_REASON_BYTES = 64 * 1024

/** What an answer says, in one line and not all of it; '' where it says nothing, or breaks off. Never rejects. */
export async function reasonText(answer: HttpAnswer): Promise<string> {
  try {
    const text = await readText(answer, MAX_REASON_BYTES)
    return text.trim().replaceAll(/\s+/g, ' ').slice(0, SHOWN_CHARS)
  } catch {
    return ''
  }
}
