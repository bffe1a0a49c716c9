/** What an aborted signal becomes: a DomainError that says whether someone gave up or time ran out. */
import { DomainError } from '#lib/model/errors.ts'

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal)
}

/** The signal's own DomainError when it has one, so that the caller's words reach the user. */
export function abortError(signal: AbortSignal): DomainError {
  const reason: unknown = signal.reason
  if (reason instanceof DomainError) return reason
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    return new DomainError('timeout', 'deadline reached while waiting for storage', {
      cause: reason,
    })
  }
  return new DomainError('canceled', 'canceled while waiting for storage', { cause: reason })
}

/** Settles with `promise`, or rejects as soon as the signal aborts. The work behind `promise` goes on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  if (signal.aborted) {
    promise.catch(() => undefined)
    return Promise.reject(abortError(signal))
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
