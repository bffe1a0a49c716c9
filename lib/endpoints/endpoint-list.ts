/** The endpoints of this moment: those of flags and of files, and what DNS says of them. */
import { glob, readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { readClientCredentials, type ClientTls } from '#lib/grpc/client-tls.ts'
import { grpcClient, groupClient, type GrpcClient } from '#lib/grpc/client.ts'
import { DomainError } from '#lib/model/errors.ts'
import {
  checkSetting,
  type EndpointSetting,
  isDynamic,
  parseEndpointConfig,
  type ParsedConfig,
} from './endpoint-config.ts'
import { resolveAddress, type Resolver } from './resolve-address.ts'

export interface EndpointSpec {
  /** Names the endpoint: host:port, or what was written for a group. */
  readonly address: string
  readonly strict: boolean
  /** Changes when it must be connected anew. */
  readonly key: string
  readonly connect: () => GrpcClient
}

export interface EndpointListOptions {
  /** Of flags. */
  readonly endpoints: readonly Omit<EndpointSetting, 'tls'>[]
  /** For what brings no TLS settings of its own. */
  readonly tls: ClientTls
  /** Text of `--endpoint.sd-config`, or what reads its file: it is read again. */
  readonly config?: (() => Promise<string>) | undefined
  /** Globs of `--store.sd-files`. */
  readonly files: readonly string[]
  readonly resolver: Resolver
  /** Told of what could not be read or looked up, where the last answer goes on to count. */
  readonly log: (message: string) => void
}

/** Reads all at each call. The first call throws `invalid` for a configuration that is wrong; later ones go on with what was right. */
export class EndpointList {
  readonly #options: EndpointListOptions
  #config: ParsedConfig | undefined
  /** What DNS and files said last. */
  readonly #resolved = new Map<string, readonly string[]>()
  readonly #listed = new Map<string, readonly string[]>()

  constructor(options: EndpointListOptions) {
    this.#options = options
  }

  async read(): Promise<EndpointSpec[]> {
    const config = await this.#readConfig()
    const { defaultTls: tls } = config
    const listed = (await this.#readFiles()).map((address): EndpointSetting => ({
      address,
      strict: false,
      group: false,
      tls,
    }))
    const given = this.#options.endpoints.map((setting) => ({ ...setting, tls }))
    const settings = [...config.endpoints, ...given, ...listed]
    const specs = await Promise.all(settings.map((setting) => this.#specsOf(setting)))
    // Of an address that is given twice the last counts, as in Thanos.
    return [...new Map(specs.flat().map((spec) => [spec.address, spec])).values()]
  }

  async #readConfig(): Promise<ParsedConfig> {
    const { config, tls, log } = this.#options
    if (!config) return { endpoints: [], defaultTls: tls }
    try {
      this.#config = parseEndpointConfig(await config(), tls)
    } catch (error) {
      if (!this.#config) throw error
      log((error as Error).message)
    }
    return this.#config
  }

  /** Addresses in files that match the globs: lists of `targets` in JSON or YAML, as Prometheus has them. */
  async #readFiles(): Promise<string[]> {
    const { files, log } = this.#options
    const paths = files.length > 0 ? await Array.fromAsync(glob([...files])) : []
    for (const path of paths) {
      try {
        this.#listed.set(path, targetsOf(await readFile(path, 'utf8')))
      } catch (error) {
        log(`endpoints of ${path}: ${(error as Error).message}`)
      }
    }
    for (const path of this.#listed.keys()) if (!paths.includes(path)) this.#listed.delete(path)
    return [...this.#listed.values()].flat()
  }

  async #specsOf(setting: EndpointSetting): Promise<EndpointSpec[]> {
    const { address, strict, group, tls } = setting
    try {
      const addresses = isDynamic(address) ? await this.#resolve(address) : [address]
      if (addresses.length === 0) return []
      const { credentials, fingerprint } = await readClientCredentials(tls)
      const serverName = tls.serverName === '' ? undefined : tls.serverName
      const specOf = (name: string, members: readonly string[]): EndpointSpec => ({
        address: name,
        strict,
        key: JSON.stringify([members, tls, fingerprint]),
        connect: () => {
          const clients = members.map((one) => grpcClient(one, { credentials, serverName }))
          return clients.length === 1 ? clients[0]! : groupClient(clients)
        },
      })
      return group ? [specOf(address, addresses)] : addresses.map((one) => specOf(one, [one]))
    } catch (error) {
      this.#options.log(`endpoint ${address}: ${(error as Error).message}`)
      return []
    }
  }

  async #resolve(address: string): Promise<readonly string[]> {
    const { resolver, log } = this.#options
    try {
      const found = await resolveAddress(address, resolver)
      if (found.length === 0) log(`endpoint ${address}: DNS knows no address`)
      this.#resolved.set(address, found.toSorted())
    } catch (error) {
      log((error as Error).message)
    }
    return this.#resolved.get(address) ?? []
  }
}

function targetsOf(text: string): string[] {
  const groups: unknown = parse(text) ?? []
  if (!Array.isArray(groups)) throw new DomainError('invalid', 'want a list of target groups')
  return groups.flatMap((group: unknown) => {
    const targets = (group as { targets?: unknown } | null)?.targets ?? []
    if (!Array.isArray(targets)) throw new DomainError('invalid', 'want a list of targets')
    return targets.map((target) => {
      return checkSetting({ address: String(target), strict: false }).address
    })
  })
}
