/** The connections of an HTTP client: kept open, made anew when the files of its TLS configuration change. */
import { createHash } from 'node:crypto'
import * as http from 'node:http'
import * as https from 'node:https'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { DomainError } from '#lib/model/errors.ts'
import type { HttpClientConfig, TlsConfig } from './config.ts'
import { proxyFor } from './proxy.ts'
import { TunnelAgent } from './tunnel.ts'

export interface Route {
  readonly agent: http.Agent
  /** Of a plain request, which names its whole URL to it. */
  readonly proxy: URL | undefined
}

interface TlsOptions extends SecureContextOptions {
  readonly rejectUnauthorized: boolean
  readonly servername?: string | undefined
}

type Settings = Pick<HttpClientConfig, 'tls' | 'proxy' | 'transport'>

export class Connections {
  readonly #settings: Settings
  readonly #env: Readonly<Record<string, string | undefined>>
  #plain: http.Agent | undefined
  #secure = new Map<string, https.Agent>()
  #fingerprint = ''

  constructor(settings: Settings, env: Readonly<Record<string, string | undefined>>) {
    this.#settings = settings
    this.#env = env
  }

  async routeTo(target: URL): Promise<Route> {
    const { proxy: config, tls } = this.#settings
    const proxy = proxyFor(target, config, this.#env)
    const needsTls = target.protocol === 'https:' || proxy?.protocol === 'https:'
    if (!needsTls) return { agent: (this.#plain ??= new http.Agent(this.#agentOptions())), proxy }
    const options = await readTls(tls)
    const fingerprint = createHash('sha256').update(JSON.stringify(options)).digest('hex')
    if (fingerprint !== this.#fingerprint) {
      check(options)
      for (const agent of this.#secure.values()) retire(agent)
      this.#secure.clear()
      this.#fingerprint = fingerprint
    }
    const tunnelled = target.protocol === 'https:' ? proxy : undefined
    const key = tunnelled?.href ?? ''
    let agent = this.#secure.get(key)
    if (agent === undefined) {
      const all = { ...this.#agentOptions(), ...options }
      const { connectHeaders } = config
      agent = tunnelled
        ? new TunnelAgent(all, { proxy: tunnelled, connectHeaders, proxyTls: options })
        : new https.Agent(all)
      this.#secure.set(key, agent)
    }
    return { agent, proxy: tunnelled ? undefined : proxy }
  }

  /** Of connections; what runs goes on to its end. */
  close(): void {
    if (this.#plain) retire(this.#plain)
    for (const agent of this.#secure.values()) retire(agent)
  }

  #agentOptions(): http.AgentOptions {
    const { maxConnectionsPerHost, maxIdleConnectionsPerHost, idleTimeoutMs } =
      this.#settings.transport
    return {
      keepAlive: true,
      maxSockets: maxConnectionsPerHost || Infinity,
      maxFreeSockets: maxIdleConnectionsPerHost || Infinity,
      ...(idleTimeoutMs > 0 && { timeout: idleTimeoutMs }),
    }
  }
}

/** What runs goes on; what is free is closed, and nothing new is kept. */
function retire(agent: http.Agent): void {
  agent.maxFreeSockets = 0
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy()
  }
}

async function readTls(tls: TlsConfig): Promise<TlsOptions> {
  const [ca, cert, key] = await Promise.all([tls.ca?.read(), tls.cert?.read(), tls.key?.read()])
  return {
    rejectUnauthorized: !tls.insecureSkipVerify,
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(tls.minVersion !== undefined && { minVersion: tls.minVersion }),
    ...(tls.maxVersion !== undefined && { maxVersion: tls.maxVersion }),
  }
}

/** Before a connection would, and with a reason that says where to look. */
function check(options: TlsOptions): void {
  try {
    createSecureContext(options)
  } catch (cause) {
    throw new DomainError('unavailable', `tls_config: ${(cause as Error).message}`, { cause })
  }
}
