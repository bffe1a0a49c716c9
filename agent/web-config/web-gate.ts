/** Who may ask the HTTP server, as --http.config says at this moment: the file is read again while the server runs. */
import { createHmac, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { DomainError } from '#lib/model/errors.ts'
import type { Logger } from '../logger.ts'
import { matchesBcrypt } from './bcrypt.ts'
import { type WebConfig, type WebTls, readWebConfig } from './web-config.ts'

export interface WebGate {
  /** That of the start; whether there is TLS does not change later. */
  readonly tls: WebTls | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Whether a request with this Authorization header is answered. */
  allows(authorization: string | undefined): Promise<boolean>
  close(): void
}

export interface WebGateOptions {
  /** '' for one that is open. */
  readonly file: string
  readonly logger: Logger
  readonly onTls: (tls: WebTls) => void
  readonly everyMs?: number | undefined
}

const EVERY_MS = 10_000
/** Of no password; names that are not known take as long as those that are. */
const NOBODY = `$2b$10$${'.'.repeat(53)}`
const KEPT = 100

export async function openWebGate({
  file,
  logger,
  onTls,
  everyMs = EVERY_MS,
}: WebGateOptions): Promise<WebGate> {
  if (file === '') {
    return { tls: undefined, headers: {}, allows: async () => true, close() {} }
  }
  let config: WebConfig = await readWebConfig(file)
  const { tls } = config
  /** What was found right, so that it costs its tenth of a second once. */
  const secret = randomBytes(32)
  const right = new Set<string>()
  /** One after the other: guessing must not take the processor. */
  let last: Promise<unknown> = Promise.resolve()

  async function check(name: string, password: string): Promise<boolean> {
    const hash = config.users.get(name)
    const text = JSON.stringify([name, password, hash])
    const key = createHmac('sha256', secret).update(text).digest('hex')
    if (right.has(key)) return true
    const matches = last.then(async () => matchesBcrypt(password, hash ?? NOBODY))
    last = matches.catch(() => {})
    if (!(await matches) || hash === undefined) return false
    if (right.size >= KEPT) right.clear()
    right.add(key)
    return true
  }

  async function refresh(): Promise<void> {
    try {
      const read = await readWebConfig(file)
      if ((read.tls === undefined) !== (tls === undefined)) {
        throw new DomainError('invalid', '--http.config: TLS begins and ends with the process')
      }
      if (read.tls !== undefined && !isDeepStrictEqual(read.tls, config.tls)) onTls(read.tls)
      config = read
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      logger.error({ err: error }, 'web configuration not changed')
    }
  }
  const timer = setInterval(() => void refresh(), everyMs).unref()

  return {
    tls,
    get headers() {
      return config.headers
    },
    async allows(authorization) {
      if (config.users.size === 0) return true
      const pair = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1]
      if (pair === undefined) return false
      const text = Buffer.from(pair, 'base64').toString()
      const colon = text.indexOf(':')
      return colon >= 0 && check(text.slice(0, colon), text.slice(colon + 1))
    },
    close: () => clearInterval(timer),
  }
}
