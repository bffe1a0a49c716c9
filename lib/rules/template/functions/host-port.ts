/** Addresses with or without port, and names without their domain. */
import { isIP } from 'node:net'

interface HostPort {
  readonly host: string
  readonly port: string
}

/** `host:port` and `[ip]:port`; undefined for everything else. */
function split(address: string): HostPort | undefined {
  const bracketed = /^\[([^[\]]*)\]:([^:[\]]*)$/.exec(address)
  const parts = bracketed ?? /^([^:[\]]*):([^:[\]]*)$/.exec(address)
  return parts === null ? undefined : { host: parts[1]!, port: parts[2]! }
}

export function stripPort(address: string): string {
  return split(address)?.host ?? address
}

/** Addresses that are numbers stay as they are. */
export function stripDomain(address: string): string {
  const parts = split(address)
  const host = parts?.host ?? address
  if (isIP(host) !== 0 && !host.includes('%')) return address
  const name = host.split('.')[0]!
  if (parts === undefined || parts.port === '') return name
  return `${name.includes(':') ? `[${name}]` : name}:${parts.port}`
}
