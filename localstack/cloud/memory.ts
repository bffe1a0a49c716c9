/** What a process uses: processor time, and how much memory at most, with the end of it when that is more than its function has. */
import { readFileSync } from 'node:fs'

const POLL_MS = 10

export class MemoryWatch {
  readonly #pid: number
  readonly #limitBytes: number
  readonly #exceeded: () => void
  #timer: NodeJS.Timeout | undefined
  #peakBytes = 0

  constructor(pid: number, limitBytes: number, exceeded: () => void) {
    this.#pid = pid
    this.#limitBytes = limitBytes
    this.#exceeded = exceeded
  }

  get peakBytes(): number {
    return this.#peakBytes
  }

  /** V8's own limit does not count buffers, so the system is asked; it keeps the peak between two looks. */
  start(): void {
    this.#timer ??= setInterval(() => this.#look(), POLL_MS).unref()
  }

  stop(): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#look()
  }

  #look(): void {
    let status: string
    try {
      status = readFileSync(`/proc/${this.#pid}/status`, 'utf8')
    } catch {
      return // gone, or a system without /proc, where memory is not limited
    }
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(status)
    if (match === null) return
    this.#peakBytes = Math.max(this.#peakBytes, Number(match[1]) * 1024)
    if (this.#peakBytes > this.#limitBytes) this.#exceeded()
  }
}

/** Linux counts in hundredths of a second. */
const TICK_MS = 10

/** Of all its threads since it began; 0 where it is gone, or the system has no /proc. */
export function cpuMsOf(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Behind the name of the program, which may have anything in it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return 0
  }
}
