/** What a secret looks like, in a line of a log. */

const PATTERNS: Readonly<Record<string, RegExp>> = {
  'the text of a token': /thaw_[0-9A-HJKMNP-TV-Z]{26}_[A-Za-z0-9_-]{8}/,
  'the hash of a secret': /"hash":\s*"[A-Za-z0-9+/=_-]{20}/,
  'basic credentials': /\bBasic\s+[A-Za-z0-9+/]{8}/i,
  'a bearer token': /\bBearer\s+[A-Za-z0-9._~+/-]{8}/i,
  'a signature of AWS': /AWS4-HMAC-SHA256 Credential=|X-Amz-Signature=|X-Amz-Security-Token=/i,
  'a key in YAML or JSON':
    /["']?(?:secret_key|secretKey|password|client_secret|bearer_token|secretAccessKey|SecretString)["']?\s*[:=]\s*["']?(?!\$\(|<|\*|secret>)[^\s"',}]{4}/i,
  'credentials in a URL': /\bhttps?:\/\/[^\s/@:]+:[^\s/@]+@/,
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  'the key of the S3 server of the tests': /\bthaw-secret\b/,
}

/** Names of what is in it. */
export function secretsIn(line: string): string[] {
  return Object.entries(PATTERNS).flatMap(([name, pattern]) => (pattern.test(line) ? [name] : []))
}
