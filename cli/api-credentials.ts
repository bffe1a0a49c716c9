/** The credentials of an HTTP API as the command line names them: a password, or a file with a bearer token. */
import { readFile } from 'node:fs/promises'
import { DomainError } from '#lib/model/errors.ts'

export interface CredentialFlags {
  readonly user?: string | undefined
  readonly tokenFile?: string | undefined
}

/** The header, or none. Rejects with 'invalid'. */
export async function credentialHeaders({
  user,
  tokenFile,
}: CredentialFlags): Promise<Record<string, string>> {
  if (user !== undefined && tokenFile !== undefined) {
    throw new DomainError('invalid', 'give --user or --token-file, not both')
  }
  if (tokenFile !== undefined) {
    return { authorization: `Bearer ${await readToken(tokenFile)}` }
  }
  if (user === undefined) return {}
  return { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
}

/** Read from a file: what stands on a command line, others on the machine can see. */
async function readToken(path: string): Promise<string> {
  let token: string
  try {
    token = (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw new DomainError('invalid', `--token-file: ${(cause as Error).message}`, { cause })
  }
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new DomainError('invalid', `--token-file: there is no token in ${path}`)
}
