/** Tokens for client credentials (RFC 6749, section 4.4), each used until shortly before it ends. */
import { DomainError } from '#lib/model/errors.ts'
import type { Authorizer } from './authorize.ts'
import { type HttpClient, readText } from './answer.ts'
import type { OAuth2Config } from './config.ts'
import { basic } from './proxy.ts'

interface Token {
  readonly header: string
  readonly endMs: number
}

const EARLY_MS = 10_000
const MAX_ANSWER_BYTES = 1024 * 1024
const TIMEOUT_MS = 30_000

export function oauth2Tokens(
  config: OAuth2Config,
  http: HttpClient,
  now: () => number,
): Authorizer {
  /** Servers want the secret in the header or in the body; the first answer shows which. */
  let inHeader = true
  let token: Token | undefined
  let pending: Promise<Token> | undefined

  async function ask(asHeader: boolean): Promise<{ status: number; text: string }> {
    const secret = await config.clientSecret.read()
    const form = new URLSearchParams({ grant_type: 'client_credentials', ...config.endpointParams })
    if (config.scopes.length > 0) form.set('scope', config.scopes.join(' '))
    const id = config.clientId
    if (!asHeader) {
      form.set('client_id', id)
      form.set('client_secret', secret)
    }
    const answer = await http.request({
      method: 'POST',
      url: config.tokenUrl,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(asHeader && {
          authorization: basic(encodeURIComponent(id), encodeURIComponent(secret)),
        }),
      },
      body: Buffer.from(form.toString()),
      timeoutMs: TIMEOUT_MS,
    })
    return { status: answer.status, text: await readText(answer, MAX_ANSWER_BYTES) }
  }

  async function renew(): Promise<Token> {
    let answer = await ask(inHeader)
    if (answer.status >= 400 && answer.status < 500) {
      const other = await ask(!inHeader)
      if (other.status === 200) {
        inHeader = !inHeader
        answer = other
      }
    }
    const { host } = new URL(config.tokenUrl)
    if (answer.status !== 200) {
      const kind = answer.status < 500 ? 'unauthorized' : 'unavailable'
      throw new DomainError(kind, `no token: ${host} answered ${answer.status}`)
    }
    const fields = parseFields(answer.text)
    const { access_token: text, token_type: type, expires_in: seconds } = fields
    if (typeof text !== 'string' || text === '') {
      throw new DomainError('unavailable', `no token: ${host} did not answer with one`)
    }
    const scheme = typeof type === 'string' && type.toLowerCase() !== 'bearer' ? type : 'Bearer'
    const lifeMs = Number(seconds) * 1000 || Infinity
    return { header: `${scheme} ${text}`, endMs: now() + lifeMs - EARLY_MS }
  }

  return {
    async header() {
      if (token !== undefined && now() < token.endMs) return token.header
      pending ??= renew().finally(() => {
        pending = undefined
      })
      token = await pending
      return token.header
    },
    refused() {
      token = undefined
    },
    close: () => http.close(),
  }
}

function parseFields(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
