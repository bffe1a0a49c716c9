/** The parts of an SDK or Node error that say what happened; everything else in it is left alone. The only place that reads them. */
import { isNetworkCode, isTlsCode } from './s3-advice.ts'

export interface S3Facts {
  /** S3's, Node's, or one of ours: `NotS3`, `BadCredentials`. '' where nobody says it. */
  readonly code: string
  readonly status: number | undefined
  readonly text: string
  readonly requestId: string | undefined
  /** Where the bucket is, and what time it is there, as far as the answer says so. */
  readonly region: string | undefined
  readonly serverTime: string | undefined
  /** `host`, `host:port`: whom no connection led to. It need not be the store. */
  readonly host: string | undefined
  /** Whom a certificate that does not fit was made for. */
  readonly certifiedNames: string | undefined
}

interface SdkError extends Error {
  readonly Code?: string
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
  readonly $response?: {
    readonly statusCode?: number
    readonly headers?: Readonly<Record<string, string>>
  }
  readonly Region?: string
  readonly Endpoint?: string
  readonly ServerTime?: string
}

interface SystemError extends Error {
  readonly code?: string
  readonly syscall?: string
  readonly hostname?: string
  readonly address?: string
  readonly port?: number
  readonly cert?: { readonly subjectaltname?: string }
}

export function factsOf(error: Error): S3Facts {
  const sdk = error as SdkError
  // Refused on every address of a name, Node throws an AggregateError whose first cause has the facts.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  const system = (first instanceof Error ? first : error) as SystemError
  const { headers = {}, statusCode } = sdk.$response ?? {}
  const status = sdk.$metadata?.httpStatusCode ?? statusCode
  return {
    code: codeOf(sdk, system, status),
    status,
    text: error.message || system.message,
    requestId: sdk.$metadata?.requestId,
    region: headers['x-amz-bucket-region'] ?? sdk.Region ?? regionOfHost(sdk.Endpoint),
    serverTime: sdk.ServerTime,
    host:
      system.hostname ??
      (system.address === undefined ? undefined : `${system.address}:${system.port}`),
    certifiedNames: system.cert?.subjectaltname,
  }
}

function codeOf(sdk: SdkError, system: SystemError, status: number | undefined): string {
  if (sdk.name === 'TimeoutError') return sdk.name
  const systemCode = system.code
  if (systemCode !== undefined && (isNetworkCode(systemCode) || isTlsCode(systemCode))) {
    return systemCode
  }
  if (isPage(sdk, status)) return 'NotS3'
  if (isOfCredentials(system)) return 'BadCredentials'
  const named =
    sdk.Code ?? (sdk.name === 'Error' || sdk.name === 'AggregateError' ? undefined : sdk.name)
  if (named === 'Unknown') return nameOfStatus(status)
  return named ?? systemCode ?? nameOfText(sdk.message)
}

/** S3's refusals are documents with a code, or have nothing at all. What fails at a gateway before S3 is no news of what is behind. */
function isPage({ Code, $response }: SdkError, status: number | undefined): boolean {
  const type = $response?.headers?.['content-type']
  if (Code !== undefined || status === undefined || status < 400 || status >= 500) return false
  return type !== undefined && !/\bxml\b/.test(type)
}

/** Keys that can't be put into a header, and files of keys that can't be read. */
function isOfCredentials({ code, syscall, message }: SystemError): boolean {
  if (code === 'ERR_INVALID_CHAR') return /"(authorization|x-amz-security-token)"/.test(message)
  return syscall === 'open' && (code === 'ENOENT' || code === 'EACCES')
}

/** What the SDK finds before it asks anybody has no name. */
function nameOfText(text: string): string {
  return /^Region (is missing|not accepted)/.test(text) ? 'InvalidRegion' : ''
}

/** The answer to HEAD has no body that could say more. */
function nameOfStatus(status: number | undefined): string {
  return status === 301 || status === 307 ? 'PermanentRedirect' : ''
}

function regionOfHost(host: string | undefined): string | undefined {
  return /(?:^|\.)s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com/.exec(host ?? '')?.[1]
}
