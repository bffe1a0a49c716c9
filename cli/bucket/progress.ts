/** A progress bar on a terminal; nothing where nobody is looking. */
import { SingleBar } from 'cli-progress'
import type { CliContext } from '../context.ts'

export interface Progress {
  /** How much is done, of how much, and of what. */
  show(done: number, total: number, text: string): void
  end(): void
}

export function progressBar({ terminal }: CliContext): Progress {
  if (terminal === undefined) return { show() {}, end() {} }
  const bar = new SingleBar({
    format: '{bar} {percentage}% {text}',
    stream: terminal,
    hideCursor: true,
    clearOnComplete: true,
    fps: 5,
    barsize: 30,
  })
  let begun = false
  return {
    show(done, total, text) {
      if (!begun) bar.start(total, done, { text })
      begun = true
      bar.setTotal(total)
      bar.update(done, { text })
    },
    end() {
      if (begun) bar.stop()
      begun = false
    },
  }
}
