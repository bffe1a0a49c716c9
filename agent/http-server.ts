/** The agent's HTTP side: /metrics, /-/healthy and /-/ready. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DomainError } from '#lib/model/errors.ts'
import type { AgentMetrics } from './metrics.ts'

export interface AgentHttpServer {
  /** With the port that was given by the system when port 0 was asked for. */
  readonly url: string
  close(): Promise<void>
}

export interface AgentHttpOptions {
  /** `0.0.0.0:10902`, `:10902`, `[::1]:10902`. */
  readonly address: string
  /** How long running requests may go on when it is closed. */
  readonly gracePeriodMs: number
  readonly metrics: AgentMetrics
  readonly isReady: () => boolean
  /** What the page says that this is. */
  readonly component?: string
  /** Why it is not ready. */
  readonly notReady?: string
}

export async function startAgentHttp(options: AgentHttpOptions): Promise<AgentHttpServer> {
  const { host, port } = parseAddress(options.address)
  let closing = false
  const server = createServer((request, response) => {
    response.on('close', () => {
      if (closing) setImmediate(() => server.closeIdleConnections())
    })
    answer(request, response, options).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint = error.code === 'EADDRINUSE' ? ', choose another with --http-address' : ''
      reject(
        new DomainError('invalid', `--http-address ${options.address}: ${error.message}${hint}`, {
          cause: error,
        }),
      )
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `http://${name}:${address.port}`,
    async close() {
      closing = true
      const late = setTimeout(() => server.closeAllConnections(), options.gracePeriodMs)
      await new Promise((resolve) => server.close(resolve))
      clearTimeout(late)
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, isReady, component = 'agent', notReady }: AgentHttpOptions,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0]
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end('method not allowed\n')
    return
  }
  switch (path) {
    case '/metrics': {
      const text = await metrics.registry.metrics()
      response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(text)
      return
    }
    case '/-/healthy':
      response.writeHead(200, { 'content-type': 'text/plain' }).end('OK\n')
      return
    case '/-/ready': {
      const ready = isReady()
      response
        .writeHead(ready ? 200 : 503, { 'content-type': 'text/plain' })
        .end(ready ? 'OK\n' : `${notReady ?? 'prometheus does not answer'}\n`)
      return
    }
    case '/':
      response
        .writeHead(200, { 'content-type': 'text/plain' })
        .end(`thaw ${component}: /metrics /-/healthy /-/ready\n`)
      return
    default:
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n')
  }
}

export function parseAddress(address: string): { host: string | undefined; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new DomainError('invalid', `"${address}" is no address, write for example 0.0.0.0:10902`)
  }
  const host = match[1] ?? match[2]
  return { host: host === '' ? undefined : host, port }
}
