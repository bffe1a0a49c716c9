/** All tokens, as one object of the bucket that is changed by compare-and-swap. It holds hashes, never a secret. */
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type AccessScope, SCOPES } from '#lib/model/caller.ts'
import { DomainError, isKind, refuseNewer } from '#lib/model/errors.ts'
import type { Token, TokenSecret } from './token.ts'

export const TOKENS_KEY = 'thaw/tokens.json.gz'
const VERSION = 1
/** All of them are compared with each request that comes in. */
export const MAX_TOKENS = 5000
const MAX_DECODED_BYTES = 16 * 1024 * 1024

/** `etag` is undefined where there is no object yet. Rejects with 'invalid' where what is there is no list of tokens, 'unsupported' where it is a newer thaw's. */
export async function readTokens(
  bucket: Bucket,
  signal?: AbortSignal,
): Promise<{ readonly tokens: readonly Token[]; readonly etag?: string }> {
  try {
    const { body, etag } = await bucket.get(TOKENS_KEY, { signal })
    return { tokens: decodeTokens(body), etag }
  } catch (error) {
    if (isKind(error, 'not-found')) return { tokens: [] }
    throw error
  }
}

/**
 * Does `change` to the tokens of now, and again where another one was faster; what it returns is written. It must find out
 * whether it was done already: a write whose answer was lost may have won. Returns what was written.
 */
export async function changeTokens(
  bucket: Bucket,
  change: (tokens: readonly Token[]) => readonly Token[],
  signal?: AbortSignal,
): Promise<readonly Token[]> {
  for (;;) {
    const { tokens, etag } = await readTokens(bucket, signal)
    const next = change(tokens)
    if (next === tokens) return tokens
    if (next.length > MAX_TOKENS) {
      throw new DomainError('limit', `there are ${MAX_TOKENS} tokens already, revoke some`)
    }
    const condition = etag === undefined ? { ifAbsent: true } : { ifMatch: etag }
    try {
      await bucket.put(TOKENS_KEY, encodeTokens(next), { ...condition, signal })
      return next
    } catch (error) {
      if (!isKind(error, 'conflict')) throw error
    }
  }
}

export function encodeTokens(tokens: readonly Token[]): Uint8Array {
  return gzipSync(JSON.stringify({ version: VERSION, tokens }))
}

/** Throws a DomainError without a word of what is in it. */
export function decodeTokens(body: Uint8Array): readonly Token[] {
  let json: unknown
  try {
    const text = gunzipSync(body, { maxOutputLength: MAX_DECODED_BYTES }).toString('utf8')
    json = JSON.parse(text)
  } catch {
    throw notTokens('it is no gzipped JSON')
  }
  if (!isRecord(json)) throw notTokens('it is no JSON object')
  refuseNewer(TOKENS_KEY, json['version'], VERSION)
  if (json['version'] !== VERSION) throw notTokens(`its version is not ${VERSION}`)
  const { tokens } = json
  if (!Array.isArray(tokens)) throw notTokens('it has no tokens')
  return tokens.map((token: unknown, i) => {
    if (isToken(token)) return token
    throw notTokens(`token ${i + 1} is incomplete`)
  })
}

function notTokens(reason: string): DomainError {
  return new DomainError('invalid', `${TOKENS_KEY} is no list of tokens: ${reason}`)
}

function isToken(value: unknown): value is Token {
  if (!isRecord(value)) return false
  const { id, name, tenant, scopes, createdMs, expiresMs, revokedMs, secrets } = value
  return (
    typeof id === 'string' &&
    typeof name === 'string' &&
    (tenant === undefined || (typeof tenant === 'string' && tenant !== '')) &&
    Array.isArray(scopes) &&
    scopes.every((scope) => SCOPES.includes(scope as AccessScope)) &&
    Number.isFinite(createdMs) &&
    isTimeOrNone(expiresMs) &&
    isTimeOrNone(revokedMs) &&
    Array.isArray(secrets) &&
    secrets.every(isSecret)
  )
}

/** 256 bits in base64url. */
const HASH = /^[A-Za-z0-9_-]{43}$/

function isSecret(value: unknown): value is TokenSecret {
  if (!isRecord(value)) return false
  const { hash, createdMs, untilMs } = value
  return (
    typeof hash === 'string' &&
    HASH.test(hash) &&
    Number.isFinite(createdMs) &&
    isTimeOrNone(untilMs)
  )
}

function isTimeOrNone(value: unknown): boolean {
  return value === undefined || Number.isFinite(value)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
