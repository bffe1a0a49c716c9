/** Ends what takes too long, or what nobody waits for any more, whether or not it listens to its signal. */
import { DomainError } from '#lib/model/errors.ts'

/** The longest a timer can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1

export async function withDeadline<T>(
  timeoutMs: number,
  client: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (client?.aborted) throw canceled()
  // Less than a timer can measure has passed before anything is evaluated.
  if (timeoutMs < 1) throw new DomainError('timeout', 'query timed out in query queue')
  const controller = new AbortController()
  const expire = (): void => {
    controller.abort(new DomainError('timeout', 'query timed out in expression evaluation'))
  }
  const cancel = (): void => controller.abort(canceled())
  const timer = setTimeout(expire, Math.min(timeoutMs, MAX_TIMER_MS))
  client?.addEventListener('abort', cancel, { once: true })
  try {
    return await new Promise<T>((resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error), {
        once: true,
      })
      run(controller.signal).then(resolve, reject)
    })
  } finally {
    clearTimeout(timer)
    client?.removeEventListener('abort', cancel)
  }
}

export function canceled(): DomainError {
  return new DomainError('canceled', 'query was canceled in expression evaluation')
}
