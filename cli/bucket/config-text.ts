/** A configuration that is given as a file or as text, as Thanos's pairs of flags have it. */
import { readFile } from 'node:fs/promises'
import type { Env } from '#agent/objstore.ts'
import { DomainError } from '#lib/model/errors.ts'

export interface GivenConfig {
  /** Of the flag that has the text; that of the file ends in `-file`. */
  readonly flag: string
  /** '' where it was not given. */
  readonly text: string
  readonly file: string
}

/** `$(VAR)` is replaced from the environment. '' where neither was given. */
export async function configText({ flag, text, file }: GivenConfig, env: Env): Promise<string> {
  if (text !== '' && file !== '') {
    throw new DomainError('invalid', `give --${flag} or --${flag}-file, not both`)
  }
  const found = file === '' ? text : await contents(file, flag)
  return found.replaceAll(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (_, name: string) => {
    const value = env[name]
    if (value !== undefined) return value
    throw new DomainError('invalid', `--${flag}: there is no environment variable ${name}`)
  })
}

async function contents(file: string, flag: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { message } = cause as Error
    throw new DomainError('invalid', `--${flag}-file: ${message}`, { cause })
  }
}
