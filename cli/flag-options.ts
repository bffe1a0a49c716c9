/** Flags of a table as options of a command: the queries' flags, which the functions have in one variable. */
import { type Command, Option } from 'commander'
import type { Flag } from '#lib/lambda/flag-values.ts'

type FlagTable = Readonly<Record<string, Flag>>

export function addFlags(command: Command, table: FlagTable): Command {
  for (const option of optionsOf(table)) command.addOption(option)
  return command
}

/** What was given of them, as words of a command line. */
export function wordsOfFlags(
  parsed: Readonly<Record<string, unknown>>,
  table: FlagTable,
): string[] {
  return Object.entries(table).flatMap(([name, flag]) => {
    const value = parsed[optionOf(name, flag).attributeName()]
    if (value === undefined) return []
    if (flag.type === 'boolean') return [value === true ? `--${name}` : `--no-${name}`]
    return (value as readonly string[]).map((one) => `--${name}=${one}`)
  })
}

function optionsOf(table: FlagTable): Option[] {
  return Object.entries(table).flatMap(([name, flag]) => {
    const option = optionOf(name, flag)
    if (flag.type === 'string') return [option]
    return [option, new Option(`--no-${name}`).hideHelp()]
  })
}

function optionOf(name: string, { type, default: value, help }: Flag): Option {
  if (type === 'boolean') return new Option(`--${name}`, `${help} (default: ${value})`)
  const shown = value === '' ? help : `${help} (default: ${value})`
  return new Option(`--${name} <value>`, shown).argParser((text: string, before: unknown) => [
    ...((before as readonly string[] | undefined) ?? []),
    text,
  ])
}
