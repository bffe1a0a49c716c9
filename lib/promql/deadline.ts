/** Ends what takes too long, or what nobody waits for any more, whether or not it listens to its signal. */
import { DomainError } from '#lib/model/errors.ts'

/** The longest a timer can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1

const IN_QUEUE = 'query queue'
const IN_EVALUATION = 'expression evaluation'

/** Waits for its turn; what it gives is called at the end. */
export type Queue = (signal: AbortSignal) => Promise<() => void>

export async function withDeadline<T>(
  timeoutMs: number,
  client: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
  queue?: Queue,
): Promise<T> {
  if (client?.aborted) throw canceled()
  // Less than a timer can measure has passed before anything is evaluated.
  if (timeoutMs < 1) throw new DomainError('timeout', `query timed out in ${IN_QUEUE}`)
  let stage = queue ? IN_QUEUE : IN_EVALUATION
  const controller = new AbortController()
  const expire = (): void => {
    controller.abort(new DomainError('timeout', `query timed out in ${stage}`))
  }
  const cancel = (): void => controller.abort(canceled(stage))
  const timer = setTimeout(expire, Math.min(timeoutMs, MAX_TIMER_MS))
  client?.addEventListener('abort', cancel, { once: true })
  try {
    return await new Promise<T>((resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error), {
        once: true,
      })
      runInTurn(controller.signal).then(resolve, reject)
    })
  } finally {
    clearTimeout(timer)
    client?.removeEventListener('abort', cancel)
  }

  async function runInTurn(signal: AbortSignal): Promise<T> {
    const leave = await queue?.(signal)
    stage = IN_EVALUATION
    try {
      return await run(signal)
    } finally {
      leave?.()
    }
  }
}

export function canceled(stage = IN_EVALUATION): DomainError {
  return new DomainError('canceled', `query was canceled in ${stage}`)
}
