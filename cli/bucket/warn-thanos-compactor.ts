/** Says that a compactor of Thanos's works on the same bucket. */
import type { JobPlan, PlanInput } from '#lib/compact/plan/plan-jobs.ts'
import { findThanosCompactor, thanosCompactorText } from '#lib/compact/plan/thanos-compactor.ts'
import type { CliContext } from '../context.ts'

type Found = Pick<PlanInput, 'blocks' | 'nowMs'>

export function warnThanosCompactor(input: Found, { writeError }: CliContext): void {
  const text = textOf(input)
  if (text !== undefined) writeError(`warning: ${text}\n`)
}

/** For `onPlan` of who plans again and again. */
export function thanosCompactorOnce(
  tell: (text: string) => void,
): (plan: JobPlan, input: Found) => Promise<void> {
  let told = false
  return async (_, input) => {
    const text = told ? undefined : textOf(input)
    if (text === undefined) return
    told = true
    tell(text)
  }
}

function textOf({ blocks, nowMs }: Found): string | undefined {
  const found = findThanosCompactor(blocks, nowMs)
  return (
    found &&
    `${thanosCompactorText(found, nowMs)}; together they are safe, but do work twice, and the shorter retention of both holds: stop one of them`
  )
}
