/** The embedded cloud over one bucket, its bucket index made, and the plain API that answers. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cloud, startCloud } from '#localstack/cloud/embedded-cloud.ts'
import { OPEN_DOOR } from '#localstack/open-door.ts'
import { plan } from '#localstack/compaction.ts'
import { synthesise } from '#localstack/synthesise.ts'
import { askUrl, type Ask } from './ask.ts'

export interface Assembly {
  readonly dir: string
  remove(): Promise<void>
}

/** The stack as it would be deployed, with its bundles. */
export async function synthesiseStack(): Promise<Assembly> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-assembly-'))
  await synthesise({ outDir: dir, context: {} })
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) }
}

export interface LocalCloud {
  readonly ask: Ask
  readonly cloud: Cloud
  /** What the functions logged. */
  readonly log: readonly string[]
  /** Runs `plan` and returns the number of blocks it knows. */
  plan(): Promise<number>
  /** How often the store function ran. */
  storeInvokes(): number
  stop(): Promise<void>
}

export interface LocalCloudOptions {
  readonly assembly: Assembly
  /** Thanos's YAML. */
  readonly objstore: string
  readonly sliceBytes: number
  /** Flags of the compactor; without them no job is planned, and the bucket stays as the test made it. */
  readonly compactFlags?: string | undefined
  /** The authorizer asks for tokens, as on AWS. */
  readonly tokens?: boolean | undefined
  readonly queryFlags?: string | undefined
  readonly ruleFlags?: string | undefined
  /** Of all functions, besides. */
  readonly environment?: Readonly<Record<string, string>> | undefined
}

export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const log: string[] = []
  const cloud = await startCloud({
    assemblyDir: options.assembly.dir,
    concurrency: 12,
    openWith: options.tokens === true ? undefined : OPEN_DOOR,
    environment: {
      THAW_OBJSTORE_CONFIG: options.objstore,
      THAW_QUERY_FLAGS: `--query.replica-label=replica ${options.queryFlags ?? ''}`,
      THAW_RULE_FLAGS: options.ruleFlags ?? '',
      THAW_SLICE_BYTES: String(options.sliceBytes),
      THAW_MAX_SLICES: '8',
      ...(options.compactFlags === undefined
        ? { THAW_QUEUE_URL: '' }
        : { THAW_COMPACT_FLAGS: options.compactFlags }),
      ...options.environment,
    },
    log: (source, line) => void log.push(`[${source}] ${line}`),
  })
  const store = cloud.assembly.functions.find(({ name }) => name.endsWith('-store'))!
  return {
    ask: askUrl(cloud.httpUrl),
    cloud,
    log,
    plan: async () => (await plan(cloud)).blocks,
    storeInvokes: () => cloud.stats()[store.name]?.invokes ?? 0,
    stop: () => cloud.stop(),
  }
}

export function directoryObjstore(directory: string): string {
  return `type: FILESYSTEM\nconfig:\n  directory: ${JSON.stringify(directory)}\n`
}
