/** Who asks, once credentials were verified: what all that takes requests knows of a caller. */

/** `read`: queries. `write`: samples come in. `admin`: what changes other things, or shows the insides. None contains another. */
export const SCOPES = ['read', 'write', 'admin'] as const
export type AccessScope = (typeof SCOPES)[number]

export interface Caller {
  /** For logs: id and name of the token, or how else the caller came in. Never a secret. */
  readonly id: string
  readonly name: string
  /** The caller is this tenant and sees nothing else, whatever the request says. */
  readonly tenant?: string | undefined
  readonly scopes: readonly AccessScope[]
}
