/** HTTPS through a proxy: an agent whose connections begin with CONNECT. */
import * as http from 'node:http'
import * as https from 'node:https'
import * as tls from 'node:tls'
import type { Duplex } from 'node:stream'
import { DomainError } from '#lib/model/errors.ts'
import { basicAuthorization, hostOf } from './proxy.ts'

export interface Tunnel {
  readonly proxy: URL
  readonly connectHeaders: Readonly<Record<string, readonly string[]>>
  /** For a proxy that is itself asked over TLS. */
  readonly proxyTls: tls.SecureContextOptions & tls.CommonConnectionOptions
}

type Created = (error: Error | null, socket: Duplex) => void

export class TunnelAgent extends https.Agent {
  readonly #tunnel: Tunnel

  constructor(options: https.AgentOptions, tunnel: Tunnel) {
    super(options)
    this.#tunnel = tunnel
  }

  override createConnection(options: tls.ConnectionOptions, created?: Created): undefined {
    const { proxy, connectHeaders, proxyTls } = this.#tunnel
    const target = authority(options.host ?? '', Number(options.port))
    const authorization = basicAuthorization(proxy)
    const request = (proxy.protocol === 'https:' ? https : http).request({
      ...proxyTls,
      host: hostOf(proxy),
      port: portOf(proxy),
      method: 'CONNECT',
      path: target,
      agent: false,
      headers: {
        host: target,
        ...connectHeaders,
        ...(authorization !== undefined && { 'proxy-authorization': authorization }),
      },
    })
    const fail = (error: Error): void => created?.(error, undefined as unknown as Duplex)
    request.once('error', fail)
    request.once('connect', (answer, socket) => {
      request.off('error', fail)
      if (answer.statusCode === 200) {
        const secure = tls.connect({ ...options, socket })
        created?.(null, secure)
        return
      }
      socket.destroy()
      const text = `the proxy ${proxy.host} answered ${answer.statusCode} to CONNECT ${target}`
      fail(new DomainError(answer.statusCode === 407 ? 'unauthorized' : 'unavailable', text))
    })
    request.end()
    return undefined
  }
}

function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80))
}
