/** The `Authorization` header as the text of a token, and the user that basic authentication says it is for. */

export interface Credentials {
  readonly text: string
  /** Of basic authentication: id or name of the token. */
  readonly user?: string | undefined
}

/** Longer ones are no token's; they are not looked at. */
const MAX_HEADER = 1024

/** `none` without a header, `malformed` where it is neither Basic nor Bearer as RFC 7617 and 6750 have them. */
export function readCredentials(header: string | undefined): Credentials | 'none' | 'malformed' {
  if (header === undefined || header.trim() === '') return 'none'
  if (header.length > MAX_HEADER) return 'malformed'
  const [, scheme = '', value = ''] =
    /^\s*([A-Za-z]+) +([A-Za-z0-9._~+/=-]+)\s*$/.exec(header) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { text: value }
    case 'basic':
      return readBasic(value)
    default:
      return 'malformed'
  }
}

function readBasic(value: string): Credentials | 'malformed' {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return 'malformed'
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 0) return 'malformed'
  return { user: decoded.slice(0, colon), text: decoded.slice(colon + 1) }
}
