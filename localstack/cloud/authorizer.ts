/** Who may call a route of an HTTP API: nobody is asked, IAM would be, or a function is and its answer is kept. */
import type { AuthorizerSpec, RouteSpec } from './assembly-api.ts'
import { ACCOUNT, REGION } from './intrinsics.ts'
import type { Invoker } from './invoker.ts'

/** What stands in `requestContext.authorizer`; or the status that the gateway answers. */
export type Decision =
  | { readonly context: Readonly<Record<string, unknown>> | undefined }
  | { readonly status: 401 | 403 | 500 }

export interface AuthorizersOptions {
  readonly invoker: Invoker
  readonly now: () => number
  /** Nobody is asked: every function authorizer says yes, with this context. */
  readonly openWith?: Readonly<Record<string, string>> | undefined
}

/** There is no IAM here: whoever comes has signed. */
export const IAM = {
  iam: {
    accessKey: 'local',
    accountId: ACCOUNT,
    callerId: 'local',
    userArn: `arn:aws:iam::${ACCOUNT}:root`,
    userId: ACCOUNT,
  },
}

export class Authorizers {
  readonly #options: AuthorizersOptions
  readonly #kept = new Map<string, { readonly decision: Decision; readonly untilMs: number }>()

  constructor(options: AuthorizersOptions) {
    this.#options = options
  }

  /** `event` is the one of the route, of payload format 2.0. Rejects with ThrottledError. */
  async decide(route: RouteSpec, event: Readonly<Record<string, unknown>>): Promise<Decision> {
    const { authorization } = route
    if (authorization === 'none') return { context: undefined }
    if (authorization === 'iam') return { context: IAM }
    const { openWith, now } = this.#options
    if (openWith !== undefined) return { context: { lambda: openWith } }
    const sources = identityOf(authorization, event['headers'] as Record<string, string>)
    if (sources === undefined) return { status: 401 }
    const key = JSON.stringify([authorization.name, sources])
    const kept = this.#kept.get(key)
    if (kept !== undefined && kept.untilMs > now()) return kept.decision
    const decision = await this.#ask(authorization, sources, event)
    // A function that fails is asked again.
    if (authorization.ttlMs > 0 && !('status' in decision && decision.status === 500)) {
      this.#kept.set(key, { decision, untilMs: now() + authorization.ttlMs })
    }
    return decision
  }

  async #ask(
    { functionName }: AuthorizerSpec,
    identitySource: readonly string[],
    event: Readonly<Record<string, unknown>>,
  ): Promise<Decision> {
    const { body: _, isBase64Encoded: __, ...rest } = event
    const payload = {
      ...rest,
      type: 'REQUEST',
      routeArn: `arn:aws:execute-api:${REGION}:${ACCOUNT}:local/$default/${String(event['routeKey'])}`,
      identitySource,
    }
    const bytes = Buffer.from(JSON.stringify(payload))
    const result = await this.#options.invoker.invoke(functionName, bytes)
    if (result.failure !== undefined) return { status: 500 }
    const answer = simpleAnswer(result.payload)
    if (answer === undefined) return { status: 500 }
    return answer.isAuthorized ? { context: { lambda: answer.context } } : { status: 403 }
  }
}

/** Undefined where one is missing or empty. */
function identityOf(
  { identityHeaders }: AuthorizerSpec,
  headers: Readonly<Record<string, string>>,
): string[] | undefined {
  const values = identityHeaders.map((name) => headers[name] ?? '')
  return values.includes('') ? undefined : values
}

function simpleAnswer(
  payload: Buffer,
): { readonly isAuthorized: boolean; readonly context: object | null } | undefined {
  try {
    const answer = JSON.parse(payload.toString()) as Record<string, unknown> | null
    if (typeof answer?.['isAuthorized'] !== 'boolean') return undefined
    const { isAuthorized, context } = answer
    return { isAuthorized, context: typeof context === 'object' ? context : null }
  } catch {
    return undefined
  }
}
