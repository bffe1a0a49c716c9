/** Which proxy a request goes through, by configuration or by the environment's HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
import { BlockList, isIP } from 'node:net'
import { DomainError } from '#lib/model/errors.ts'
import type { ProxyConfig } from './config.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Undefined: directly. As in Go, the environment's proxies are not for this machine's own addresses. */
export function proxyFor(target: URL, config: ProxyConfig, env: Env): URL | undefined {
  const { url, fromEnvironment } = config
  if (!fromEnvironment) return url && !isExcepted(target, config.noProxy) ? url : undefined
  const get = (name: string): string => env[name] || env[name.toLowerCase()] || ''
  const text = get(target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
  if (text === '' || isLocal(hostOf(target)) || isExcepted(target, get('NO_PROXY'))) {
    return undefined
  }
  const proxy = text.includes('://') ? text : `http://${text}`
  if (URL.canParse(proxy) && /^https?:$/.test(new URL(proxy).protocol)) return new URL(proxy)
  throw new DomainError('invalid', 'the proxy of the environment is no http:// or https:// URL')
}

function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/** `*`, names with all below them, `.name` with those below only, addresses and networks; each may have a port. */
function isExcepted(target: URL, noProxy: string): boolean {
  const host = hostOf(target)
  const port = target.port || (target.protocol === 'https:' ? '443' : '80')
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true
      if (entry.includes('/')) return isWithin(host, entry)
      const withPort = /^(.*[^:]):(\d+)$/.exec(entry)
      if (withPort !== null && withPort[2] !== port) return false
      const name = (withPort?.[1] ?? entry).toLowerCase().replace(/^\[|\]$/g, '')
      if (name.startsWith('.')) return host.endsWith(name)
      return host === name || host.endsWith(`.${name.replace(/^\*\./, '')}`)
    })
}

function isWithin(host: string, network: string): boolean {
  const [address = '', bits = ''] = network.split('/')
  const family = isIP(host)
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(bits)) return false
  const type = family === 4 ? 'ipv4' : 'ipv6'
  if (Number(bits) > (family === 4 ? 32 : 128)) return false
  const list = new BlockList()
  list.addSubnet(address, Number(bits), type)
  return list.check(host, type)
}

/** Without the brackets around an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.toLowerCase().replace(/^\[|\]$/g, '')
}

/** `user:password@` of a URL as a header's value. */
export function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  return basic(decodeURIComponent(username), decodeURIComponent(password))
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
