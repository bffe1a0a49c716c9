/** An HTTP server that answers as a test tells it: what no real S3 does on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { S3Config } from '#lib/bucket/objstore-config.ts'

export type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

export interface ScriptedS3 {
  readonly config: S3Config
  /** `GET /bucket/key`, in order. */
  readonly requests: readonly string[]
  readonly headers: readonly IncomingMessage['headers'][]
  readonly stop: () => Promise<void>
}

/** The n-th request gets the n-th answer, those behind the end the last one. */
export async function scriptedS3(...answers: readonly Answer[]): Promise<ScriptedS3> {
  const requests: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const answer = answers[Math.min(requests.length, answers.length - 1)]
      requests.push(`${request.method} ${request.url?.replace(/[?&]x-id=\w+/, '')}`)
      headers.push(request.headers)
      answer?.(request, response, Buffer.concat(chunks))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    config: {
      bucket: 'bucket',
      endpoint: `127.0.0.1:${port}`,
      accessKey: 'access',
      secretKey: 'secret-of-the-test',
      insecure: true,
    },
    requests,
    headers,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function bytesAnswer(
  status: number,
  body: string,
  headers: Record<string, string> = {},
): Answer {
  return (_, response) => {
    response.writeHead(status, { etag: '"e"', 'content-length': String(body.length), ...headers })
    response.end(body)
  }
}

/** Of a web server that knows nothing of S3. */
export function pageAnswer(status: number): Answer {
  return (request, response) => {
    response.writeHead(status, { 'content-type': 'text/html' })
    response.end(request.method === 'HEAD' ? undefined : '<html>words</html>')
  }
}

export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml', ...headers })
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message><RequestId>R1</RequestId></Error>`,
    )
  }
}

/** The connection breaks before the promised length. */
export function brokenAnswer(status: number, body: string, promised: number): Answer {
  return (_, response) => {
    response.writeHead(status, {
      etag: '"e"',
      'content-length': String(promised),
      'content-range': `bytes 0-${promised - 1}/${promised}`,
    })
    response.write(body, () => response.destroy())
  }
}
