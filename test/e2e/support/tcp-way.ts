/** A way to a server on which connections can hang, and be cut. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpWay {
  /** `127.0.0.1:port` */
  readonly endpoint: string
  /** New connections are taken, and nothing comes of them. */
  hangs: boolean
  /** Connections that were made. */
  readonly count: () => number
  /** Ends those that there are, as a server does that waited too long for a request. */
  cut(): void
  close(): void
}

/** `target` is asked for with each connection. */
export async function startTcpWay(target: () => string): Promise<TcpWay> {
  const open = new Set<Socket>()
  let count = 0
  const server = createServer((socket) => {
    count++
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    if (way.hangs) return
    const [host, port] = target().split(':') as [string, string]
    const other = connect({ host, port: Number(port) })
    other.on('error', () => socket.destroy())
    other.on('close', () => socket.destroy())
    socket.on('close', () => other.destroy())
    socket.pipe(other).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const way: TcpWay = {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hangs: false,
    count: () => count,
    cut() {
      for (const socket of open) socket.destroy()
    },
    close() {
      server.close()
      way.cut()
    },
  }
  return way
}
