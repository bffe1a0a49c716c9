/** Expected failures, few and named by what the caller should do; and the assertion for our own bugs. */

export type ErrorKind =
  | 'invalid' // fix the request
  | 'not-found'
  | 'conflict' // reread, retry
  | 'corrupt' // quarantine the block
  | 'limit' // narrow the query
  | 'timeout' // narrow, or retry later
  | 'canceled'
  | 'unauthorized' // fix the credentials or the policy
  | 'misconfigured' // fix how the bucket is named: name, region, endpoint, certificate
  | 'unsupported' // this store, file or query needs something thaw or the store does not have
  | 'execution' // a PromQL evaluation that has no answer
  | 'unavailable' // retry with backoff

export class DomainError extends Error {
  readonly kind: ErrorKind
  /** The message has all of the cause that helps people. */
  readonly isWhole: boolean

  constructor(
    kind: ErrorKind,
    message: string,
    options?: { cause?: unknown; isWhole?: boolean | undefined },
  ) {
    super(message, options)
    this.kind = kind
    this.isWhole = options?.isWhole ?? false
    this.name = new.target.name
  }
}

/** Bytes that are not what their format says. `offset` counts from the start of the bytes that were handed in. */
export class CorruptError extends DomainError {
  readonly reason: string
  readonly offset: number
  /** The file or object, where that is known. */
  readonly where: string | undefined

  constructor(reason: string, offset: number, options?: { cause?: unknown; where?: string }) {
    const where = options?.where
    super('corrupt', `${where ? `${where}: ` : ''}${reason} at byte ${offset}`, options)
    this.where = where
    this.reason = reason
    this.offset = offset
  }

  /** The same finding, with the file or object it was found in. */
  in(where: string): CorruptError {
    return new CorruptError(this.reason, this.offset, { where, cause: this })
  }
}

/** What a later thaw has written, in a form that this one does not know. Nothing is wrong with it. */
export class NewerFormatError extends DomainError {
  readonly what: string
  readonly version: number
  readonly known: number

  constructor(what: string, version: number, known: number) {
    super(
      'unsupported',
      `${what} was written by a newer thaw (format ${version}, this one knows ${known}): update the functions, or the program that says this`,
    )
    this.what = what
    this.version = version
    this.known = known
  }

  /** The same finding, with the object it was found in. */
  in(where: string): NewerFormatError {
    return new NewerFormatError(where, this.version, this.known)
  }
}

/** Throws NewerFormatError where `version` is later than `known`. Anything else is the caller's to judge. */
export function refuseNewer(what: string, version: unknown, known: number): void {
  if (typeof version === 'number' && version > known) {
    throw new NewerFormatError(what, version, known)
  }
}

export class NotFoundError extends DomainError {
  readonly key: string

  constructor(key: string, options?: { cause?: unknown }) {
    super('not-found', `no object ${key}`, options)
    this.key = key
  }
}

/** A conditional write that lost: the object exists (`ifAbsent`) or has another etag (`ifMatch`). */
export class ConflictError extends DomainError {
  readonly key: string

  constructor(key: string, reason: string, options?: { cause?: unknown }) {
    super('conflict', `${key}: ${reason}`, options)
    this.key = key
  }
}

/** Whoever was asked has too much to do at this moment, and began nothing. */
export class ThrottledError extends DomainError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('unavailable', message, options)
  }
}

/** Whoever was asked was lost at it: perhaps because of what was asked, so that asking on and on does no good. */
export class LostError extends DomainError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('unavailable', message, options)
  }
}

export class LimitError extends DomainError {
  readonly limit: number
  readonly actual: number

  constructor(message: string, limit: number, actual: number) {
    super('limit', message)
    this.limit = limit
    this.actual = actual
  }
}

export function isKind(error: unknown, kind: ErrorKind): error is DomainError {
  return error instanceof DomainError && error.kind === kind
}

/** States a fact about our own code. A failure is a bug of ours and is never caught. */
export function assert(condition: unknown, fact: string): asserts condition {
  if (!condition) throw new Error(`bug: ${fact}`)
}
