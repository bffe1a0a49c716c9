/** Flags of Thanos for what is done in another way here or not at all: taken, so that command lines go on working, and told that they have no effect. */
import { type Command, Option } from 'commander'

export interface IdleFlags {
  readonly values: readonly string[]
  readonly toggles: readonly string[]
}

export function addIdleFlags(command: Command, { values, toggles }: IdleFlags): Command {
  for (const name of values) command.addOption(new Option(`--${name} <value>`).hideHelp())
  for (const name of toggles) {
    command.addOption(new Option(`--${name}`).hideHelp())
    command.addOption(new Option(`--no-${name}`).hideHelp())
  }
  return command
}

/** Those that were given. */
export function givenIdleFlags(command: Command, { values, toggles }: IdleFlags): string[] {
  return [...values, ...toggles].filter((name) => {
    const key = new Option(`--${name}`).attributeName()
    return command.getOptionValueSource(key) === 'cli'
  })
}
