/** Thanos's flags for which blocks are meant, by relabelling rules. */
import { readFile } from 'node:fs/promises'
import { type FlagValues, path, text } from '#agent/flags/flag.ts'
import { DomainError } from '#lib/model/errors.ts'

export const RELABEL_FLAGS = {
  'selector.relabel-config': text(
    '',
    'YAML of rules (keep, drop, hashmod) over external labels and __block_id: which blocks are meant',
    'yaml',
  ),
  'selector.relabel-config-file': path('', 'file with that YAML'),
} as const

/** The rules; '' for none. */
export async function selectorYaml(flags: FlagValues<typeof RELABEL_FLAGS>): Promise<string> {
  const yaml = flags['selector.relabel-config']
  const file = flags['selector.relabel-config-file']
  if (file === '') return yaml
  if (yaml !== '') {
    throw new DomainError(
      'invalid',
      'give --selector.relabel-config or --selector.relabel-config-file, not both',
    )
  }
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { message } = cause as Error
    throw new DomainError('invalid', `--selector.relabel-config-file: ${message}`, { cause })
  }
}
