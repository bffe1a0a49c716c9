/** Stands between a client of remote read and its server. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeReadRequest } from '#lib/remote/read-request.ts'
import { encodeReadRequest } from '#lib/remote/read-request.ts'

export const SAMPLES_TYPE = 'application/x-protobuf'
export const CHUNKS_TYPE = 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'

export interface ReadProxy {
  readonly url: string
  /** Of the answers so far. */
  readonly types: readonly string[]
  readonly close: () => void
}

/** Stands before `target` and notes the types of its answers; asks it for samples whatever the client accepts. */
export async function readProxy(target: string, { samplesOnly = false } = {}): Promise<ReadProxy> {
  const types: string[] = []
  const server: Server = createServer((request, response) => {
    void (async () => {
      const pieces: Buffer[] = []
      for await (const piece of request) pieces.push(piece as Buffer)
      const { queries, acceptedTypes } = decodeReadRequest(Buffer.concat(pieces))
      const body = encodeReadRequest(queries, samplesOnly ? [] : acceptedTypes)
      const answer = await fetch(target, { method: 'POST', body })
      types.push(answer.headers.get('content-type') ?? '')
      const headers = Object.fromEntries(answer.headers)
      response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, types, close: () => void server.close() }
}
