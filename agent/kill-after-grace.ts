/** The end of patience after the agent was asked to stop. */

export interface Kill {
  readonly signal: AbortSignal
  dispose(): void
}

/** A signal that comes `graceMs` after `stopping`, or with `now`. */
export function killAfterGrace(
  graceMs: number,
  stopping: AbortSignal,
  now: AbortSignal | undefined,
): Kill {
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer = setTimeout(() => late.abort(new Error('the grace period is over')), graceMs)
    timer.unref()
  }
  if (stopping.aborted) begin()
  else stopping.addEventListener('abort', begin, { once: true })
  return {
    signal: now === undefined ? late.signal : AbortSignal.any([late.signal, now]),
    dispose() {
      stopping.removeEventListener('abort', begin)
      clearTimeout(timer)
    },
  }
}
