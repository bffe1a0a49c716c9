/** Whether credentials are those of a token: yes, or why not. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Caller } from '#lib/model/caller.ts'
import { readCredentials } from './credentials.ts'
import { stateOf, type Token } from './token.ts'

/** For the log. The client is told that it may not, and nothing else. */
export type RefusalReason =
  | 'none' // no credentials
  | 'malformed' // neither Basic nor Bearer
  | 'unknown' // no token has, or had, this secret
  | 'user' // basic authentication with a token of another name
  | 'revoked'
  | 'expired'
  | 'rotated' // a secret that a newer one took the place of

export interface Refusal {
  readonly reason: RefusalReason
  /** Of the token whose secret it was, where it was one's. */
  readonly tokenId?: string | undefined
}

export type Verdict = { readonly caller: Caller } | { readonly refusal: Refusal }

/** Tokens with the hashes as bytes, which is how they are compared. */
export type TokenTable = readonly { readonly token: Token; readonly hashes: readonly Buffer[] }[]

export function tokenTable(tokens: readonly Token[]): TokenTable {
  return tokens.map((token) => ({
    token,
    hashes: token.secrets.map(({ hash }) => Buffer.from(hash, 'base64url')),
  }))
}

/**
 * The same work for whatever is asked: the hash is compared with that of every secret there is, without looking for an id
 * first, and all else is asked after that. How long it takes tells nothing.
 */
export function verifyHeader(
  header: string | undefined,
  table: TokenTable,
  nowMs: number,
): Verdict {
  const credentials = readCredentials(header)
  const { text, user } = typeof credentials === 'string' ? { text: '' } : credentials
  const hash = createHash('sha256').update(text).digest()
  let tokenIndex = -1
  let secretIndex = -1
  for (let i = 0; i < table.length; i++) {
    const { hashes } = table[i]!
    for (let j = 0; j < hashes.length; j++) {
      const isEqual = timingSafeEqual(hashes[j]!, hash)
      tokenIndex = isEqual ? i : tokenIndex
      secretIndex = isEqual ? j : secretIndex
    }
  }
  if (typeof credentials === 'string') return refused(credentials)
  const token = table[tokenIndex]?.token
  if (token === undefined) return refused('unknown')
  const { id, name, tenant, scopes } = token
  if (user !== undefined && user !== id && user !== name) return refused('user', id)
  const state = stateOf(token, nowMs)
  if (state !== 'valid') return refused(state, id)
  const { untilMs } = token.secrets[secretIndex]!
  if (untilMs !== undefined && untilMs <= nowMs) return refused('rotated', id)
  return { caller: { id, name, tenant, scopes } }
}

function refused(reason: RefusalReason, tokenId?: string): Verdict {
  return { refusal: { reason, ...(tokenId !== undefined && { tokenId }) } }
}
