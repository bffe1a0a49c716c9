/** How long the doctor waits for an answer, and what it takes for one. */
import { describeError } from '#agent/logger.ts'
import { spanText } from '#lib/compact/plan/plan-text.ts'
import type { Known } from '#lib/doctor/finding.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'

export interface Patience {
  /** For one answer. */
  readonly answerMs: number
  /** Of the process, and of the whole examination. */
  readonly signal: AbortSignal
}

/** What `work` finds, or why it does not. Never waits longer than it should, also for work that does not end at the signal. */
export async function known<T>(
  { answerMs, signal }: Patience,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<Known<T>> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let stop = (): void => {}
  const ended = new Promise<never>((_, reject) => {
    const give = (error: DomainError): void => {
      reject(error)
      controller.abort(error)
    }
    timer = setTimeout(() => {
      give(new DomainError('timeout', `no answer within ${spanText(answerMs)}`))
    }, answerMs)
    stop = () => give(new DomainError('canceled', 'the examination ended before'))
    signal.addEventListener('abort', stop, { once: true })
  })
  ended.catch(() => {})
  try {
    if (signal.aborted) stop()
    return { value: await Promise.race([ended, work(controller.signal)]) }
  } catch (error) {
    const isExpected = error instanceof DomainError
    return {
      failed: `${isExpected ? '' : 'unexpected error: '}${describeError(error)}`,
      ...(isKind(error, 'unauthorized') && { isDenied: true }),
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

/** The value, or what is there without one. */
export function valueOr<T>(answer: Known<T>, otherwise: T): T {
  return 'value' in answer ? answer.value : otherwise
}
