/** The door of this machine: whoever reaches the port, which is on loopback, may everything. */
import { contextOf } from '#lib/lambda/authorizer-context.ts'
import { SCOPES } from '#lib/model/caller.ts'

/** What the authorizer would say of a token with all scopes and no tenant. */
export const OPEN_DOOR = contextOf({ id: 'local', name: 'local', scopes: SCOPES })
