/** The Authorization header of each request, from texts that are read anew each time. */
import type { AuthorizationConfig } from './config.ts'
import { oauth2Tokens } from './oauth2.ts'
import { basic } from './proxy.ts'

export interface Authorizer {
  header(signal: AbortSignal | undefined): Promise<string | undefined>
  /** What was sent last is not taken (401). */
  refused(): void
}

export function authorizer(
  config: AuthorizationConfig | undefined,
  env: Readonly<Record<string, string | undefined>>,
  now: () => number,
): Authorizer {
  if (config?.type === 'oauth2') return oauth2Tokens(config.oauth2, env, now)
  return {
    async header() {
      if (config === undefined) return undefined
      if (config.type === 'basic') {
        return basic(await config.username.read(), await config.password.read())
      }
      return `${config.scheme} ${await config.credentials.read()}`
    },
    refused() {},
  }
}
