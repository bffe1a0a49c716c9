/** Tells that something changed in directories, soon after it did; who asks looks for what it was. */
import { type FSWatcher, watch } from 'node:fs'
import { sleep } from '../sleep.ts'

export interface PathWatch {
  readonly count: number
  /** Resolves after a change since the last call, or after `ms`. Early when the signal comes. */
  changed(ms: number, signal: AbortSignal): Promise<void>
  close(): void
}

export interface PathWatchOptions {
  readonly onEvent: () => void
  readonly onError: (error: Error) => void
}

/** A new file is often several events: they are waited for. */
const SETTLE_MS = 50

/** Where a file system can't be watched, `ms` of `changed` is all there is. */
export function watchDirectories(
  dirs: Iterable<string>,
  { onEvent, onError }: PathWatchOptions,
): PathWatch {
  let wake = new AbortController()
  const watchers: FSWatcher[] = []
  for (const dir of new Set(dirs)) {
    try {
      const watcher = watch(dir, { persistent: false }, () => {
        onEvent()
        wake.abort()
      })
      watcher.on('error', onError)
      watchers.push(watcher)
    } catch (error) {
      onError(error as Error)
    }
  }
  return {
    count: watchers.length,
    async changed(ms, signal) {
      await sleep(ms, AbortSignal.any([signal, wake.signal]))
      if (!wake.signal.aborted) return
      await sleep(SETTLE_MS, signal)
      wake = new AbortController()
    },
    close() {
      for (const watcher of watchers) watcher.close()
    },
  }
}
