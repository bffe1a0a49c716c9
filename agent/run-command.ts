/** Runs a commander program as a process does: signals, one line for an expected error, exit codes. */
import { type Command, CommanderError } from 'commander'
import { DomainError } from '#lib/model/errors.ts'
import { describeError } from './logger.ts'

export interface ProcessSignals {
  /** The first SIGTERM or SIGINT. */
  readonly signal: AbortSignal
  /** The second one. */
  readonly killSignal: AbortSignal
  /** Without a listener SIGHUP ends the process, as it does by default. */
  readonly onHangup: (listener: () => void) => void
}

/** The first SIGINT or SIGTERM asks for the end, the second one demands it. */
export function processSignals(): ProcessSignals {
  const first = new AbortController()
  const second = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (first.signal.aborted) second.abort(new Error(`${name} again`))
      else first.abort(new Error(name))
    })
  }
  return {
    signal: first.signal,
    killSignal: second.signal,
    onHangup: (listener) => void process.on('SIGHUP', listener),
  }
}

/** An error as people see it: what happened and, after a comma or colon, what to do next. */
export function errorLine(error: unknown): string {
  return error instanceof DomainError
    ? `thaw: ${describeError(error)}\n`
    : `thaw: unexpected error: ${describeError(error)} (--debug shows where)\n`
}

/** The exit code. Prints the error, and its stack when `--debug` is among the arguments. */
export async function runCommand(
  program: Command,
  argv: readonly string[],
  writeError: (text: string) => void = (text) => void process.stderr.write(text),
): Promise<number> {
  throwInsteadOfExit(program)
  try {
    await program.parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has told the reason already.
    if (error instanceof CommanderError) return error.exitCode
    writeError(errorLine(error))
    if (argv.includes('--debug') && error instanceof Error) writeError(`${error.stack}\n`)
    return 1
  }
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride().showSuggestionAfterError(true)
  for (const child of command.commands) throwInsteadOfExit(child)
}
