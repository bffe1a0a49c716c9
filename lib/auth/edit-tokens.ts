/** Tokens are made, get a new secret, and are revoked. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { AccessScope } from '#lib/model/caller.ts'
import { DomainError } from '#lib/model/errors.ts'
import { hashOf, liveSecrets, SECRET_BYTES, stateOf, type Token, tokenText } from './token.ts'
import { changeTokens } from './token-list.ts'

export interface EditParts {
  readonly bucket: Bucket
  readonly now: () => number
  readonly newUlid: () => string
  /** Cryptographically random bytes. */
  readonly random: (byteLength: number) => Uint8Array
  readonly signal?: AbortSignal | undefined
}

export interface NewToken {
  readonly name: string
  readonly tenant?: string | undefined
  readonly scopes: readonly AccessScope[]
  /** Undefined: never. */
  readonly expiresMs?: number | undefined
}

/** A token with its text, which is known this once only. */
export interface IssuedToken {
  readonly token: Token
  readonly text: string
}

/** How long tokens that are over are kept, so that the list says what there was. */
const KEEP_MS = 90 * 86_400_000
/** Of one token at one time: each rotation adds one, until the older ones are over. */
const MAX_SECRETS = 5

/** Rejects with 'invalid' for a bad name, tenant, scope or time, and with 'conflict' where a token that is not over has the name. */
export async function createToken(parts: EditParts, wanted: NewToken): Promise<IssuedToken> {
  const nowMs = parts.now()
  const { name, tenant, scopes, expiresMs } = wanted
  checkName(name)
  if (tenant !== undefined) checkTenant(tenant)
  if (scopes.length === 0) throw new DomainError('invalid', 'a token needs a scope')
  checkExpiry(expiresMs, nowMs)
  const id = parts.newUlid()
  const text = tokenText(id, parts.random(SECRET_BYTES))
  const token: Token = {
    id,
    name,
    ...(tenant !== undefined && { tenant }),
    scopes: [...new Set(scopes)],
    createdMs: nowMs,
    ...(expiresMs !== undefined && { expiresMs }),
    secrets: [{ hash: hashOf(text), createdMs: nowMs }],
  }
  await changeTokens(
    parts.bucket,
    (tokens) => {
      if (tokens.some((one) => one.id === id)) return tokens
      const other = tokens.find((one) => one.name === name && stateOf(one, nowMs) === 'valid')
      if (other) {
        throw new DomainError(
          'conflict',
          `there is a token ${name} (${other.id}) already: rotate it, revoke it, or take another name`,
        )
      }
      return [...withoutOld(tokens, nowMs), token]
    },
    parts.signal,
  )
  return { token, text }
}

export interface Rotation {
  /** How long the secrets that it has go on to open the door. */
  readonly overlapMs: number
  /** A new end for the token; undefined: the one it has; Infinity: none. */
  readonly expiresMs?: number | undefined
}

/**
 * Gives a token a new secret. `reference` is an id or a name.
 * Rejects with 'not-found', with 'invalid' where the token is over, and with 'limit' where too many rotations overlap.
 */
export async function rotateToken(
  parts: EditParts,
  reference: string,
  { overlapMs, expiresMs }: Rotation,
): Promise<IssuedToken> {
  const nowMs = parts.now()
  checkExpiry(expiresMs, nowMs)
  const random = parts.random(SECRET_BYTES)
  let issued: IssuedToken | undefined
  await changeTokens(
    parts.bucket,
    (tokens) => {
      const token = findToken(tokens, reference, nowMs)
      const text = tokenText(token.id, random)
      const hash = hashOf(text)
      if (token.secrets.some((secret) => secret.hash === hash)) {
        issued = { token, text }
        return tokens
      }
      const state = stateOf(token, nowMs)
      if (state !== 'valid') {
        throw new DomainError('invalid', `token ${token.name} (${token.id}) is ${state}`)
      }
      const untilMs = nowMs + overlapMs
      const before = liveSecrets(token, nowMs)
        .map((one) => ({ ...one, untilMs: Math.min(one.untilMs ?? Infinity, untilMs) }))
        .filter((one) => one.untilMs > nowMs)
      if (before.length >= MAX_SECRETS) {
        throw new DomainError(
          'limit',
          `token ${token.name} (${token.id}) has ${before.length} secrets that still hold: wait until one is over, or end them with an overlap of 0s`,
        )
      }
      const { expiresMs: endsMs = Infinity, ...unended } = token
      const untilEnd = expiresMs ?? endsMs
      const rotated: Token = {
        ...unended,
        ...(untilEnd < Infinity && { expiresMs: untilEnd }),
        secrets: [...before, { hash, createdMs: nowMs }],
      }
      issued = { token: rotated, text }
      return replaced(withoutOld(tokens, nowMs), rotated)
    },
    parts.signal,
  )
  return issued!
}

/** Returns the token and whether it was revoked just now. Rejects with 'not-found'. */
export async function revokeToken(
  parts: Omit<EditParts, 'newUlid' | 'random'>,
  reference: string,
): Promise<{ readonly token: Token; readonly changed: boolean }> {
  const nowMs = parts.now()
  let before: Token | undefined
  const tokens = await changeTokens(
    parts.bucket,
    (all) => {
      const token = findToken(all, reference, nowMs)
      before ??= token
      if (token.revokedMs !== undefined) return all
      return replaced(withoutOld(all, nowMs), { ...token, revokedMs: nowMs })
    },
    parts.signal,
  )
  const { id, revokedMs } = before!
  return { token: tokens.find((one) => one.id === id)!, changed: revokedMs === undefined }
}

/** By id, or by name the one that is not over, or else the last that was. Throws 'not-found'. */
export function findToken(tokens: readonly Token[], reference: string, nowMs: number): Token {
  const named = tokens.filter(({ name }) => name === reference)
  const found =
    tokens.find(({ id }) => id === reference) ??
    named.find((token) => stateOf(token, nowMs) === 'valid') ??
    named.at(-1)
  if (found) return found
  // What was asked for may be a secret, put there by mistake.
  throw new DomainError('not-found', 'there is no token of that id or name, see: thaw token list')
}

function replaced(tokens: readonly Token[], token: Token): readonly Token[] {
  return tokens.map((one) => (one.id === token.id ? token : one))
}

function withoutOld(tokens: readonly Token[], nowMs: number): readonly Token[] {
  const kept = nowMs - KEEP_MS
  return tokens.filter(
    ({ revokedMs = Infinity, expiresMs = Infinity }) => Math.min(revokedMs, expiresMs) > kept,
  )
}

/** A user name of basic authentication ends at the first colon. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/

function checkName(name: string): void {
  if (name.startsWith('thaw_')) {
    throw new DomainError('invalid', 'a name is no secret: it may not begin with thaw_')
  }
  if (!NAME.test(name) || /^[0-9A-Z]{26}$/.test(name)) {
    throw new DomainError(
      'invalid',
      `${JSON.stringify(name)} is no name of a token: write up to 64 letters, digits and . _ @ -`,
    )
  }
}

function checkExpiry(expiresMs: number | undefined, nowMs: number): void {
  if (expiresMs === undefined || expiresMs > nowMs) return
  throw new DomainError('invalid', 'the token would be expired already')
}

/** As a tenant of a header is, and what a header and a label can hold. */
function checkTenant(tenant: string): void {
  if (!/^[\x21-\x2e\x30-\x7e](?:[\x20-\x2e\x30-\x7e]{0,126}[\x21-\x2e\x30-\x7e])?$/.test(tenant)) {
    throw new DomainError(
      'invalid',
      `${JSON.stringify(tenant)} is no tenant: write up to 128 printable ASCII characters without /`,
    )
  }
}
