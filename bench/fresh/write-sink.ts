/** Takes remote write and counts it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface WriteSink {
  readonly url: string
  /** Bodies as they were sent, compressed. */
  readonly bytes: number
  readonly requests: number
  readonly close: () => void
}

export async function startWriteSink(): Promise<WriteSink> {
  const counted = { bytes: 0, requests: 0 }
  const server = createServer((request, response) => {
    counted.requests++
    request.on('data', (bytes: Buffer) => (counted.bytes += bytes.length))
    request.on('end', () => response.writeHead(204).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    get bytes() {
      return counted.bytes
    },
    get requests() {
      return counted.requests
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
