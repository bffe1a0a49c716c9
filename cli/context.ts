/** What a command may touch of the process it runs in. Tests give their own. */
import type { Env } from '#agent/objstore.ts'
import type { ProcessSignals } from '#agent/run-command.ts'

export interface CliContext extends ProcessSignals {
  readonly env: Env
  readonly now: () => number
  /** Standard output: answers only. */
  readonly write: (text: string) => void
  /** Whether standard output is a terminal that shows colours. */
  readonly colours?: boolean | undefined
  /** Standard error: warnings and what is going on. */
  readonly writeError: (text: string) => void
  /** Standard error where somebody is looking at it: for progress bars. */
  readonly terminal?: NodeJS.WriteStream | undefined
}
