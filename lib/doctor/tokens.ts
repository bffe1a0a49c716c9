/** The tokens of the bucket, and the one that was given. */
import { liveSecrets, stateOf, type Token } from '#lib/auth/token.ts'
import { spanText } from '#lib/compact/plan/plan-text.ts'
import { type Finding, type Known, some, verdicts } from './finding.ts'

const SOON_MS = 14 * 24 * 3_600_000

export interface TokenFacts {
  readonly tokens: Known<readonly Token[]>
  /** Whose secret was given; undefined: none of the bucket's. */
  readonly given: { readonly token: Token | undefined } | undefined
  /** Whether somebody is asked for one. */
  readonly isNeeded: boolean
}

export function judgeTokens({ tokens, given, isNeeded }: TokenFacts, nowMs: number): Finding {
  const { ok, warning, wrong, unchecked } = verdicts('api', 'tokens')
  if ('failed' in tokens) {
    if (!tokens.isDenied) {
      return wrong(`the tokens can't be read, so nobody is let in: ${tokens.failed}`, {
        next: 'put an older version of thaw/tokens.json.gz back (versions of the bucket), or delete it and make tokens anew: thaw token create',
      })
    }
    return unchecked(`these credentials can't read the tokens: ${tokens.failed}`, {
      next: 'that is right for all but operators, who need s3:GetObject on thaw/tokens.json.gz',
    })
  }
  const valid = tokens.value.filter((token) => stateOf(token, nowMs) === 'valid')
  if (given && !given.token) {
    return wrong('the token that was given is none of this bucket', {
      next: 'thaw token create makes one; or the API is over another bucket',
    })
  }
  if (valid.length === 0) {
    if (!isNeeded) return unchecked('there is no token, and nobody asks for one')
    return wrong('there is no token: nobody is let in', {
      next: 'thaw token create grafana --objstore.config-file=…',
    })
  }
  const soon = valid.filter(({ expiresMs = Infinity }) => expiresMs - nowMs < SOON_MS)
  if (soon.length > 0) {
    return warning(
      `${soon.length === 1 ? 'a token expires' : `${soon.length} tokens expire`} soon`,
      {
        seen: some(
          soon.map(({ name, expiresMs }) => `${name}: in ${spanText(expiresMs! - nowMs)}`),
        ),
        next: `thaw token rotate ${soon[0]!.name} --expires=365d, and give its holder the new secret`,
      },
    )
  }
  const reader = given?.token
  if (reader && !reader.scopes.includes('read')) {
    return warning(`the token ${reader.name} may ${reader.scopes.join(', ')}, and not read`, {
      next: `queries need the scope read: thaw token create ${reader.name}-reads`,
    })
  }
  const whose = reader
    ? [
        `${reader.name}: may ${reader.scopes.join(', ')}, ${reader.tenant === undefined ? 'bound to no tenant' : `sees tenant ${reader.tenant}`}`,
      ]
    : []
  return ok(`${valid.length === 1 ? 'one token is' : `${valid.length} tokens are`} valid`, whose)
}

/** Why a token is refused, in words; undefined where it should not be. */
export function refusalText(
  { name, scopes, ...token }: Token,
  hash: string,
  nowMs: number,
): string | undefined {
  const whole = { name, scopes, ...token }
  const state = stateOf(whole, nowMs)
  if (state === 'revoked') return `the token ${name} was revoked`
  if (state === 'expired')
    return `the token ${name} expired ${spanText(nowMs - token.expiresMs!)} ago`
  if (!liveSecrets(whole, nowMs).some((secret) => secret.hash === hash)) {
    return `the token ${name} was rotated, and this is its old secret`
  }
  return scopes.includes('read') ? undefined : `the token ${name} may not read`
}
