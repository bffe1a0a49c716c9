/** Who may come in: a caller for the credentials of a request, and whether a caller may take a route. */
import type { Caller } from '#lib/model/caller.ts'
import { errorBody, plainError, type Answer } from './answer.ts'
import type { RouteScope } from './route-scopes.ts'

export interface Door {
  /**
   * Who asks; undefined where credentials are missing or not good, which is told to a log and to nobody else. `env` is what the
   * server knows of the request beside it: what a client can not write. Rejects where it can't be found out.
   */
  readonly callerOf: (
    request: Request,
    env: unknown,
  ) => Caller | undefined | Promise<Caller | undefined>
  /** Told of a caller who lacks the scope. */
  readonly forbidden?: ((refused: Forbidden) => void) | undefined
}

export interface Forbidden {
  readonly caller: Caller
  readonly scope: RouteScope
  readonly path: string
}

export interface DoorRequest {
  readonly request: Request
  readonly env: unknown
  readonly path: string
  readonly scope: RouteScope
  /** Errors as text, not as JSON. */
  readonly raw: boolean
}

/** The caller, undefined where nobody needs to be known; or what the client is told instead. */
export type Admission = { readonly caller: Caller | undefined } | { readonly refusal: Answer }

/** Never rejects: `unknown` is told why it could not be found out who asks. */
export async function admit(
  door: Door | undefined,
  { request, env, path, scope, raw }: DoorRequest,
  unknown: (error: unknown) => void,
): Promise<Admission> {
  if (door === undefined || scope === 'open') return { caller: undefined }
  let caller: Caller | undefined
  try {
    caller = await door.callerOf(request, env)
  } catch (error) {
    unknown(error)
    return { refusal: refuse(503, 'unavailable', 'it can not be found out who asks', raw) }
  }
  if (caller === undefined) {
    const answer = refuse(401, 'unauthorized', 'credentials are missing or not valid', raw)
    return { refusal: { ...answer, headers: { ...answer.headers, 'www-authenticate': CHALLENGE } } }
  }
  if (caller.scopes.includes(scope)) return { caller }
  door.forbidden?.({ caller, scope, path })
  return { refusal: refuse(403, 'forbidden', `this needs a token with the scope ${scope}`, raw) }
}

const CHALLENGE = 'Basic realm="thaw", charset="UTF-8"'

function refuse(status: number, errorType: string, error: string, raw: boolean): Answer {
  return raw ? plainError(status, error) : errorBody({ status, errorType }, error)
}
