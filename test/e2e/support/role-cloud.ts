/** The embedded cloud over the bucket of a suite, each function in its role. */
import { basename } from 'node:path'
import { expect } from 'vitest'
import { type Cloud, type CloudOptions, startCloud } from '#localstack/cloud/embedded-cloud.ts'
import type { LogSink } from '#localstack/cloud/log-lines.ts'
import { isMissing } from '#test/peer/cache.ts'
import { keepRecord } from '#test/policies/rights-record.ts'
import { serviceDeeds } from '#test/policies/service-deeds.ts'
import type { CloudStore } from './cloud-bucket.ts'
import type { Assembly } from './local-cloud.ts'
import type { Roles, Transport } from './roles.ts'

export interface RoleCloudOptions extends Omit<CloudOptions, 'assemblyDir' | 'front'>, Transport {
  readonly assembly: Assembly
  readonly bucket: CloudStore
  /** More of the configuration of the bucket: `part_size`. */
  readonly objstore?: object | undefined
}

export interface RoleCloud {
  readonly cloud: Cloud
  /** Undefined where the bucket has none. */
  readonly roles: Roles | undefined
  /** Keeps the record of what was done. Rejects where something was asked for that is not allowed. */
  stop(): Promise<void>
}

export async function startRoleCloud(options: RoleCloudOptions): Promise<RoleCloud> {
  const { assembly, bucket, objstore, tls, ...others } = options
  const without = isMissing(bucket.roles) ? bucket.roles : undefined
  const roles = isMissing(bucket.roles) ? undefined : await bucket.roles(assembly, { tls })
  const logged = new Set<string>()
  const log: LogSink = (source, line) => {
    logged.add(source)
    options.log?.(source, line)
  }
  const cloud = await startCloud({
    ...others,
    assemblyDir: assembly.dir,
    log,
    environment: {
      THAW_OBJSTORE_CONFIG: changed(roles?.objstore ?? bucket.objstore, objstore),
      ...(roles && { AWS_ENDPOINT_URL_SECRETS_MANAGER: roles.gate.url }),
      ...options.environment,
    },
    environmentOf: (name) => ({
      ...options.environmentOf?.(name),
      ...roles?.environmentOf(name),
    }),
    front: roles && frontedBy(roles),
  })
  const end = async (): Promise<void> => {
    const served = serviceDeeds(cloud, logged)
    await cloud.stop()
    await roles?.stop()
    keepRecord(process.env['THAW_RIGHTS_RECORD'], {
      suite: basename(expect.getState().testPath ?? ''),
      granted: Object.fromEntries(
        [...served.keys()].map((name) => [name, roles?.granted.get(name) ?? []]),
      ),
      done: Object.fromEntries(
        [...served].map(([name, deeds]) => [
          name,
          [...(roles?.gate.done().get(name) ?? []), ...deeds],
        ]),
      ),
      without,
    })
    const troubles = roles?.troubles() ?? []
    if (troubles.length > 0) throw new Error(`not allowed by the template:\n${troubles.join('\n')}`)
  }
  let ended: Promise<void> | undefined
  return { cloud, roles, stop: () => (ended ??= end()) }
}

function changed(yaml: string, more: object | undefined): string {
  if (more === undefined) return yaml
  const { type, config } = JSON.parse(yaml) as { readonly type: string; readonly config: object }
  return JSON.stringify({ type, config: { ...config, ...more } })
}

function frontedBy({ gate }: Roles): (awsUrl: string) => string {
  return (awsUrl) => {
    gate.aws(awsUrl)
    return gate.url
  }
}
