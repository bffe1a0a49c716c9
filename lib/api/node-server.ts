/** A fetch app behind Node's own HTTP server: the laptop, the container, the tests. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'

export interface Listening {
  /** `http://host:port` */
  readonly url: string
  readonly port: number
  /** Takes no more requests. Those that run get so long to end, or until `now` aborts. */
  close(graceMs?: number, now?: AbortSignal): Promise<void>
}

/** Port 0 takes a free one. Rejects when the port is taken. */
export async function listen(
  app: { fetch(request: Request): Response | Promise<Response> },
  { port, host }: { port: number; host: string | undefined },
): Promise<Listening> {
  const serverOptions = { maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS }
  const fetch = (request: Request) => app.fetch(request)
  const server = createAdaptorServer({ fetch, serverOptions }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  const name = host ?? 'localhost'
  const shownHost = name.includes(':') ? `[${name}]` : name
  return {
    url: `http://${shownHost}:${address.port}`,
    port: address.port,
    async close(graceMs = 0, now) {
      const end = (): void => server.closeAllConnections()
      const late = setTimeout(end, graceMs)
      now?.addEventListener('abort', end)
      // A connection that has just answered its last request would be kept for another.
      const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
      try {
        await new Promise<void>((resolve, reject) => {
          server.close((error) => (error === undefined ? resolve() : reject(error)))
          if (graceMs === 0 || now?.aborted) end()
        })
      } finally {
        clearTimeout(late)
        clearInterval(idle)
        now?.removeEventListener('abort', end)
      }
    },
  }
}

/** Long expressions in URLs pass, as with Go's server. */
const MAX_HEADER_BYTES = 1024 * 1024

/** Longer than load balancers and clients keep one: whoever ends a connection first must not be we, while a request is on its way. */
const KEEP_ALIVE_MS = 5 * 60_000

const IDLE_CHECK_MS = 20
