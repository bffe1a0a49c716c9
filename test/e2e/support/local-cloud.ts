/** The embedded cloud over one bucket, its bucket index made, and the plain API that answers. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cloud, type CloudOptions, startCloud } from '#localstack/cloud/embedded-cloud.ts'
import { OPEN_DOOR } from '#localstack/open-door.ts'
import { plan } from '#localstack/compaction.ts'
import { synthesise } from '#localstack/synthesise.ts'
import { askUrl, type Ask } from './ask.ts'
import { frontedBy, type Roles } from './roles.ts'

export interface Assembly {
  readonly dir: string
  remove(): Promise<void>
}

/** The stack as it would be deployed, with its bundles. */
export async function synthesiseStack(
  context: Readonly<Record<string, string>> = {},
): Promise<Assembly> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-assembly-'))
  await synthesise({ outDir: dir, context })
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) }
}

export interface LocalCloud {
  readonly ask: Ask
  readonly cloud: Cloud
  /** Of the streaming door, where the stack has one; without a slash at its end. */
  readonly streamUrl: string
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
  /** Requests of all functions at one time. */
  readonly concurrency?: number | undefined
  /** Of queues and the gateway. */
  readonly now?: (() => number) | undefined
  /** Of single functions, besides. */
  readonly environmentOf?: CloudOptions['environmentOf']
  /** Of all functions, besides. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** With what it brings each function does what its role may, and no more. */
  readonly roles?: Pick<Roles, 'environmentOf' | 'gate'> | undefined
}

export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const log: string[] = []
  const cloud = await startCloud({
    assemblyDir: options.assembly.dir,
    concurrency: options.concurrency ?? 12,
    now: options.now,
    environmentOf: options.roles?.environmentOf ?? options.environmentOf,
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
      ...(options.tokens !== true && { THAW_VERIFY_TOKENS: '' }),
      ...options.environment,
    },
    front: options.roles && frontedBy(options.roles.gate),
    log: (source, line) => void log.push(`[${source}] ${line}`),
  })
  const store = cloud.assembly.functions.find(({ name }) => name.endsWith('-store'))!
  return {
    ask: askUrl(cloud.httpUrl),
    cloud,
    streamUrl: Object.values(cloud.functionUrls)[0]?.slice(0, -1) ?? '',
    log,
    plan: async () => (await plan(cloud)).blocks,
    storeInvokes: () => cloud.stats()[store.name]?.invokes ?? 0,
    stop: () => cloud.stop(),
  }
}

export function directoryObjstore(directory: string): string {
  return `type: FILESYSTEM\nconfig:\n  directory: ${JSON.stringify(directory)}\n`
}
