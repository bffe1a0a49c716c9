/** What a command may touch of the process it runs in. Tests give their own. */
import type { Env } from '#agent/objstore.ts'

export interface CliContext {
  readonly env: Env
  readonly now: () => number
  /** Standard output: answers only. */
  readonly write: (text: string) => void
  /** Standard error: warnings and what is going on. */
  readonly writeError: (text: string) => void
  /** The first SIGINT or SIGTERM, and the second. */
  readonly signal: AbortSignal
  readonly killSignal: AbortSignal
}
