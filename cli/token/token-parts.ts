/** What the commands about tokens share: how an edit is made, which flags they have, how a token is shown. */
import { randomBytes } from 'node:crypto'
import { ulid } from 'ulid'
import { choice, text } from '#agent/flags/flag.ts'
import { type TimeOrOffset, durationMs } from '#agent/duration.ts'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import type { EditParts, IssuedToken } from '#lib/auth/edit-tokens.ts'
import { rotatedMs, stateOf, type Token } from '#lib/auth/token.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { goTime } from '../bucket/block-text.ts'
import { jsonText } from '../bucket/report-flags.ts'
import type { CliContext } from '../context.ts'

export const OUTPUT = {
  ...choice(['text', 'json'], 'text', 'form of the answer: text or json'),
  short: 'o',
} as const

export const REFERENCE = ['<token>', 'name or id of the token'] as const

/** For a bucket that is known to keep the conditions of conditional writes: without them a revocation could be lost. */
export async function editParts(
  bucket: Bucket,
  { now }: CliContext,
  signal: AbortSignal,
): Promise<EditParts> {
  await checkConditionalWrites(bucket, { id: ulid(), signal })
  return { bucket, now, newUlid: () => ulid(), random: randomBytes, signal }
}

/** `standard` is what is done without the flag. */
export function expires(standard: string, help: string) {
  return { ...text(standard, help, 'time'), parse: parseEnd }
}

/** `Infinity` is never, undefined is not said. */
export type End = TimeOrOffset | 'never' | undefined

function parseEnd(value: string): End {
  if (value === '') return undefined
  if (value === 'never') return 'never'
  const offsetMs = durationMs(value)
  if (offsetMs !== undefined) return { offsetMs }
  const timeMs = /^\d{4}-\d\d-\d\d(T|$)/.test(value) ? Date.parse(value) : NaN
  if (!Number.isNaN(timeMs)) return { timeMs }
  throw new DomainError(
    'invalid',
    'write how long, such as 90d, a time such as 2027-01-31, or never',
  )
}

export function endMs(end: End, nowMs: number): number | undefined {
  if (end === undefined) return undefined
  if (end === 'never') return Infinity
  return 'timeMs' in end ? end.timeMs : nowMs + end.offsetMs
}

/** The one time that the secret is shown. */
export function tellIssued(
  { token, text: secret }: IssuedToken,
  output: 'text' | 'json',
  nowMs: number,
  note = '',
): string {
  const { name, tenant } = token
  if (output === 'json') {
    return jsonText({
      ...describe(token, nowMs),
      token: secret,
      basic: { user: name, password: secret },
      bearer: `Authorization: Bearer ${secret}`,
    })
  }
  const sees = tenant === undefined ? 'bound to no tenant' : `bound to the tenant ${tenant}`
  return `token ${name} (${token.id}): may ${token.scopes.join(', ')}; ${sees}; expires ${timeText(token.expiresMs)}
${note}
  ${secret}

This is the only time that it is shown; the bucket has its hash.
Basic:   user ${name}, and the token as the password
Bearer:  Authorization: Bearer <the token>
`
}

/** As JSON, in times that people read; nothing of its secrets but how many there are. */
export function describe(token: Token, nowMs: number): Readonly<Record<string, unknown>> {
  const { id, name, tenant, scopes, createdMs, expiresMs, revokedMs } = token
  const iso = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())
  return {
    id,
    name,
    tenant: tenant ?? null,
    scopes,
    state: stateOf(token, nowMs),
    created: iso(createdMs),
    expires: iso(expiresMs),
    revoked: iso(revokedMs),
    rotated: iso(rotatedMs(token)),
    oldSecretUntil: iso(oldSecretUntilMs(token, nowMs)),
  }
}

/** While a rotation goes on: when the last of the secrets before it is over. */
export function oldSecretUntilMs({ secrets }: Token, nowMs: number): number | undefined {
  const ends = secrets.flatMap(({ untilMs }) =>
    untilMs !== undefined && untilMs > nowMs ? [untilMs] : [],
  )
  return ends.length === 0 ? undefined : Math.max(...ends)
}

export function timeText(ms: number | undefined): string {
  return ms === undefined ? 'never' : goTime(Math.floor(ms / 1000) * 1000)
}
