/** The agent's HTTP side: /metrics, /-/healthy and /-/ready. */
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { DomainError } from '#lib/model/errors.ts'
import type { Logger } from './logger.ts'
import type { AgentMetrics } from './metrics.ts'
import { openWebGate } from './web-config/web-gate.ts'

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
  /** Of --http.config; '' for plain HTTP that everybody may ask. */
  readonly webConfigFile: string
  readonly logger: Logger
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
  const gate = await openWebGate({
    file: options.webConfigFile,
    logger: options.logger,
    onTls({ context }) {
      if (server instanceof https.Server) server.setSecureContext(context)
    },
  })
  const handle: http.RequestListener = (request, response) => {
    response.on('close', () => {
      if (closing) setImmediate(() => server.closeIdleConnections())
    })
    respond(request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`)
    })
  }
  const respond = async (
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ): Promise<void> => {
    for (const [name, value] of Object.entries(gate.headers)) response.setHeader(name, value)
    if (await gate.allows(request.headers.authorization)) {
      await answer(request, response, options)
    } else {
      response.writeHead(401, { 'www-authenticate': 'Basic' }).end('Unauthorized\n')
    }
  }
  const { tls } = gate
  const server =
    tls === undefined
      ? http.createServer(handle)
      : https.createServer({ ...tls, ...tls.context }, handle)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      gate.close()
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
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${address.port}`,
    async close() {
      closing = true
      gate.close()
      const late = setTimeout(() => server.closeAllConnections(), options.gracePeriodMs)
      await new Promise((resolve) => server.close(resolve))
      clearTimeout(late)
    },
  }
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
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
