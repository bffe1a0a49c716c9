/** Command lines in environment variables: flags by a table, as the commands have them. */
import { parseArgs } from 'node:util'
import { DomainError } from '#lib/model/errors.ts'
import type { Flag } from './flag-values.ts'

/** A value for each flag of the table. One of `lists` that is given again adds to its list, as in Thanos; of the others the last one counts. */
export function parseFlags<Name extends string>(
  words: readonly string[],
  table: Readonly<Record<Name, Flag>>,
  lists: ReadonlySet<string>,
): Record<Name, string> {
  const flags = Object.entries<Flag>(table)
  const options = Object.fromEntries(
    flags.map(([name, { type }]) => [name, { type, multiple: true }]),
  )
  const values: Record<string, string> = {}
  for (const [name, flag] of flags) values[name] = flag.default
  try {
    const given = parseArgs({ args: [...words], options, allowNegative: true }).values
    for (const [name, all] of Object.entries(given)) {
      values[name] = lists.has(name)
        ? (all as string[]).join(',')
        : String((all as unknown[]).at(-1))
    }
  } catch (error) {
    throw new DomainError('invalid', (error as Error).message)
  }
  return values
}

/** What `read` makes of the flags in the line of an environment variable. Throws a DomainError that names the variable too. */
export function readFlagLine<Settings>(
  variable: string,
  line: string,
  read: (words: readonly string[]) => Settings,
): Settings {
  try {
    return read(wordsOf(line))
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    throw new DomainError(error.kind, `${variable}: ${error.message}`)
  }
}

/** Words at white space; quotes keep it. */
export function wordsOf(line: string): string[] {
  const words: string[] = []
  for (const [word] of line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    words.push(word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'))
  }
  return words
}
