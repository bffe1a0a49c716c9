/** The Lambda authorizer of an HTTP API, payload 2.0 with simple responses: whose credentials they are. What they may is the API's to say. */
import type { Verdict } from '#lib/auth/verify.ts'
import { contextOf } from './authorizer-context.ts'

export interface AuthorizerParts {
  /** Rejects where the tokens can't be read. */
  readonly verify: (header: string | undefined) => Promise<Verdict>
  /** Told of every refusal; never of a secret. */
  readonly refused: (entry: RefusedEntry) => void
}

export interface RefusedEntry {
  readonly reason: string
  /** Id of the token, where it was one's. */
  readonly token?: string | undefined
  readonly path: string
  readonly ip: string
}

export interface AuthorizerAnswer {
  readonly isAuthorized: boolean
  /** What `query` finds in its event, where no client can write. */
  readonly context?: Readonly<Record<string, string>>
}

/** Any event has an answer: one that is not as it should be is refused. Rejects where `verify` does, and the client gets a 500. */
export function authorizer({
  verify,
  refused,
}: AuthorizerParts): (event: unknown) => Promise<AuthorizerAnswer> {
  return async (event) => {
    const verdict = await verify(headerOf(event))
    if ('caller' in verdict) return { isAuthorized: true, context: contextOf(verdict.caller) }
    const { reason, tokenId } = verdict.refusal
    refused({
      reason,
      ...(tokenId !== undefined && { token: tokenId }),
      path: textAt(event, 'rawPath'),
      ip: textAt(event, 'requestContext', 'http', 'sourceIp'),
    })
    return { isAuthorized: false }
  }
}

/** What the gateway keeps the decision under, and nothing else of the event. */
function headerOf(event: unknown): string | undefined {
  const sources = at(event, 'identitySource')
  const [header] = Array.isArray(sources) && sources.length === 1 ? (sources as unknown[]) : []
  return typeof header === 'string' ? header : undefined
}

function textAt(event: unknown, ...path: readonly string[]): string {
  const value = path.reduce<unknown>(at, event)
  return typeof value === 'string' ? value : ''
}

function at(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}
