/** Stands before a store as its clients see it, and fails as networks and stores do. */
import { connect, createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

export type ProxyMode =
  /** Every byte goes through. */
  | 'pass'
  /** Connections are reset as soon as they are made. */
  | 'reset'
  /** Connections are taken, and nothing ever comes. */
  | 'hang'
  /** Each connection is answered once, with 503. */
  | 'unavailable'

export interface OutageProxy {
  /** `127.0.0.1:port` */
  readonly endpoint: string
  readonly mode: ProxyMode
  /** From the client to the store, as sent, since the start. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** Open connections end. */
  readonly setMode: (mode: ProxyMode) => void
  readonly close: () => void
}

const UNAVAILABLE =
  'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'

/** `endpoint` is `host:port`. */
export async function startOutageProxy(endpoint: string): Promise<OutageProxy> {
  const [host = '', port = ''] = endpoint.split(':')
  const open = new Set<Socket>()
  const state = { mode: 'pass' as ProxyMode, bytesUp: 0, bytesDown: 0 }

  const server = createServer((client) => {
    keep(client)
    switch (state.mode) {
      case 'pass':
        return pass(client)
      case 'reset':
        return void client.resetAndDestroy()
      case 'hang':
        return void client.resume()
      case 'unavailable':
        return void client.once('data', () => client.end(UNAVAILABLE))
    }
  })

  function keep(socket: Socket): void {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    // Whoever breaks the connection knows why.
    socket.on('error', () => undefined)
  }

  function pass(client: Socket): void {
    const store = connect({ host, port: Number(port) })
    keep(store)
    client.on('data', (bytes) => (state.bytesUp += bytes.length))
    store.on('data', (bytes) => (state.bytesDown += bytes.length))
    client.pipe(store).pipe(client)
    client.on('close', () => store.destroy())
    store.on('close', () => client.destroy())
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const end = (): void => {
    for (const socket of open) socket.destroy()
  }
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get mode() {
      return state.mode
    },
    get bytesUp() {
      return state.bytesUp
    },
    get bytesDown() {
      return state.bytesDown
    },
    setMode(mode) {
      state.mode = mode
      end()
    },
    close() {
      end()
      server.close()
    },
  }
}
