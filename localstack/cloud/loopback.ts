/** Servers that only this machine can reach. */
import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DomainError } from '#lib/model/errors.ts'

/** Resolves with the port, which the system chooses when 0 is asked for. Rejects with a DomainError where it is taken. */
export async function listenOnLoopback(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw new DomainError(
      'conflict',
      `port ${port} is in use, end what has it or choose another with --port`,
      { cause },
    )
  }
  return (server.address() as AddressInfo).port
}

/** The whole body; undefined when it is longer than `limit`, the rest is not kept. */
export async function readBodyWithin(
  request: IncomingMessage,
  limit: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let byteLength = 0
  for await (const chunk of request) {
    byteLength += (chunk as Buffer).length
    if (byteLength <= limit) chunks.push(chunk as Buffer)
  }
  return byteLength <= limit ? Buffer.concat(chunks) : undefined
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  return (await readBodyWithin(request, Infinity)) as Buffer
}
