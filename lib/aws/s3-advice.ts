/** What to do about an error of S3, or of the way to it: one clause for people, behind what was said. */

export interface S3Saying {
  readonly code: string
  readonly text: string
  readonly region?: string | undefined
  readonly serverTime?: string | undefined
}

export interface S3Place {
  readonly store: string
  readonly key?: string | undefined
  readonly action?: string | undefined
}

const LOGIN =
  'log in again (aws sso login), or use credentials that renew themselves, such as a role of this machine'

/** Undefined where there is nothing to add to what S3 says. */
export function s3Advice(saying: S3Saying, place: S3Place): string | undefined {
  const { code, text, region, serverTime } = saying
  switch (code) {
    case 'AccessDenied':
      return rightAdvice(text, place)
    case 'InvalidRegion':
      return "write region into the bucket's configuration, or set AWS_REGION"
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return region === undefined
        ? 'check region and endpoint'
        : `the bucket is in ${region}: write region: ${region} into its configuration`
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return /expired|sso/i.test(text)
        ? LOGIN
        : 'set access_key and secret_key, the AWS_ variables, a profile or a role of this machine'
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'RequestExpired':
    case 'TokenRefreshRequired':
      return `the session is over: ${LOGIN}`
    case 'InvalidToken':
      return 'check session_token: it belongs to this access_key and secret_key and to no others'
    case 'InvalidAccessKeyId':
    case 'InvalidClientTokenId':
      return 'check access_key: nobody has it, or it was deleted, or it is one of another store'
    case 'SignatureDoesNotMatch':
      return 'check secret_key and session_token'
    case 'RequestTimeTooSkewed':
      return `set the clock of this machine${serverTime === undefined ? '' : `: at the store it is ${serverTime}`}`
    case 'NotSignedUp':
    case 'AccountProblem':
    case 'AllAccessDisabled':
      return 'look at the account in the console of AWS: it is not one that may use S3 now'
    case 'SlowDown':
    case 'SlowDownRead':
    case 'SlowDownWrite':
    case 'ServiceUnavailable':
    case 'TooManyRequests':
      return 'it was asked too fast: thaw tries again by itself, and where it stays, let less run at once'
    case 'InvalidObjectState':
      return 'the object is in an archive: restore it, and take the lifecycle rule away that puts blocks there'
    case 'EntityTooLarge':
      return 'the store takes no object of this size: set part_size to a smaller one'
    default:
      return undefined
  }
}

/** S3 names the action and the policy since 2024; before, and elsewhere, it is known from the request. */
function rightAdvice(text: string, { store, key, action }: S3Place): string {
  const named = /not authorized to perform: ([\w:*]+)/.exec(text)?.[1] ?? action
  if (named === undefined) return 'check the policy of these credentials, and that of the bucket'
  const denying = /explicit deny in an? ([a-z -]*policy)/.exec(text)?.[1]
  if (denying !== undefined) return `the ${denying} denies ${named}: change that policy`
  if (named.startsWith('kms:')) {
    return `allow ${named} on the key that encrypts the bucket, in the key's policy too`
  }
  const where = key === undefined || named === 's3:ListBucket' ? store : key
  const missing =
    named === 's3:GetObject' ? '; without s3:ListBucket a missing object is denied too' : ''
  return `allow ${named} on ${where}${missing}`
}

/** Node's names of failures on the way. What they mean is the same for every store. */
const NETWORK: Readonly<Record<string, string>> = {
  EAI_AGAIN: 'the name server does not answer: check the network',
  ECONNREFUSED: 'nobody listens there: check endpoint, and whether the store runs',
  ENOTFOUND: 'there is no host of that name: check endpoint and region',
  EHOSTUNREACH: 'no way leads there: check the network',
  ENETUNREACH: 'no way leads there: check the network',
  ETIMEDOUT: 'nothing comes back: check endpoint, firewalls and proxies',
  HPE_INVALID_CONSTANT: 'what answers does not speak HTTP: if it speaks TLS, leave out insecure',
  ECONNABORTED: '',
  ECONNRESET: '',
  EPIPE: '',
  ERR_STREAM_PREMATURE_CLOSE: '',
}

const NOT_TLS = new Set([
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
])
const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|EPROTO)/

export function isNetworkCode(code: string): boolean {
  return Object.hasOwn(NETWORK, code)
}

export function isTlsCode(code: string): boolean {
  return TLS_CODES.test(code)
}

/** The whole sentence; undefined for what is an answer of a store. */
export function networkAdvice(code: string): string | undefined {
  const network = NETWORK[code]
  if (network !== undefined) return `no connection (${code})${network && `, ${network}`}`
  if (NOT_TLS.has(code)) {
    return `it does not speak TLS (${code}), set insecure: true for a store without TLS, or correct the port`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for another host (${code}), correct endpoint or set http_config.tls_config.server_name`
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return `its certificate is over (${code}), renew it, or set the clock of this machine`
  }
  return isTlsCode(code)
    ? `the certificate is not trusted (${code}), set http_config.tls_config.ca_file`
    : undefined
}
