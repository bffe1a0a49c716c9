/** The configuration of a stack: its options, read from the context and checked together. */
import { fileURLToPath } from 'node:url'

import { contradictions } from './contradictions.ts'
import type { Option } from './option-values.ts'
import { flagLines } from './stack-flags.ts'
import { STACK_OPTIONS, type StackOptions } from './stack-options.ts'

/** The lines of flags have what other options add to them. */
export interface StackConfig extends StackOptions {
  /** Where `query.ts`, `store.ts` and the other functions are. */
  readonly functionsDir: string
}

/** What is wrong, all of it, for the person who wrote it. */
export class StackConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'StackConfigError'
  }
}

const OPTIONS = Object.entries<Option<unknown>>(STACK_OPTIONS)

export const DEFAULT_STACK_CONFIG: StackConfig = {
  ...(Object.fromEntries(
    OPTIONS.map(([name, option]) => [name, option.read(option.default)]),
  ) as StackOptions),
  functionsDir: fileURLToPath(new URL('../functions/', import.meta.url)),
}

/** Throws a StackConfigError. What is not in the context is as `DEFAULT_STACK_CONFIG` has it. */
export function stackConfig(context: Readonly<Record<string, unknown>>): StackConfig {
  const problems = Object.keys(context).flatMap(unknownName)
  const values: Record<string, unknown> = { ...DEFAULT_STACK_CONFIG }
  for (const [name, option] of OPTIONS) {
    const value = context[name]
    if (value === undefined || value === null) continue
    try {
      values[name] = option.read(value)
    } catch (error) {
      problems.push(`option ${name} ${(error as Error).message}`)
    }
  }
  const config = values as unknown as StackConfig
  if (problems.length === 0) problems.push(...contradictions(config))
  if (problems.length > 0) throw new StackConfigError(problems)
  return { ...config, ...flagLines(config) }
}

/** CDK's own names have a colon, or are those of feature flags. */
function unknownName(name: string): string[] {
  if (Object.hasOwn(STACK_OPTIONS, name) || /[:@]/.test(name)) return []
  const similar = OPTIONS.map(([known]) => known).filter((known) => isTypo(name, known))
  const hint =
    similar.length > 0 ? `did you mean ${similar.join(' or ')}?` : 'docs/stack-options.md has all'
  return [`there is no option ${name}: ${hint}`]
}

/** Whether at most two letters are wrong, missing or too many; whatever the case. */
function isTypo(name: string, known: string): boolean {
  const [a, b] = [name.toLowerCase(), known.toLowerCase()]
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [at, other] of [...b].entries()) {
      next.push(Math.min(row[at]! + (letter === other ? 0 : 1), row[at + 1]! + 1, next[at]! + 1))
    }
    row = next
  }
  return row[b.length]! <= 2
}
