/** A fetch app behind Node's own HTTP server: the laptop, the container, the tests. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'

export interface Listening {
  /** `http://host:port` */
  readonly url: string
  readonly port: number
  /** Ends open connections too. */
  close(): Promise<void>
}

/** Port 0 takes a free one. Rejects when the port is taken. */
export async function listen(
  app: { fetch(request: Request): Response | Promise<Response> },
  { port, host }: { port: number; host: string },
): Promise<Listening> {
  const server = createAdaptorServer({ fetch: (request) => app.fetch(request) }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  const shownHost = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${shownHost}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      }),
  }
}
