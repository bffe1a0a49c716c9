/** A server process on 127.0.0.1 that never outlives its test, not even when the test process is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

export interface PeerServer {
  /** What it printed so far, both streams. */
  readonly log: () => string
  /** Of the server itself. */
  readonly pid: number
  /** When it is gone, for whatever reason. */
  readonly ended: Promise<void>
  readonly stop: () => Promise<void>
}

export interface ServerCommand {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
  /** Asked until it says yes. */
  readonly ready: () => Promise<boolean>
  readonly readyTimeoutMs?: number | undefined
  /** Told all that it prints; the log keeps only the last megabyte. */
  readonly onOutput?: ((text: string) => void) | undefined
}

/**
 * Holds the server with one hand and our pipe with the other: when the pipe ends, because we closed it or
 * because we are gone, the server is told to stop, and killed if it does not. Says on 4 who the server is.
 */
const WATCHDOG = `
exec 3<&0
"$@" </dev/null 3<&- 4>&- &
server=$!
echo $server >&4
exec 4>&-
(cat <&3 >/dev/null; kill -TERM $server 2>/dev/null; sleep 5; kill -KILL $server 2>/dev/null) >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait $server
status=$?
kill $watcher 2>/dev/null
exit $status
`

export async function startServer({
  file,
  args,
  env,
  cwd,
  ready,
  readyTimeoutMs = 60_000,
  onOutput,
}: ServerCommand): Promise<PeerServer> {
  const child = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', file, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe', 'ignore', 'pipe'],
    detached: false,
  })
  let pid = ''
  const told = child.stdio[4] as Readable
  told.setEncoding('utf8').on('data', (text: string) => (pid += text))
  const named = once(told, 'end')
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-1_000_000)
      onOutput?.(text)
    })
  }
  child.stdin!.on('error', () => undefined) // it ended before we closed the pipe
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      output += String(error)
      resolve()
    })
  })
  let running = true
  void exited.then(() => (running = false))

  await Promise.race([named, exited])
  const server: PeerServer = {
    log: () => output,
    pid: Number(pid),
    ended: exited,
    async stop() {
      child.stdin!.end()
      await exited
    },
  }
  const deadline = performance.now() + readyTimeoutMs
  while (!(await ready().catch(() => false))) {
    if (!running) throw new Error(`${file} ended before it was ready:\n${output.slice(-4000)}`)
    if (performance.now() > deadline) {
      await server.stop()
      throw new Error(`${file} was not ready within ${readyTimeoutMs} ms:\n${output.slice(-4000)}`)
    }
    await sleep(50)
  }
  return server
}

/** Free at this moment; whoever starts a server on it should do so soon. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port)
        else reject(new Error('no port'))
      })
    })
  })
}

/** Whether a GET is answered with a success. */
export async function answers(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(2000) })
  await response.arrayBuffer()
  return response.ok
}
