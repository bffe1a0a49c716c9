/** Steps one after the other, each tried until it is right or patience ends, and told in a line. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface Step {
  readonly name: string
  /** Resolves to what was found, for people. Rejects with what is wrong, perhaps only not yet. */
  readonly look: () => Promise<string>
  /** What to do where it stays wrong. */
  readonly hint: string
  /** Without it the others need not be tried. */
  readonly needed?: boolean | undefined
}

export interface RunOptions {
  readonly patienceMs: number
  readonly write: (line: string) => void
}

const AGAIN_MS = 1000

/** How many were wrong. */
export async function runSteps(
  steps: readonly Step[],
  { patienceMs, write }: RunOptions,
): Promise<number> {
  let wrong = 0
  for (const [i, step] of steps.entries()) {
    const startMs = performance.now()
    const outcome = await tryFor(step, startMs + patienceMs)
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    if ('found' in outcome) {
      write(`right  ${step.name}: ${outcome.found} (${seconds} s)`)
      continue
    }
    wrong++
    write(`WRONG  ${step.name}: ${outcome.trouble} (${seconds} s)\n       ${step.hint}`)
    if (step.needed) {
      write(`       ${steps.length - i - 1} steps are not tried, they need this one`)
      break
    }
  }
  write(wrong === 0 ? `all ${steps.length} steps are right` : `${wrong} wrong`)
  return wrong
}

async function tryFor(
  { look }: Step,
  untilMs: number,
): Promise<{ readonly found: string } | { readonly trouble: string }> {
  for (;;) {
    try {
      return { found: await look() }
    } catch (error) {
      if (performance.now() >= untilMs) return { trouble: reasonOf(error) }
      await sleep(AGAIN_MS)
    }
  }
}

/** That of fetch stands in its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message
}
