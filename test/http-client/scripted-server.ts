/** Servers that do what a test says, request after request. */
import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A status; `hang` never answers, `reset` breaks off, `half` breaks off within the answer. */
export type Act =
  | number
  | 'hang'
  | 'reset'
  | 'half'
  | {
      readonly status: number
      readonly body?: string
      readonly location?: string
      readonly retryAfter?: string
    }
  | { readonly afterMs: number }

export interface ScriptedServer {
  /** scheme://host:port */
  readonly url: string
  readonly host: string
  readonly requests: {
    readonly method: string
    readonly path: string
    readonly headers: http.IncomingHttpHeaders
    readonly body: string
  }[]
}

/** After the script, everything is 200. */
export async function scriptedServer(
  script: readonly Act[] = [],
  tls?: https.ServerOptions,
): Promise<ScriptedServer> {
  const acts = [...script]
  const requests: ScriptedServer['requests'] = []
  const handle: http.RequestListener = (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      requests.push({ method, path, headers, body: Buffer.concat(parts).toString() })
      perform(acts.shift() ?? 200, response)
    })
  }
  const server = tls ? https.createServer(tls, handle) : http.createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `${tls ? 'https' : 'http'}://${host}`,
    host,
    requests,
  }
}

function perform(act: Act, response: http.ServerResponse): void {
  if (act === 'hang') return
  if (act === 'reset') {
    response.destroy()
    return
  }
  if (act === 'half') {
    response.writeHead(500, { 'content-length': '100' })
    response.write('half')
    setTimeout(() => response.destroy(), 10)
    return
  }
  if (typeof act === 'object' && 'afterMs' in act) {
    setTimeout(() => response.end(), act.afterMs)
    return
  }
  const {
    status,
    body = '',
    location,
    retryAfter,
  } = typeof act === 'number' ? { status: act } : act
  response.writeHead(status, {
    ...(location !== undefined && { location }),
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
  })
  response.end(body)
}
