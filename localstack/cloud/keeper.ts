/** Ends the execution environments when this process is gone, however it went: a frozen process cannot end itself. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

// Reads `+ pid` and `- pid` until its input closes, which it does when we exit or are killed.
const SCRIPT = `
pids=' '
while read -r op pid; do
  case "$op" in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
`

export class Keeper {
  readonly #shell: ChildProcess

  constructor() {
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // What is sent to our whole process group must not reach it.
      detached: true,
    })
    this.#shell.stdin?.on('error', () => {})
    this.#shell.unref()
  }

  get pid(): number | undefined {
    return this.#shell.pid
  }

  watch(pid: number): void {
    this.#shell.stdin?.write(`+ ${pid}\n`)
  }

  /** To be told as soon as a process has ended: its number may be given to another. */
  forget(pid: number): void {
    this.#shell.stdin?.write(`- ${pid}\n`)
  }

  async close(): Promise<void> {
    if (this.#shell.exitCode !== null) return
    const gone = new Promise((resolve) => this.#shell.once('exit', resolve))
    this.#shell.ref()
    this.#shell.stdin?.end()
    await gone
  }
}
