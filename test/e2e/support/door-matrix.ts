/** Every route × every kind of credentials × scope × tenant, before whichever door: what each must answer, and what did not. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ulid } from 'ulid'
import { ROUTE_SCOPES } from '#lib/api/route-scopes.ts'
import { createToken, revokeToken, rotateToken } from '#lib/auth/edit-tokens.ts'
import { readTokens } from '#lib/auth/token-list.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type AccessScope, SCOPES } from '#lib/model/caller.ts'
import { basic } from '#test/auth/made-tokens.ts'

const HOUR = 3_600_000

export interface Made {
  readonly id: string
  readonly name: string
  readonly text: string
}

/** An operator with the bucket, who can pretend another time. */
export class TokenMaker {
  /** Everything that nobody but its holder may ever see. */
  readonly secrets: string[] = []
  readonly bucket: Bucket
  #aheadMs = 0

  constructor(bucket: Bucket) {
    this.bucket = bucket
  }

  get #parts() {
    const { bucket } = this
    return {
      bucket,
      now: () => Date.now() + this.#aheadMs,
      newUlid: () => ulid(),
      random: (length: number) => randomBytes(length),
    }
  }

  async make(name: string, scopes: readonly AccessScope[], more: object = {}): Promise<Made> {
    const { token, text } = await createToken(this.#parts, { name, scopes, ...more })
    this.secrets.push(text)
    // What is not in a list of a second ago is looked for again.
    await sleep(1100)
    return { id: token.id, name, text }
  }

  /** One that ended an hour ago. */
  async expired(name: string, scopes: readonly AccessScope[]): Promise<Made> {
    this.#aheadMs = -2 * HOUR
    try {
      return await this.make(name, scopes, { expiresMs: Date.now() - HOUR })
    } finally {
      this.#aheadMs = 0
    }
  }

  /** One whose secret was another's an hour ago. */
  async rotated(name: string, scopes: readonly AccessScope[]): Promise<Made> {
    this.#aheadMs = -2 * HOUR
    try {
      const made = await this.make(name, scopes)
      await this.rotate(name)
      return made
    } finally {
      this.#aheadMs = 0
    }
  }

  async rotate(name: string): Promise<Made> {
    const { token, text } = await rotateToken(this.#parts, name, { overlapMs: HOUR })
    this.secrets.push(text)
    await sleep(1100)
    return { id: token.id, name, text }
  }

  async revoke(name: string): Promise<void> {
    await revokeToken(this.#parts, name)
  }
}

export interface DoorAnswer {
  readonly status: number
  readonly text: string
}

export interface DoorRequest {
  readonly headers?: Record<string, string>
  readonly method?: string
}

/** `authorization` undefined: there is no such header. */
export type Door = (
  path: string,
  authorization: string | undefined,
  request?: DoorRequest,
) => Promise<DoorAnswer>

export function bearer({ text }: { readonly text: string }): string {
  return `Bearer ${text}`
}

/** Headers that pretend what only the authorizer can say. */
export const FORGED = {
  'thanos-tenant': 'team-b',
  'x-scope-orgid': 'team-b',
  token: 'local',
  tenant: 'team-b',
  scopes: 'read write admin',
  'x-amzn-request-context': '{"authorizer":{"lambda":{"token":"t","scopes":"admin"}}}',
  'x-apigateway-event': '{"requestContext":{"authorizer":{"lambda":{"scopes":"admin"}}}}',
}

/** Each route once, with parameters that are good for most. */
export function matrixPaths(seconds: number) {
  return [...ROUTE_SCOPES].map(([route, scope]) => ({
    path: `${route.replace(':name', 'job')}?query=up&match[]=up&time=${seconds}`,
    route,
    scope,
  }))
}

export interface MatrixOptions {
  readonly door: Door
  readonly maker: TokenMaker
  /** A time with data. */
  readonly seconds: number
}

export interface UnknownMatrix {
  readonly cases: number
  readonly kinds: number
  readonly flaws: readonly string[]
}

/** Without credentials 401, with wrong ones 403, whatever the route: bodies are the gateway's. */
export async function tryUnknown({ door, maker, seconds }: MatrixOptions): Promise<UnknownMatrix> {
  const good = await maker.make('good', SCOPES)
  const other = await maker.make('other', ['read'])
  const revoked = await maker.make('revoked', SCOPES)
  await maker.revoke('revoked')
  const expired = await maker.expired('expired', SCOPES)
  const rotated = await maker.rotated('rotated', SCOPES)
  const none = [undefined, '', '   ']
  const wrong = [
    'Bearer',
    'Basic',
    'Bearer x',
    'x',
    good.text,
    `Token ${good.text}`,
    `Bearer ${good.text}x`,
    `Bearer ${good.text.slice(0, -1)}`,
    `Bearer thaw_${good.id}_${other.text.slice(-43)}`,
    `Bearer thaw_${'0'.repeat(26)}_${'A'.repeat(43)}`,
    `Bearer ${(await readTokens(maker.bucket)).tokens[0]!.secrets[0]!.hash}`,
    basic('other', good.text),
    basic('', good.text),
    basic('good', ''),
    basic('good', other.text),
    `Basic ${Buffer.from(good.text).toString('base64')}`,
    `${bearer(good)},${bearer(good)}`,
    bearer(revoked),
    basic('revoked', revoked.text),
    bearer(expired),
    bearer(rotated),
  ]
  const cases = matrixPaths(seconds).flatMap(({ path }) => [
    ...none.map((header) => ({ path, header, status: 401, message: 'Unauthorized' })),
    ...wrong.map((header) => ({ path, header, status: 403, message: 'Forbidden' })),
  ])
  const flaws: string[] = []
  await inTurns(cases, 8, async ({ path, header, status, message }) => {
    const answer = await door(path, header, { headers: FORGED })
    if (answer.status !== status || messageOf(answer) !== message) {
      flaws.push(`${path} ${wrong.indexOf(header ?? '')}: ${answer.status} ${answer.text}`)
    }
  })
  return { cases: cases.length, kinds: none.length + wrong.length, flaws }
}

/** The gateway's own answer is an object with nothing else. */
function messageOf({ text }: DoorAnswer): unknown {
  const found = /^\{"message": ?"(\w+)"\}$/.exec(text)
  return found?.[1]
}

export interface ScopeMatrix {
  readonly cases: number
  readonly flaws: readonly string[]
  /** How often each route answered 200. */
  readonly letIn: ReadonlyMap<string, number>
}

/** Each token has the routes of its scopes, by GET and by POST; and one that is bound to team-a sees nothing of team-b. */
export async function tryScopes({ door, maker, seconds }: MatrixOptions): Promise<ScopeMatrix> {
  const sets: AccessScope[][] = [['read'], ['write'], ['admin'], ['read', 'write', 'admin']]
  const kinds = await Promise.all(
    sets.flatMap((scopes) =>
      [undefined, 'team-a'].map(async (tenant) => {
        const name = `${scopes.join('-')}${tenant === undefined ? '' : '-bound'}`
        return {
          scopes,
          ...(await maker.make(name, scopes, tenant === undefined ? {} : { tenant })),
        }
      }),
    ),
  )
  const cases = matrixPaths(seconds).flatMap(({ path, route, scope }) =>
    kinds.flatMap((kind, i) =>
      ['GET', 'POST'].map((method) => ({
        path,
        route,
        scope,
        method,
        isLetIn: scope === 'open' || kind.scopes.includes(scope),
        isBound: kind.name.endsWith('-bound'),
        header: [bearer(kind), basic(kind.name, kind.text), basic(kind.id, kind.text)][i % 3]!,
        name: kind.name,
      })),
    ),
  )
  const flaws: string[] = []
  const letIn = new Map<string, number>()
  await inTurns(
    cases,
    8,
    async ({ path, route, scope, method, isLetIn, isBound, header, name }) => {
      const { status, text } = await door(path, header, { headers: FORGED, method })
      const isRefused = status === 401 || text.includes(`with the scope ${scope}`)
      if (isRefused === isLetIn) flaws.push(`${method} ${route} ${name}: ${status} ${text}`)
      if (isBound && text.includes('job of team-b')) flaws.push(`${route} ${name} sees team-b`)
      if (status === 200) letIn.set(route, (letIn.get(route) ?? 0) + 1)
    },
  )
  return { cases: cases.length, flaws, letIn }
}

/** `n` at a time: there are a dozen environments. */
async function inTurns<T>(all: readonly T[], n: number, work: (one: T) => Promise<void>) {
  const left = [...all]
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one)
  }
  await Promise.all(Array.from({ length: n }, worker))
}
