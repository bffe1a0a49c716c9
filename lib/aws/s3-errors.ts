/** What S3 and the way to it say when something is wrong, as DomainErrors. */
import { abortError } from '#lib/bucket/cancellation.ts'
import { ConflictError, CorruptError, DomainError, NotFoundError } from '#lib/model/errors.ts'
import type { ErrorKind } from '#lib/model/errors.ts'
import {
  badCredentials,
  isNetworkCode,
  isTlsCode,
  networkAdvice,
  NOT_S3,
  s3Advice,
} from './s3-advice.ts'
import { factsOf, type S3Facts } from './s3-facts.ts'

export interface S3ErrorPlace {
  /** `s3://bucket` and, when it is not AWS, where that is. */
  readonly store: string
  /** Asked without TLS. */
  readonly isPlain?: boolean | undefined
  readonly key?: string | undefined
  /** What the request takes, as policies name it: `s3:GetObject`. */
  readonly action?: string | undefined
  readonly signal?: AbortSignal | undefined
}

const KINDS: Readonly<Record<string, ErrorKind>> = {
  NoSuchBucket: 'not-found',
  AccessDenied: 'unauthorized',
  AccountProblem: 'unauthorized',
  AllAccessDisabled: 'unauthorized',
  BadCredentials: 'unauthorized',
  CredentialsProviderError: 'unauthorized',
  TokenProviderError: 'unauthorized',
  ExpiredToken: 'unauthorized',
  ExpiredTokenException: 'unauthorized',
  Forbidden: 'unauthorized',
  InvalidAccessKeyId: 'unauthorized',
  InvalidClientTokenId: 'unauthorized',
  InvalidToken: 'unauthorized',
  InvalidTokenId: 'unauthorized',
  NotSignedUp: 'unauthorized',
  RequestExpired: 'unauthorized',
  RequestTimeTooSkewed: 'unauthorized',
  SignatureDoesNotMatch: 'unauthorized',
  TokenRefreshRequired: 'unauthorized',
  UnrecognizedClientException: 'unauthorized',
  AuthorizationHeaderMalformed: 'misconfigured',
  IllegalLocationConstraintException: 'misconfigured',
  InvalidBucketName: 'misconfigured',
  InvalidRegion: 'misconfigured',
  NotS3: 'misconfigured',
  PermanentRedirect: 'misconfigured',
  EntityTooLarge: 'limit',
  InvalidObjectState: 'unsupported',
  MethodNotAllowed: 'unsupported',
  NotImplemented: 'unsupported',
  BadDigest: 'unavailable',
  InternalError: 'unavailable',
  NoSuchUpload: 'unavailable',
  OperationAborted: 'conflict',
  RequestTimeout: 'unavailable',
  ServiceUnavailable: 'unavailable',
  SlowDown: 'unavailable',
  SlowDownRead: 'unavailable',
  SlowDownWrite: 'unavailable',
  XAmzContentSHA256Mismatch: 'unavailable',
  TimeoutError: 'timeout',
}

export function s3Error(error: unknown, place: S3ErrorPlace): Error {
  if (error instanceof DomainError) return error
  if (place.signal?.aborted) return abortError(place.signal)
  if (!(error instanceof Error)) return new Error(String(error))
  const facts = factsOf(error)
  const { key } = place
  const { code, status } = facts

  if (key !== undefined && code !== 'NotS3') {
    if (code === 'NoSuchKey' || code === 'NotFound') return new NotFoundError(key, { cause: error })
    if (status === 404 && code !== 'NoSuchBucket' && code !== 'NoSuchUpload') {
      return new NotFoundError(key, { cause: error })
    }
    if (code === 'PreconditionFailed' || status === 412) {
      return new ConflictError(key, 'the condition of the write does not hold', { cause: error })
    }
    if (status === 409 && code !== 'NoSuchBucket') {
      return new ConflictError(key, `another write is under way (${code})`, { cause: error })
    }
    if (code === 'InvalidRange' || status === 416) {
      return new CorruptError('range wanted behind the end of the object', 0, {
        where: key,
        cause: error,
      })
    }
  }
  const kind = KINDS[code] ?? kindOfStatus(code, status)
  // Not an answer of a store and not a failure on the way: a bug of ours or of the SDK, to be seen as it is.
  if (kind === undefined) return error
  return new DomainError(kind, describe(facts, kind, place), { cause: error, isWhole: true })
}

/** An answer of success without what S3 always says: a page of the web, which must not pass for an object, nor for one that was written. */
export function notS3(place: S3ErrorPlace): DomainError {
  return new DomainError('misconfigured', notS3Text(place, 200))
}

function notS3Text(place: S3ErrorPlace, status: number | undefined): string {
  const tls = place.isPlain ? '; where it speaks TLS, leave out insecure' : ''
  return `${nameOf(place)}: the answer (${status}) ${NOT_S3}${tls}`
}

function nameOf({ store, key }: S3ErrorPlace): string {
  return key === undefined ? store : `${store}/${key}`
}

/** Whether the SDK has learned the right time from this answer and the same request would be signed with it. */
export function isClockSkew(error: unknown): boolean {
  return error instanceof Error && factsOf(error).code === 'RequestTimeTooSkewed'
}

export function statusOf(error: unknown): number | undefined {
  return error instanceof Error ? factsOf(error).status : undefined
}

export function s3CodeOf(error: unknown): string | undefined {
  return error instanceof Error ? factsOf(error).code : undefined
}

function kindOfStatus(code: string, status: number | undefined): ErrorKind | undefined {
  if (isNetworkCode(code)) return 'unavailable'
  if (isTlsCode(code)) return 'misconfigured'
  if (status === undefined) return undefined
  if (status >= 500 || status === 429 || status === 408) return 'unavailable'
  if (status === 401 || status === 403) return 'unauthorized'
  if (status === 404) return 'not-found'
  if (status === 501 || status === 405) return 'unsupported'
  if (status >= 300) return 'invalid'
  return 'misconfigured' // a success the SDK could not read: whatever answers there is not S3
}

function describe(facts: S3Facts, kind: ErrorKind, place: S3ErrorPlace): string {
  const where = nameOf(place)
  const { code, status, requestId } = facts
  const onTheWay = networkAdvice(facts, place.store)
  if (onTheWay !== undefined) return `${where}: ${onTheWay}`
  if (code === 'BadCredentials') return `${where}: ${badCredentials(facts.text)}`
  if (code === 'NoSuchBucket')
    return `no bucket ${place.store}, create the bucket or correct its name`
  if (kind === 'timeout') {
    return `${where}: no answer in time, check endpoint and network, and whether the store has too much to do`
  }
  if (code === 'NotS3' || (status !== undefined && status < 300)) {
    return notS3Text(place, status)
  }
  const detail = [
    status === undefined ? undefined : `${status}`,
    requestId && `request ${requestId}`,
  ]
    .filter(Boolean)
    .join(', ')
  const refused = kind === 'unauthorized' ? 'check the credentials and the policy' : undefined
  const advice = s3Advice(facts, place) ?? refused
  const text = firstLine(facts.text)
  return `${where}: ${code || 'error'}${detail && ` (${detail})`}${text && `: ${text}`}${advice ? `, ${advice}` : ''}`
}

/** The SDK puts hints of its own behind the store's sentence. */
function firstLine(text: string): string {
  const line = (text.split('\n', 1)[0] ?? '').trim().replace(/\.$/, '')
  if (line === 'UnknownError' || /deserialization error/i.test(line)) return ''
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}
