/** The Authorization header of each request, from texts that are read anew each time. */
import type { HttpClient } from './answer.ts'
import type { AuthorizationConfig, HttpClientConfig } from './config.ts'
import { oauth2Tokens } from './oauth2.ts'
import { basic } from './proxy.ts'

/** A client without credentials, which goes another way. */
export type MakeClient = (route: Pick<HttpClientConfig, 'tls' | 'proxy'>) => HttpClient

export interface Authorizer {
  header(signal: AbortSignal | undefined): Promise<string | undefined>
  /** What was sent last is not taken (401). */
  refused(): void
  close(): void
}

export function authorizer(
  config: AuthorizationConfig | undefined,
  makeClient: MakeClient,
  now: () => number,
): Authorizer {
  if (config?.type === 'oauth2') return oauth2Tokens(config.oauth2, makeClient(config.oauth2), now)
  return {
    async header() {
      if (config === undefined) return undefined
      if (config.type === 'basic') {
        return basic(await config.username.read(), await config.password.read())
      }
      return `${config.scheme} ${await config.credentials.read()}`
    },
    refused() {},
    close() {},
  }
}
