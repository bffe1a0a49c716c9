/** The parts of `thaw serve` that its flags ask for. */
import type { Env } from '#agent/objstore.ts'
import type { Logger, LogFormat, LogLevel } from '#agent/logger.ts'
import { compactSettings } from '#lib/lambda/compact-flags.ts'
import { readFlagLine } from '#lib/lambda/parse-flags.ts'
import { ruleSettings } from '#lib/lambda/rule-flags.ts'
import { DomainError } from '#lib/model/errors.ts'
import { threadEntry } from '../thread-entry.ts'
import { Part } from './part.ts'
import type { PartName } from './part-messages.ts'

export interface PartFlags {
  readonly compact?: boolean | undefined
  readonly 'compact.flags'?: string | undefined
  readonly rule?: boolean | undefined
  readonly 'rule.flags'?: string | undefined
  readonly 'log.level': LogLevel
  readonly 'log.format': LogFormat
}

/** In which their flags are, by part. Throws 'invalid' for what can be told without the bucket. */
export function wantedParts(
  flags: PartFlags,
  yaml: string | undefined,
): ReadonlyMap<PartName, string> {
  const wanted = new Map<PartName, string>()
  const want = (
    name: PartName,
    line: string | undefined,
    read: (words: readonly string[]) => unknown,
  ): void => {
    if (flags[name] !== true && line === undefined) return
    readFlagLine(`--${name}.flags`, line ?? '', read)
    wanted.set(name, line ?? '')
  }
  want('compact', flags['compact.flags'], compactSettings)
  want('rule', flags['rule.flags'], ruleSettings)
  if (yaml === undefined && wanted.size > 0) {
    const names = [...wanted.keys()].map((name) => `--${name}`).join(' and ')
    throw new DomainError(
      'invalid',
      `${names}: there is work in a bucket only, name it with --objstore.config-file`,
    )
  }
  return wanted
}

export interface StartParts {
  readonly wanted: ReadonlyMap<PartName, string>
  readonly flags: PartFlags
  readonly yaml: string
  readonly env: Env
  readonly cacheBytes: number
  /** Of each thread; as Node has it without it. */
  readonly heapMiB: number | undefined
  readonly logger: Logger
  readonly now: () => number
  readonly onRefused: (error: DomainError) => void
}

export function startParts(options: StartParts): Part[] {
  const { wanted, flags, yaml, env, cacheBytes, heapMiB, logger, now, onRefused } = options
  const log = { level: flags['log.level'], format: flags['log.format'] }
  return [...wanted].map(
    ([name, line]) =>
      new Part({
        data: { name, flags: line, yaml, env: { ...env }, log, cacheBytes },
        entry: threadEntry('part-worker'),
        ...(heapMiB !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapMiB } }),
        logger,
        now,
        onRefused,
      }),
  )
}
