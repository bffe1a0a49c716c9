/** The compactor's settings as flags: Thanos's for what is kept and how blocks are merged, as the functions have them. */
import type { Command } from 'commander'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'
import { COMPACT_FLAGS, type CompactFlag, compactSettings } from '#lib/lambda/compact-flags.ts'
import { addFlags, wordsOfFlags } from '../flag-options.ts'

const ALL = Object.keys(COMPACT_FLAGS) as CompactFlag[]

/** Adds the settings that mean something to the command. */
export function addSettingsFlags(command: Command, names: readonly CompactFlag[] = ALL): Command {
  command.optionsGroup('What is kept and made:')
  return addFlags(command, tableOf(names))
}

/** `more`: words of flags that the command has not. Throws a DomainError 'invalid' that names the flag. */
export function settingsOf(
  parsed: Readonly<Record<string, unknown>>,
  names: readonly CompactFlag[] = ALL,
  more: readonly string[] = [],
): CompactSettings {
  return compactSettings([...wordsOfFlags(parsed, tableOf(names)), ...more])
}

function tableOf(names: readonly CompactFlag[] = ALL) {
  return Object.fromEntries(names.map((name) => [name, COMPACT_FLAGS[name]]))
}
