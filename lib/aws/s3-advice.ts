/** What to do about an error of S3, or of the way to it: one clause for people, behind what was said. */

export interface S3Saying {
  readonly code: string
  readonly text: string
  readonly region: string | undefined
  readonly serverTime: string | undefined
}

/** Of what a connection was not made for. */
export interface NetworkSaying {
  readonly code: string
  readonly host: string | undefined
  readonly certifiedNames: string | undefined
}

export interface S3Place {
  readonly store: string
  readonly isPlain?: boolean | undefined
  readonly key?: string | undefined
  readonly action?: string | undefined
}

const LOGIN =
  'log in again (aws sso login), or use credentials that renew themselves, such as a role of this machine'

export const NOT_S3 =
  "is not one of S3, check endpoint: it is that of the store's API, not of its console, a proxy or another program"

/** Undefined where there is nothing to add to what S3 says. */
export function s3Advice(saying: S3Saying, place: S3Place): string | undefined {
  const { code, text, region, serverTime } = saying
  switch (code) {
    case 'AccessDenied':
      return rightAdvice(text, place)
    case 'InvalidBucketName':
      return 'correct bucket: 3 to 63 small letters, digits, dots and hyphens'
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
    case 'InvalidTokenId':
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
    case 'MethodNotAllowed':
    case 'NotImplemented':
      return 'the store can not do this: use a later version of it, or another store'
    case 'EntityTooLarge':
      return 'the store takes no object of this size: set part_size to a smaller one'
    default:
      return undefined
  }
}

/** The whole sentence, of keys that no request can be made with. */
export function badCredentials(text: string): string {
  if (text.includes('"x-amz-security-token"')) return oddCharacter('session_token', 'SESSION_TOKEN')
  if (text.includes('"authorization"')) return oddCharacter('access_key', 'ACCESS_KEY_ID')
  return `the credentials can't be read (${text}), correct the path, such as that of AWS_WEB_IDENTITY_TOKEN_FILE`
}

function oddCharacter(key: string, variable: string): string {
  return `${key} has a character that none has, such as the end of a line, write ${key} or AWS_${variable} anew`
}

/** S3 names the action and the policy since 2024; before, and elsewhere, it is known from the request. */
function rightAdvice(text: string, { store, isPlain, key, action }: S3Place): string {
  const named = /not authorized to perform: ([\w:*]+)/.exec(text)?.[1] ?? action
  if (named === undefined) return 'check the policy of these credentials, and that of the bucket'
  const denying = /explicit deny in an? ([a-z -]*policy)/.exec(text)?.[1]
  if (denying !== undefined) {
    const tls = isPlain ? ', or leave out insecure, if TLS is what it wants' : ''
    return `the ${denying} denies ${named}: change that policy${tls}`
  }
  if (named.startsWith('sts:')) {
    return `allow ${named} to these credentials, and them in the trust policy of that role`
  }
  if (named.startsWith('kms:')) {
    return `allow ${named} on the key that encrypts the bucket, in the key's policy too`
  }
  const where = key === undefined || named === 's3:ListBucket' ? store : key
  const missing =
    named === 's3:GetObject' ? '; without s3:ListBucket a missing object is denied too' : ''
  const tls = isPlain ? ', or leave out insecure, where a policy wants TLS' : ''
  return `allow ${named} on ${where}${missing}${tls}`
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
export function networkAdvice(
  { code, host, certifiedNames }: NetworkSaying,
  store: string,
): string | undefined {
  const network = NETWORK[code]
  if (network !== undefined) {
    const other = host === undefined || store.includes(`//${host}`) ? '' : ` to ${host}`
    return `no connection${other} (${code})${network && `, ${network}`}`
  }
  if (NOT_TLS.has(code)) {
    return `it does not speak TLS (${code}), set insecure: true for a store without TLS, or correct the port`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = certifiedNames === undefined ? 'another host' : certifiedNames
    return `its certificate is for ${names} (${code}), correct endpoint or set http_config.tls_config.server_name`
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return `its certificate is over (${code}), renew it, or set the clock of this machine`
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return `its certificate is not valid yet (${code}), set the clock of this machine`
  }
  return isTlsCode(code)
    ? `the certificate is not trusted (${code}), set http_config.tls_config.ca_file`
    : undefined
}
