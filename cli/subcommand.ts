/** One command about a bucket: its flags as a table, the bucket it is about, and how long it may take. */
import { Command } from 'commander'
import { addFlags, flagValues } from '#agent/flags/command-flags.ts'
import { duration, type FlagValues, type Flags } from '#agent/flags/flag.ts'
import {
  OBJSTORE_HELP,
  addObjstoreFlags,
  objstoreFlags,
  openRequiredBucket,
} from '#agent/objstore.ts'
import { formatGoDuration } from '#agent/duration.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { CliContext } from './context.ts'
import { addIdleFlags, givenIdleFlags, type IdleFlags } from './idle-flags.ts'

export interface Subcommand<T extends Flags> {
  readonly name: string
  readonly description: string
  readonly flags: T
  /** What --help says behind the flags, with examples. */
  readonly help: string
  /** Words behind the name, as commander has them (`<names...>`), and what they are. */
  readonly words?: readonly [spec: string, help: string] | undefined
  /** Flags of Thanos that are taken and have no effect. */
  readonly idle?: IdleFlags | undefined
  /** The default of --timeout; '0s' for none. */
  readonly timeout: string
  readonly run: (parts: SubcommandParts<T>) => Promise<void>
}

export interface SubcommandParts<T extends Flags> {
  readonly flags: FlagValues<T>
  /** What `words` are here. */
  readonly words: readonly string[]
  readonly bucket: Bucket
  /** Of the process, and of --timeout. */
  readonly signal: AbortSignal
  readonly context: CliContext
  /** All that was given, for flags that are no row of the table. */
  readonly parsed: Readonly<Record<string, unknown>>
}

export function subcommand<T extends Flags>(
  context: CliContext,
  { name, description, flags, help, timeout, words, idle, run }: Subcommand<T>,
): Command {
  const limit = {
    timeout: duration(timeout, 'how long it may take in all, 0s for any time'),
  }
  const command = new Command(name).description(description)
  if (words) command.argument(...words)
  command.optionsGroup('Bucket:')
  addObjstoreFlags(command)
  addFlags(command, 'Options:', { ...flags, ...limit })
  if (idle) addIdleFlags(command, idle)
  return command
    .option('--debug', 'show stack traces of errors')
    .addHelpText('after', `\n${help}${OBJSTORE_HELP}`)
    .action(async () => {
      const parsed = command.opts<Record<string, unknown>>()
      const bucket = await openRequiredBucket(objstoreFlags(parsed), context.env)
      const given = idle ? givenIdleFlags(command, idle) : []
      if (given.length > 0) {
        context.writeError(`warning: flags without effect here: ${given.join(' ')}\n`)
      }
      const { timeout: timeoutMs } = flagValues(limit, parsed)
      const signal = withTimeout(context.signal, timeoutMs)
      await run({
        flags: flagValues(flags, parsed),
        words: command.args,
        bucket,
        signal,
        context,
        parsed,
      })
    })
}

function withTimeout(signal: AbortSignal, ms: number): AbortSignal {
  if (ms === 0) return signal
  const controller = new AbortController()
  const late = new DomainError(
    'timeout',
    `not done within ${formatGoDuration(ms)}, give it more with --timeout`,
  )
  setTimeout(() => controller.abort(late), ms).unref()
  return AbortSignal.any([signal, controller.signal])
}
