/** A caller as the context that an authorizer hands on, and back. */
import { type AccessScope, type Caller, SCOPES } from '#lib/model/caller.ts'

export function contextOf({ id, name, tenant, scopes }: Caller): Readonly<Record<string, string>> {
  return { token: id, name, ...(tenant !== undefined && { tenant }), scopes: scopes.join(' ') }
}

/**
 * The caller of an event, as `requestContext.authorizer` says: the Lambda authorizer's, or one that IAM let in, who may everything.
 * Undefined where neither says anything: nobody then. The gateway writes all of it, and no header ever comes here.
 */
export function callerOfEvent(event: unknown): Caller | undefined {
  const authorizer = record(record(record(event)['requestContext'])['authorizer'])
  if ('iam' in authorizer) {
    const { userArn } = record(authorizer['iam'])
    return typeof userArn === 'string' && userArn !== ''
      ? { id: userArn, name: userArn, scopes: SCOPES }
      : undefined
  }
  const { token, name, tenant, scopes } = record(authorizer['lambda'])
  if (typeof token !== 'string' || token === '' || typeof scopes !== 'string') return undefined
  // A tenant that is there and no name must not become no tenant.
  if (tenant !== undefined && (typeof tenant !== 'string' || tenant === '')) return undefined
  return {
    id: token,
    name: typeof name === 'string' ? name : token,
    tenant,
    scopes: scopes.split(' ').filter((one): one is AccessScope => isScope(one)),
  }
}

function isScope(text: string): text is AccessScope {
  return SCOPES.some((one) => one === text)
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
