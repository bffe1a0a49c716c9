/** Texts that are never shown: what is private stays out of logs, JSON and errors. */
import { readFile } from 'node:fs/promises'
import { DomainError } from '#lib/model/errors.ts'

/** Read for each request, so that a file may change. */
export interface Secret {
  read(): Promise<string>
}

export function inlineSecret(text: string): Secret {
  return { read: async () => text }
}

/** White space around it does not count. */
export function fileSecret(path: string): Secret {
  return { read: async () => (await readText(path)).trim() }
}

export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DomainError('unavailable', (cause as Error).message, { cause })
  }
}
