/** Names of endpoints → addresses, with Thanos's prefixes for DNS. */
import { lookup, resolveSrv } from 'node:dns/promises'
import { DomainError } from '#lib/model/errors.ts'

export interface Resolver {
  /** Of the address records of a host: by what this machine knows, its own file of hosts included. */
  addresses(host: string): Promise<readonly string[]>
  services(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>
}

export const SYSTEM_RESOLVER: Resolver = {
  addresses: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  services: (name) => resolveSrv(name),
}

/** host:port each; none where the name is not known. Throws `unavailable` when nobody could say. */
export async function resolveAddress(address: string, resolver: Resolver): Promise<string[]> {
  const match = /^(dns|dnssrv|dnssrvnoa|dnsdualstack)\+(.+)$/.exec(address)
  if (!match) return [address]
  const [, kind, name] = match as unknown as [string, string, string]
  const { host, port } = splitPort(name)
  try {
    if (kind === 'dns' || kind === 'dnsdualstack') {
      return (await resolver.addresses(host)).map((one) => join(one, port))
    }
    const services = await resolver.services(host)
    const found = await Promise.all(
      services.map(async (service) => {
        const at = port === '' ? String(service.port) : port
        const target = service.name.replace(/\.$/, '')
        if (kind === 'dnssrvnoa') return [join(target, at)]
        return (await resolver.addresses(target)).map((one) => join(one, at))
      }),
    )
    return found.flat()
  } catch (cause) {
    if (isUnknownName(cause)) return []
    throw new DomainError('unavailable', `DNS lookup of ${address}: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function isUnknownName(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'ENOTFOUND' || code === 'ENODATA'
}

function splitPort(name: string): { host: string; port: string } {
  const [, host = name, port = ''] = /^(.+?)(?::(\d{1,5}))?$/.exec(name) ?? []
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port }
}

function join(host: string, port: string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
