/** What S3 and the way to it say when something is wrong, as DomainErrors. The only place that reads SDK errors. */
import { abortError } from '#lib/bucket/cancellation.ts'
import { ConflictError, CorruptError, DomainError, NotFoundError } from '#lib/model/errors.ts'
import type { ErrorKind } from '#lib/model/errors.ts'

export interface S3ErrorPlace {
  /** `s3://bucket` and, when it is not AWS, where that is. */
  readonly store: string
  readonly key?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** The parts of an SDK or Node error that say what happened; everything else in it is left alone. */
interface Facts {
  readonly code: string
  readonly status: number | undefined
  readonly text: string
  readonly requestId: string | undefined
}

const KINDS: Readonly<Record<string, ErrorKind>> = {
  NoSuchBucket: 'not-found',
  AccessDenied: 'unauthorized',
  AccountProblem: 'unauthorized',
  AllAccessDisabled: 'unauthorized',
  CredentialsProviderError: 'unauthorized',
  ExpiredToken: 'unauthorized',
  ExpiredTokenException: 'unauthorized',
  Forbidden: 'unauthorized',
  InvalidAccessKeyId: 'unauthorized',
  InvalidClientTokenId: 'unauthorized',
  InvalidToken: 'unauthorized',
  NotSignedUp: 'unauthorized',
  RequestExpired: 'unauthorized',
  RequestTimeTooSkewed: 'unauthorized',
  SignatureDoesNotMatch: 'unauthorized',
  TokenRefreshRequired: 'unauthorized',
  UnrecognizedClientException: 'unauthorized',
  AuthorizationHeaderMalformed: 'invalid',
  IllegalLocationConstraintException: 'invalid',
  InvalidBucketName: 'invalid',
  PermanentRedirect: 'invalid',
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

const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'create the bucket or correct its name',
  AccessDenied:
    'allow s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload; without s3:ListBucket a missing object is denied too',
  CredentialsProviderError:
    'set access_key and secret_key, the AWS_ variables, a profile or a role of this machine',
  ExpiredToken: 'renew the session token',
  InvalidAccessKeyId: 'check access_key',
  InvalidClientTokenId: 'check access_key',
  RequestTimeTooSkewed: 'set the clock of this machine',
  SignatureDoesNotMatch: 'check secret_key and session_token',
  AuthorizationHeaderMalformed: 'check region',
  PermanentRedirect: 'check region and endpoint',
}

/** Node's names of failures on the way. What they mean is the same for every store. */
const NETWORK_CODES = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
  'HPE_INVALID_CONSTANT',
])

const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|EPROTO)/

export function s3Error(error: unknown, place: S3ErrorPlace): Error {
  if (error instanceof DomainError) return error
  if (place.signal?.aborted) return abortError(place.signal)
  if (!(error instanceof Error)) return new Error(String(error))
  const facts = factsOf(error)
  const { key } = place
  const { code, status } = facts

  if (key !== undefined) {
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
  return new DomainError(kind, describe(facts, kind, place), { cause: error })
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

function factsOf(error: Error): Facts {
  const sdk = error as Error & {
    readonly Code?: string
    readonly code?: string
    readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
    readonly $response?: { readonly statusCode?: number }
  }
  // Refused on every address of a name, Node throws an AggregateError whose first cause has the facts.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  const nested = first instanceof Error ? first : undefined
  const systemCode = sdk.code ?? (nested as { code?: string } | undefined)?.code
  const named =
    sdk.Code ?? (error.name === 'Error' || error.name === 'AggregateError' ? undefined : error.name)
  const isSystem =
    systemCode !== undefined && (NETWORK_CODES.has(systemCode) || TLS_CODES.test(systemCode))
  return {
    code:
      error.name === 'TimeoutError'
        ? error.name
        : isSystem
          ? systemCode
          : (named ?? systemCode ?? ''),
    status: sdk.$metadata?.httpStatusCode ?? sdk.$response?.statusCode,
    text: error.message || nested?.message || '',
    requestId: sdk.$metadata?.requestId,
  }
}

function kindOfStatus(code: string, status: number | undefined): ErrorKind | undefined {
  if (NETWORK_CODES.has(code)) return 'unavailable'
  if (TLS_CODES.test(code)) return 'invalid'
  if (status === undefined) return undefined
  if (status >= 500 || status === 429 || status === 408) return 'unavailable'
  if (status === 401 || status === 403) return 'unauthorized'
  if (status === 404) return 'not-found'
  if (status === 501 || status === 405) return 'unsupported'
  if (status >= 300) return 'invalid'
  return 'unsupported' // a success the SDK could not read: whatever answers there is not S3
}

function describe(facts: Facts, kind: ErrorKind, place: S3ErrorPlace): string {
  const where = place.key === undefined ? place.store : `${place.store}/${place.key}`
  const { code, status, requestId } = facts
  if (NETWORK_CODES.has(code)) return `${where}: no connection (${code})`
  if (TLS_CODES.test(code)) {
    return `${where}: the certificate is not trusted (${code}), set http_config.tls_config.ca_file`
  }
  if (code === 'NoSuchBucket') return `no bucket ${place.store}, ${ADVICE['NoSuchBucket']}`
  if (kind === 'timeout') return `${where}: no answer in time`
  if (status !== undefined && status < 300)
    return `${where}: the answer (${status}) is not one of S3`
  const detail = [
    status === undefined ? undefined : `${status}`,
    requestId && `request ${requestId}`,
  ]
    .filter(Boolean)
    .join(', ')
  const advice =
    ADVICE[code] ?? (kind === 'unauthorized' ? 'check the credentials and the policy' : undefined)
  const text = firstLine(facts.text)
  return `${where}: ${code || 'error'}${detail && ` (${detail})`}${text && `: ${text}`}${advice ? `, ${advice}` : ''}`
}

/** The SDK puts hints of its own behind the store's sentence. */
function firstLine(text: string): string {
  const line = (text.split('\n', 1)[0] ?? '').trim().replace(/\.$/, '')
  if (line === 'UnknownError' || /deserialization error/i.test(line)) return ''
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}
