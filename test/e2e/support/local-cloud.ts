/** The embedded cloud over one bucket, each function in its role, and the plain API that answers. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OPEN_DOOR } from '#localstack/open-door.ts'
import { plan } from '#localstack/compaction.ts'
import { synthesise } from '#localstack/synthesise.ts'
import { askUrl, type Ask } from './ask.ts'
import { type RoleCloud, type RoleCloudOptions, startRoleCloud } from './role-cloud.ts'

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

export interface LocalCloud extends RoleCloud {
  readonly ask: Ask
  /** Of the streaming door, where the stack has one; without a slash at its end. */
  readonly streamUrl: string
  /** What the functions logged. */
  readonly log: readonly string[]
  /** Runs `plan` and returns the number of blocks it knows. */
  plan(): Promise<number>
  /** How often the store function ran. */
  storeInvokes(): number
}

type Shared = 'assembly' | 'bucket' | 'objstore' | 'tls' | 'concurrency' | 'now' | 'environment'

export interface LocalCloudOptions extends Pick<RoleCloudOptions, Shared> {
  readonly sliceBytes: number
  /** Flags of the compactor; without them no job is planned, and the bucket stays as the test made it. */
  readonly compactFlags?: string | undefined
  /** The authorizer asks for tokens, as on AWS. */
  readonly tokens?: boolean | undefined
  readonly queryFlags?: string | undefined
  readonly ruleFlags?: string | undefined
}

export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const log: string[] = []
  const { assembly, bucket, objstore, tls, concurrency = 12, now } = options
  const started = await startRoleCloud({
    assembly,
    bucket,
    objstore,
    tls,
    concurrency,
    now,
    openWith: options.tokens === true ? undefined : OPEN_DOOR,
    environment: {
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
    log: (source, line) => void log.push(`[${source}] ${line}`),
  })
  const { cloud } = started
  const store = cloud.assembly.functions.find(({ name }) => name.endsWith('-store'))!
  return {
    ...started,
    ask: askUrl(cloud.httpUrl),
    streamUrl: Object.values(cloud.functionUrls)[0]?.slice(0, -1) ?? '',
    log,
    plan: async () => (await plan(cloud)).blocks,
    storeInvokes: () => cloud.stats()[store.name]?.invokes ?? 0,
  }
}
