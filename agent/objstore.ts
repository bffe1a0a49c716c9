/** The object storage flags that every command has, and the bucket they name. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { prefixedBucket } from '#lib/bucket/prefixed-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'

export interface ObjstoreFlags {
  readonly yaml?: string | undefined
  readonly file?: string | undefined
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

/** Undefined when neither flag is given. */
export async function openConfiguredBucket(
  { yaml, file }: ObjstoreFlags,
  env: Env,
): Promise<Bucket | undefined> {
  if (yaml !== undefined && file !== undefined) {
    throw new DomainError('invalid', 'give --objstore.config or --objstore.config-file, not both')
  }
  const text = file === undefined ? yaml : await readConfigFile(file)
  if (text === undefined || text.trim() === '') return undefined
  const config = parseObjstoreConfig(text, env)
  if (config.type === 'FILESYSTEM')
    return prefixedBucket(fileBucket(config.directory), config.prefix)
  // Loaded here, so that commands without S3 don't wait for the AWS SDK.
  const { openBucket } = await import('#lib/aws/open-bucket.ts')
  return openBucket(config)
}

/** For commands that are nothing without a bucket. */
export async function openRequiredBucket(flags: ObjstoreFlags, env: Env): Promise<Bucket> {
  const bucket = await openConfiguredBucket(flags, env)
  if (bucket !== undefined) return bucket
  throw new DomainError(
    'invalid',
    'no bucket is named, give --objstore.config-file=bucket.yml (see --help for an example)',
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

async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { message } = cause as Error
    throw new DomainError('invalid', `--objstore.config-file: ${message}`, { cause })
  }
}
