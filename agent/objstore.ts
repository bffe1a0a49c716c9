/** The object storage flags that every command has, and the bucket they name. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { DomainError } from '#lib/model/errors.ts'

export interface ObjstoreFlags {
  readonly yaml?: string | undefined
  readonly file?: string | undefined
  /** What stands before `.config` in the names of the flags. */
  readonly name?: string | undefined
}

export type Env = Readonly<Record<string, string | undefined>>

export function addObjstoreFlags(command: Command): Command {
  return command
    .option('--objstore.config-file <path>', 'YAML file that names the bucket, as for Thanos')
    .option(
      '--objstore.config <yaml>',
      'the same YAML itself, $(VAR) is taken from the environment',
    )
}

export function objstoreFlags(parsed: Readonly<Record<string, unknown>>): ObjstoreFlags {
  return {
    yaml: parsed['objstore.config'] as string | undefined,
    file: parsed['objstore.configFile'] as string | undefined,
  }
}

/** The text of the configuration, its variables not yet replaced. Undefined when neither flag is given. */
export async function readObjstoreYaml({
  yaml,
  file,
  name = 'objstore',
}: ObjstoreFlags): Promise<string | undefined> {
  if (yaml !== undefined && file !== undefined) {
    throw new DomainError('invalid', `give --${name}.config or --${name}.config-file, not both`)
  }
  const text = file === undefined ? yaml : await readConfigFile(file, name)
  return text === undefined || text.trim() === '' ? undefined : text
}

export async function openConfiguredBucket(
  flags: ObjstoreFlags,
  env: Env,
): Promise<Bucket | undefined> {
  const yaml = await readObjstoreYaml(flags)
  return yaml === undefined ? undefined : openBucket(parseObjstoreConfig(yaml, env))
}

/** For commands that are nothing without a bucket. */
export async function openRequiredBucket(flags: ObjstoreFlags, env: Env): Promise<Bucket> {
  const bucket = await openConfiguredBucket(flags, env)
  if (bucket !== undefined) return bucket
  throw new DomainError(
    'invalid',
    `no bucket is named, give --${flags.name ?? 'objstore'}.config-file=bucket.yml (see --help for an example)`,
  )
}

export const OBJSTORE_HELP = `
The bucket is named by Thanos's YAML. In a directory:

  type: FILESYSTEM
  config:
    directory: /var/lib/thaw/bucket

In S3, with the usual AWS credentials of this machine:

  type: S3
  config:
    bucket: my-metrics
    region: eu-central-1
`

async function readConfigFile(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { message } = cause as Error
    throw new DomainError('invalid', `--${name}.config-file: ${message}`, { cause })
  }
}
