/** What a function that streams says of its HTTP response before the body: JSON, eight zero bytes, and then the body. */
import type { OutgoingHttpHeaders } from 'node:http'

/** Of an answer that begins so; any other is all body. */
export const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response'

const DELIMITER = Buffer.alloc(8)

export interface Prelude {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
}

const NO_PRELUDE: Prelude = {
  status: 200,
  headers: { 'content-type': 'application/octet-stream' },
}

interface Written {
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: readonly string[]
}

export class PreludeReader {
  #bytes = Buffer.alloc(0)
  #prelude: Prelude | undefined

  get prelude(): Prelude | undefined {
    return this.#prelude
  }

  /** The bytes that are body; none while the prelude is not whole. Throws where it is no JSON. */
  push(chunk: Uint8Array, contentType: string): Uint8Array {
    if (this.#prelude !== undefined) return chunk
    if (contentType !== PRELUDE_TYPE) {
      this.#prelude = NO_PRELUDE
      return chunk
    }
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    const end = this.#bytes.indexOf(DELIMITER)
    if (end < 0) return new Uint8Array(0)
    const { statusCode, headers, cookies } = JSON.parse(
      this.#bytes.toString('utf8', 0, end),
    ) as Written
    this.#prelude = {
      status: statusCode ?? 200,
      headers: {
        'content-type': 'application/octet-stream',
        ...headers,
        ...(cookies !== undefined && { 'set-cookie': [...cookies] }),
      },
    }
    return this.#bytes.subarray(end + DELIMITER.length)
  }
}
