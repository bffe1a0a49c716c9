/** What a token is: the record in the bucket, and the text that its holder has. */
import { createHash } from 'node:crypto'
import type { AccessScope } from '#lib/model/caller.ts'

export interface Token {
  /** A ULID. */
  readonly id: string
  /** For people; of all tokens that are not over, no two have the same. */
  readonly name: string
  readonly tenant?: string | undefined
  readonly scopes: readonly AccessScope[]
  readonly createdMs: number
  /** Undefined: never. */
  readonly expiresMs?: number | undefined
  readonly revokedMs?: number | undefined
  /** Oldest first. More than one while a rotation goes on. */
  readonly secrets: readonly TokenSecret[]
}

export interface TokenSecret {
  /** SHA-256 of the token's text, in base64url. The text has 256 random bits, so a slow hash would protect nothing more. */
  readonly hash: string
  readonly createdMs: number
  /** Where a newer one took its place: until then it still opens the door. */
  readonly untilMs?: number | undefined
}

export const SECRET_BYTES = 32

/**
 * The text of a token: it starts so that scanners for leaked secrets can know it, and names its record so that people can
 * tell which one to revoke. All of it together is the secret.
 */
export function tokenText(id: string, random: Uint8Array): string {
  return `thaw_${id}_${Buffer.from(random).toString('base64url')}`
}

const TEXT = /^thaw_([0-9A-HJKMNP-TV-Z]{26})_[A-Za-z0-9_-]{43}$/

/** The id in it; undefined where the text is no token's. */
export function idOfText(text: string): string | undefined {
  return TEXT.exec(text)?.[1]
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

export type TokenState = 'valid' | 'revoked' | 'expired'

export function stateOf({ revokedMs, expiresMs }: Token, nowMs: number): TokenState {
  if (revokedMs !== undefined) return 'revoked'
  return expiresMs !== undefined && expiresMs <= nowMs ? 'expired' : 'valid'
}

/** When it got its newest secret; undefined where that is the first. */
export function rotatedMs({ createdMs, secrets }: Token): number | undefined {
  const newest = secrets.at(-1)
  return newest === undefined || newest.createdMs === createdMs ? undefined : newest.createdMs
}

export function liveSecrets({ secrets }: Token, nowMs: number): readonly TokenSecret[] {
  return secrets.filter(({ untilMs }) => untilMs === undefined || untilMs > nowMs)
}
