/** A program that is killed and started again, with the same arguments. */
import { createWriteStream, type WriteStream } from 'node:fs'
import { type PeerServer, type ServerCommand, startServer } from '#test/peer/server.ts'

export interface Restartable {
  /** Undefined while it is down. */
  readonly pid: number | undefined
  /** How often it ended although nobody told it to. */
  readonly unexpectedEnds: readonly string[]
  start(): Promise<void>
  /** Resolves when it is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  stop(): Promise<void>
}

/** All that it prints goes on at the end of `logFile`. */
export function restartable(
  command: Omit<ServerCommand, 'onOutput'>,
  logFile: string,
): Restartable {
  let running: PeerServer | undefined
  const log: WriteStream = createWriteStream(logFile, { flags: 'a' })
  const unexpectedEnds: string[] = []
  async function noteEnd(server: PeerServer): Promise<void> {
    await server.ended
    if (running === server) unexpectedEnds.push(server.log().slice(-2000))
  }
  return {
    get pid() {
      return running?.pid
    },
    unexpectedEnds,
    async start() {
      const server = await startServer({ ...command, onOutput: (text) => log.write(text) })
      running = server
      void noteEnd(server)
    },
    async kill(signal) {
      const server = running
      if (server === undefined) return
      running = undefined
      process.kill(server.pid, signal)
      await server.ended
    },
    async stop() {
      const server = running
      running = undefined
      await server?.stop()
      await new Promise<void>((resolve) => log.end(resolve))
    },
  }
}
