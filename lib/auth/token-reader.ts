/** The tokens of the bucket, kept for a few seconds: whoever is revoked is out within a time that can be told. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import { readCredentials } from './credentials.ts'
import { idOfText } from './token.ts'
import { TOKENS_KEY, decodeTokens } from './token-list.ts'
import { type TokenTable, tokenTable, type Verdict, verifyHeader } from './verify.ts'

export interface TokenReaderOptions {
  readonly bucket: Bucket
  readonly now: () => number
  /** Told when the list could not be read and an older one was used, or when there is none. */
  readonly warn: (message: string) => void
}

/** So long a list is used without asking. */
export const FRESH_MS = 10_000
/** A secret that is not in a list this old may be newer than it: then it is asked for again. */
export const NEWER_MS = 1000
/** So long, counted from when it was asked for, it is used where the bucket does not answer; then nobody is let in. */
export const STALE_MS = 25_000
/** What a gateway may keep of a decision. */
export const DECISION_TTL_MS = 30_000
/** The promise: what is revoked, expired or rotated is refused after this, at the latest. */
export const REVOKED_WITHIN_MS = 60_000

interface Kept {
  readonly table: TokenTable
  /** Undefined where there is no object. */
  readonly etag: string | undefined
  /** When it was asked for: what it says was so then, or later. */
  readonly askedMs: number
}

export class TokenReader {
  readonly #options: TokenReaderOptions
  #kept: Kept | undefined
  #reading: Promise<Kept> | undefined

  constructor(options: TokenReaderOptions) {
    this.#options = options
  }

  /** Rejects where the tokens can't be read: then it is not known who asks. */
  async verify(header: string | undefined): Promise<Verdict> {
    const verdict = verifyHeader(header, await this.#table(FRESH_MS), this.#options.now())
    if (!mayBeNew(verdict, header)) return verdict
    return verifyHeader(header, await this.#table(NEWER_MS), this.#options.now())
  }

  async #table(maxAgeMs: number): Promise<TokenTable> {
    const { now, warn } = this.#options
    const before = this.#kept
    if (before && now() - before.askedMs < maxAgeMs) return before.table
    // One request for all who ask at this time.
    this.#reading ??= this.#read(before).finally(() => (this.#reading = undefined))
    try {
      this.#kept = await this.#reading
      return this.#kept.table
    } catch (error) {
      if (!before || now() - before.askedMs >= STALE_MS) throw error
      warn(`the list of tokens is ${now() - before.askedMs} ms old, as the bucket does not answer`)
      return before.table
    }
  }

  async #read(before: Kept | undefined): Promise<Kept> {
    const { bucket, now } = this.#options
    const askedMs = now()
    try {
      if (before?.etag === undefined) {
        const { body, etag } = await bucket.get(TOKENS_KEY)
        return { table: tokenTable(decodeTokens(body)), etag, askedMs }
      }
      const changed = await bucket.getIfChanged(TOKENS_KEY, before.etag)
      if (changed === undefined) return { ...before, askedMs }
      return { table: tokenTable(decodeTokens(changed.body)), etag: changed.etag, askedMs }
    } catch (error) {
      // S3 says 403 of what is not there to those who may not list: that is read as no tokens, which lets nobody in.
      if (!isKind(error, 'not-found') && !isKind(error, 'unauthorized')) throw error
      this.#options.warn(`nobody is let in: ${error.message}`)
      return { table: [], etag: undefined, askedMs }
    }
  }
}

/** Whoever makes a token tries it at once, and the gateway would keep a no. That it looks like one is no secret. */
function mayBeNew(verdict: Verdict, header: string | undefined): boolean {
  if (!('refusal' in verdict) || verdict.refusal.reason !== 'unknown') return false
  const credentials = readCredentials(header)
  return typeof credentials !== 'string' && idOfText(credentials.text) !== undefined
}
