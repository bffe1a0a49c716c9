/** Progress of long work: a bar on a terminal, a line now and then elsewhere. */
import { Presets, SingleBar } from 'cli-progress'

export interface Progress {
  update(done: number, total: number, note?: string): void
  /** Ends the bar with a line that stays. */
  finish(text: string): void
}

export interface ProgressOptions {
  readonly write: (text: string) => void
  readonly terminal: boolean
}

export function startProgress(label: string, { write, terminal }: ProgressOptions): Progress {
  return terminal ? bar(label, write) : lines(label, write)
}

function bar(label: string, write: (text: string) => void): Progress {
  const single = new SingleBar(
    {
      format: `  ${label.padEnd(22)} {bar} {percentage}% {note}`,
      hideCursor: true,
      clearOnComplete: true,
      stream: process.stderr,
    },
    Presets.shades_grey,
  )
  let started = false
  return {
    update(done, total, note = '') {
      if (started) {
        single.setTotal(total)
        single.update(done, { note })
      } else {
        single.start(total, done, { note })
        started = true
      }
    },
    finish(text) {
      if (started) single.stop()
      write(`  ${label.padEnd(22)} ${text}\n`)
    },
  }
}

function lines(label: string, write: (text: string) => void): Progress {
  let nextShare = 0.25
  return {
    update(done, total, note = '') {
      if (total === 0 || done / total < nextShare) return
      write(`  ${label.padEnd(22)} ${Math.floor((done / total) * 100)}% ${note}\n`)
      nextShare = Math.floor((done / total) * 4) / 4 + 0.25
    },
    finish(text) {
      write(`  ${label.padEnd(22)} ${text}\n`)
    },
  }
}
