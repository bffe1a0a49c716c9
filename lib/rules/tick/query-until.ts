/** Queries of rules that end with the time of the tick, even where an answer does not come at all. */
import { DomainError } from '#lib/model/errors.ts'
import type { RuleQuery } from '../evaluate/contract.ts'

/** They fail with 'timeout' then, as those do that are too slow. */
export function queryUntil(query: RuleQuery, cut: AbortSignal): RuleQuery {
  return async (expr, timeMs, options) => {
    const signal = options.signal ? AbortSignal.any([cut, options.signal]) : cut
    let onAbort: (() => void) | undefined
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(timedOut())
      signal.addEventListener('abort', onAbort)
    })
    try {
      if (signal.aborted) throw timedOut()
      return await Promise.race([query(expr, timeMs, { ...options, signal }), aborted])
    } catch (error) {
      throw cut.aborted ? timedOut() : error
    } finally {
      signal.removeEventListener('abort', onAbort!)
    }
  }
}

function timedOut(): DomainError {
  return new DomainError('timeout', 'query timed out in expression evaluation')
}
