/** The flags as options of a commander command, and what was parsed as values. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { DomainError } from '#lib/model/errors.ts'
import { OBJSTORE_HELP, addObjstoreFlags } from '../objstore.ts'
import { DEFAULT_SHIPPER_FILE } from '../ship/shipper-state.ts'
import { PROCESS_FLAGS, PROMETHEUS_FLAGS } from './agent-flags.ts'
import type { Flag, FlagValues, Flags } from './flag.ts'

export function addAgentFlags(command: Command): Command {
  addFlags(command, 'Prometheus:', PROMETHEUS_FLAGS)
  command.optionsGroup('Bucket:')
  addObjstoreFlags(command)
  addFlags(command, 'This process:', PROCESS_FLAGS)
  return command
    .option('--once', 'make one pass, print what was done and end')
    .option('--debug', 'show stack traces of errors')
    .addHelpText('after', AGENT_HELP)
}

const AGENT_HELP = `
Prometheus needs three things:
  - external labels that are its own, in prometheus.yml:  global: {external_labels: {cluster: eu, replica: a}}
  - --storage.tsdb.min-block-duration=2h --storage.tsdb.max-block-duration=2h, so that it leaves its blocks alone
    (or, from 3.8 on, --storage.tsdb.delay-compact-file.path=<data>/${DEFAULT_SHIPPER_FILE})
  - a data directory that this process can read and write
${OBJSTORE_HELP}
Examples:
  $ thaw agent --tsdb.path=/var/lib/prometheus/metrics2 --objstore.config-file=bucket.yml
  $ thaw agent --once --tsdb.path=./data --objstore.config='{type: FILESYSTEM, config: {directory: ./bucket}}'
`

export function addFlags(command: Command, group: string, flags: Flags): void {
  command.optionsGroup(group)
  for (const [name, flag] of Object.entries(flags)) {
    command.addOption(optionOf(name, flag))
    if (flag.kind === 'toggle') command.addOption(new Option(`--no-${name}`).hideHelp())
  }
}

function optionOf(name: string, flag: Flag<unknown>): Option {
  const long = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`
  if (flag.kind === 'toggle') return new Option(long, flag.help).default(flag.parse(flag.default))
  const option = new Option(`${long} <${flag.placeholder}>`, flag.help)
  if (flag.kind === 'list') {
    return option
      .argParser((text, before: readonly unknown[]) => [...before, ...(parsed(text) as unknown[])])
      .default([], 'none')
  }
  return option.argParser(parsed).default(flag.parse(flag.default), flag.default || 'none')

  function parsed(text: string): unknown {
    try {
      return flag.parse(text)
    } catch (error) {
      if (error instanceof DomainError) throw new InvalidArgumentError(`${error.message}.`)
      throw error
    }
  }
}

/** Commander keeps values under names of its own. */
export function flagValues<T extends Flags>(
  flags: T,
  parsed: Readonly<Record<string, unknown>>,
): FlagValues<T> {
  const entries = Object.keys(flags).map((name) => [
    name,
    parsed[new Option(`--${name}`).attributeName()],
  ])
  return Object.fromEntries(entries) as FlagValues<T>
}
