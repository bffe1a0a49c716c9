/** Endpoints from settings. To be loaded only where there are some: gRPC takes its time to load. */
import { readFile } from 'node:fs/promises'
import { type ClientTls } from '#lib/grpc/client-tls.ts'
import { DomainError } from '#lib/model/errors.ts'
import { checkSetting, type EndpointSetting } from './endpoint-config.ts'
import { EndpointList } from './endpoint-list.ts'
import { DEFAULT_ENDPOINT_SETTINGS, EndpointSet, type EndpointSetOptions } from './endpoint-set.ts'
import { SYSTEM_RESOLVER } from './resolve-address.ts'

export interface EndpointSettings extends Pick<
  EndpointSetOptions,
  'responseTimeoutMs' | 'listEveryMs' | 'infoEveryMs' | 'unhealthyMs'
> {
  readonly endpoints: readonly Omit<EndpointSetting, 'tls'>[]
  readonly tls: ClientTls
  /** The text of the endpoint file, or its path. */
  readonly configYaml?: string | undefined
  readonly configFile?: string | undefined
  /** Globs of files that list targets. */
  readonly files: readonly string[]
}

/** Throws `invalid` for an address that is none; of a file, what is wrong comes with its first reading. */
export function openEndpoints(
  settings: EndpointSettings,
  { now, log }: Pick<EndpointSetOptions, 'now' | 'log'>,
): EndpointSet {
  const { endpoints, tls, configYaml, configFile, files } = settings
  const list = new EndpointList({
    endpoints: endpoints.map(checkSetting),
    tls,
    config: configFile === undefined ? textOf(configYaml) : () => readConfig(configFile),
    files,
    resolver: SYSTEM_RESOLVER,
    log,
  })
  const { responseTimeoutMs, listEveryMs, infoEveryMs, unhealthyMs } = settings
  const { maxBytes } = DEFAULT_ENDPOINT_SETTINGS
  return new EndpointSet({
    list: () => list.read(),
    responseTimeoutMs,
    listEveryMs,
    infoEveryMs,
    unhealthyMs,
    maxBytes,
    now,
    log,
  })
}

function textOf(yaml: string | undefined): (() => Promise<string>) | undefined {
  return yaml === undefined ? undefined : async () => yaml
}

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DomainError('invalid', `endpoint configuration: ${(cause as Error).message}`, {
      cause,
    })
  }
}
