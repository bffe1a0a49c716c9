/** Stands before an S3 server for one of its clients, and counts what S3 would bill. */
import { Agent, createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface S3Counts {
  readonly gets: number
  readonly lists: number
  readonly puts: number
  /** Free. */
  readonly deletes: number
  /** How often a request found no other one of the same call of a function under way: what is waited for, in round trips. */
  readonly trips: number
  readonly bytesDown: number
  readonly bytesUp: number
}

export interface CountingProxy {
  /** `127.0.0.1:port` */
  readonly endpoint: string
  counts(): S3Counts
  close(): Promise<void>
}

export interface ProxyOptions {
  /** `host:port` */
  readonly store: string
  /** How long each request waits before it is passed on, as for a store that is not on this machine. */
  readonly delayMs: number
  /** After an object was put. */
  readonly stored?: ((key: string, size: number) => void) | undefined
}

export async function startCountingProxy(options: ProxyOptions): Promise<CountingProxy> {
  const [host = '', port = ''] = options.store.split(':')
  const agent = new Agent({ keepAlive: true })
  const counts = { gets: 0, lists: 0, puts: 0, deletes: 0, trips: 0, bytesDown: 0, bytesUp: 0 }
  const underWay = new Map<string, number>()
  /** Returns how many there are now. */
  const change = (call: string, by: number): number => {
    const now = (underWay.get(call) ?? 0) + by
    if (now === 0) underWay.delete(call)
    else underWay.set(call, now)
    return now
  }
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    counts[kindOf(method, url)]++
    const call = String(headers['x-amzn-trace-id'] ?? '')
    if (change(call, 1) === 1) counts.trips++
    response.once('close', () => change(call, -1))
    request.on('data', (bytes: Buffer) => (counts.bytesUp += bytes.length))
    request.pause()
    setTimeout(() => {
      const passed = httpRequest({ host, port, agent, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.on('data', (bytes: Buffer) => (counts.bytesDown += bytes.length))
        answer.pipe(response)
        if (method === 'PUT' && answer.statusCode === 200) {
          const path = new URL(url, 'http://store').pathname
          const size = Number(headers['x-amz-decoded-content-length'] ?? headers['content-length'])
          options.stored?.(decodeURIComponent(path.split('/').slice(2).join('/')), size || 0)
        }
      })
      passed.once('error', () => response.destroy())
      response.once('close', () => passed.destroy())
      request.pipe(passed)
    }, options.delayMs)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ ...counts }),
    close: () =>
      new Promise((resolve) => {
        agent.destroy()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** By what it is billed as: S3 has one price for GET and HEAD, one for PUT, POST and LIST, and none for DELETE. */
function kindOf(method: string, url: string): 'gets' | 'lists' | 'puts' | 'deletes' {
  const query = new URL(url, 'http://store').searchParams
  if (method === 'DELETE' || query.has('delete')) return 'deletes'
  if (method === 'PUT' || method === 'POST') return 'puts'
  return query.has('list-type') || query.has('uploads') ? 'lists' : 'gets'
}
