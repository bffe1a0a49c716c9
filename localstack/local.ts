/** `thaw local`, the main job on one machine: Prometheus data → agents → bucket → the deployed functions → HTTP API. */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Env, ObjstoreFlags } from '#agent/objstore.ts'
import { readObjstoreYaml } from '#agent/objstore.ts'
import { tickText } from '#lib/rules/tick/tick-report.ts'
import type { Cloud } from './cloud/embedded-cloud.ts'
import { startCloud } from './cloud/embedded-cloud.ts'
import { compactAll, plan } from './compaction.ts'
import type { LocalPrometheus, ShippedBlock } from './local-agents.ts'
import { startAgents } from './local-agents.ts'
import { OPEN_DOOR } from './open-door.ts'
import { type ProgressOptions, startProgress } from './progress.ts'
import { putSampleRules, tick } from './rules.ts'
import { startSampleWorld } from './sample-world.ts'
import { synthesise } from './synthesise.ts'

export interface LocalOptions {
  readonly port: number
  readonly dataDir: string
  /** Both undefined: a bucket in `dataDir`. */
  readonly objstore: ObjstoreFlags
  /** With `tsdbPath`: ship the blocks of this Prometheus. Undefined: sample data. */
  readonly prometheusUrl?: string | undefined
  readonly tsdbPath?: string | undefined
  /** Flags of Thanos's querier for the query function. */
  readonly queryFlags: string
  /** Flags of Thanos's compactor for the plan and compact functions. */
  readonly compactFlags: string
  /** Flags of Thanos's ruler for the rule function. */
  readonly ruleFlags: string
  /** Whether rules are evaluated: in a bucket of somebody else that takes them from the ruler there. */
  readonly rules: boolean
  /** Whether blocks are merged, downsampled and deleted: never in a bucket of somebody else unless that is wanted. */
  readonly compact: boolean
  /** Whether the authorizer asks for a token of the bucket, as it does on AWS. Otherwise whoever reaches the port may everything. */
  readonly tokens: boolean
  /** How many days of sample data. */
  readonly days: number
  readonly context: LocalContext
}

/** What it may touch of the process it runs in. */
export interface LocalContext {
  readonly env: Env
  readonly now: () => number
  /** What is going on. */
  readonly writeError: (text: string) => void
  readonly signal: AbortSignal
}

/** The label in which the replicas of the sample data differ, and that of most people's Prometheus servers. */
const REPLICA_LABEL = 'replica'
/** Small enough that the sample data of two weeks is worth several functions. */
const SLICE_BYTES = 1024 * 1024
/** Two jobs at a time, and queries beside them, are what a small machine can do. */
const CONTEXT = { compactConcurrency: '2' }
/** Parallel requests; more than two cores would make of it is still true to Lambda. */
const CONCURRENCY = 12

/** Resolves after the context's signal, when nothing runs any more. */
export async function runLocal(options: LocalOptions): Promise<void> {
  const { context, port } = options
  const { signal, writeError: say } = context
  const dataDir = resolve(options.dataDir)
  await mkdir(dataDir, { recursive: true })
  const ends: (() => Promise<void>)[] = []
  const show = { write: say, terminal: process.stderr.isTTY }
  const startedMs = context.now()
  try {
    say(`thaw local, data in ${dataDir}\n`)
    const yaml =
      (await readObjstoreYaml(options.objstore)) ?? (await ownBucket(join(dataDir, 'bucket')))

    const bundling = startProgress('functions', show)
    const assemblyDir = join(dataDir, 'cdk.out')
    await synthesise({ outDir: assemblyDir, context: CONTEXT, signal })
    bundling.finish('bundled from the synthesised stack')

    const prometheuses = await dataSources(options, dataDir, ends)

    const logFile = join(dataDir, 'functions.log')
    const functionsLog = createWriteStream(logFile)
    ends.push(() => new Promise((done) => functionsLog.end(done)))
    const cloud = await startCloud({
      assemblyDir,
      httpPort: port,
      clock: (schedule) => options.rules || !schedule.endsWith('-rule'),
      concurrency: CONCURRENCY,
      openWith: options.tokens ? undefined : OPEN_DOOR,
      environment: {
        THAW_OBJSTORE_CONFIG: yaml,
        THAW_QUERY_FLAGS: `--query.replica-label=${REPLICA_LABEL} ${options.queryFlags}`,
        THAW_RULE_FLAGS: `--query.replica-label=${REPLICA_LABEL} ${options.ruleFlags}`,
        THAW_COMPACT_FLAGS: `--consistency-delay=0s ${options.compactFlags}`,
        // Here too, whoever reaches the port may ask.
        ...(!options.tokens && { THAW_VERIFY_TOKENS: '' }),
        ...(!options.compact && { THAW_QUEUE_URL: '' }),
        THAW_SLICE_BYTES: String(SLICE_BYTES),
      },
      log: (source, line) => void functionsLog.write(`[${source}] ${line}\n`),
    })
    ends.push(() => cloud.stop())

    const shipping = startProgress('agents', show)
    const agents = await startAgents(prometheuses, {
      objstore: { yaml },
      env: context.env,
      now: context.now,
      signal,
      onProgress: (done, total) => shipping.update(done, total, `${megabytes(done)} shipped`),
      onShipped: (block) => announce(cloud, block),
    })
    ends.push(() => agents.stop())
    const shipped = await agents.firstPass
    shipping.finish(
      `${shipped.blocks} blocks, ${megabytes(shipped.bytes)} shipped by ${prometheuses.length} agents`,
    )

    const planning = startProgress('bucket index', show)
    const { blocks } = await plan(cloud)
    planning.finish(`${blocks} blocks visible`)
    if (options.compact) await compactWithProgress(cloud, show, signal)
    if (options.rules) {
      const evaluating = startProgress('rules', show)
      if (hasSample(prometheuses)) await putSampleRules(join(dataDir, 'bucket'), context.now)
      evaluating.finish(tickText(await tick(cloud)))
    }
    const seconds = ((context.now() - startedMs) / 1000).toFixed(0)
    const [streamUrl] = Object.values(cloud.functionUrls)
    const ready = { ...options, dataDir, logFile, streamUrl }
    say(readyText(cloud.httpUrl, seconds, ready, prometheuses))
    await aborted(signal)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    for (const end of ends.toReversed())
      await end().catch((error: Error) => say(`${error.message}\n`))
    say('thaw local ended\n')
  }
}

async function dataSources(
  options: LocalOptions,
  dataDir: string,
  ends: (() => Promise<void>)[],
): Promise<readonly LocalPrometheus[]> {
  const { prometheusUrl, tsdbPath, objstore, context, days } = options
  if (prometheusUrl !== undefined || tsdbPath !== undefined) {
    if (prometheusUrl === undefined || tsdbPath === undefined) {
      throw new Error('give both --prometheus.url and --tsdb.path, or neither for sample data')
    }
    return [{ name: 'prometheus', url: prometheusUrl, tsdbPath, sample: false }]
  }
  if (objstore.yaml !== undefined || objstore.file !== undefined) return []
  const show = { write: context.writeError, terminal: process.stderr.isTTY }
  const world = await startSampleWorld({
    dir: join(dataDir, 'prometheus'),
    days,
    now: context.now,
    signal: context.signal,
    progress: startProgress('sample data', show),
  })
  ends.push(() => world.stop())
  return world.prometheuses
}

async function ownBucket(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true })
  return `type: FILESYSTEM\nconfig:\n  directory: ${JSON.stringify(directory)}\n`
}

/** What S3 would tell EventBridge, and that the `plan` function. */
function announce(cloud: Cloud, { ulid, metaSize }: ShippedBlock): void {
  cloud.objectCreated(`${ulid}/meta.json`, metaSize)
}

async function compactWithProgress(
  cloud: Cloud,
  show: ProgressOptions,
  signal: AbortSignal,
): Promise<void> {
  const compacting = startProgress('compaction', show)
  const { jobs, left, blocks } = await compactAll({
    cloud,
    signal,
    onProgress: (done, total, note) => compacting.update(done, total, note),
  })
  const more = left > 0 ? `, ${left} jobs are left` : ''
  compacting.finish(`${jobs} jobs done by the compact function, ${blocks} blocks${more}`)
}

interface ReadyOptions {
  readonly days: number
  readonly logFile: string
  readonly tokens: boolean
  readonly dataDir: string
  readonly objstore: ObjstoreFlags
  /** Where answers are streamed, with `streamingDoor` in cdk.json. */
  readonly streamUrl: string | undefined
}

function hasSample(prometheuses: readonly LocalPrometheus[]): boolean {
  return prometheuses.some((prometheus) => prometheus.sample)
}

function readyText(
  url: string,
  seconds: string,
  { days, logFile, tokens, dataDir, objstore, streamUrl }: ReadyOptions,
  prometheuses: readonly LocalPrometheus[],
): string {
  const sample = hasSample(prometheuses)
  const curl = tokens ? 'curl --user grafana:$THAW_TOKEN' : 'curl'
  const query = tokens ? 'npx thaw query --token-file=grafana.token' : 'npx thaw query'
  const examples = sample
    ? `
  ${curl} '${url}/api/v1/query?query=count+by+(cluster)+(up)'
  ${query} --start=-${days}d --step=1h 'sum by (cluster) (rate(http_requests_total[5m]))'
  ${query} cluster:http_requests:rate5m
  ${curl} '${url}/api/v1/rules'
  ${curl} '${url}/api/v1/alerts'
`
    : `
  ${curl} '${url}/api/v1/query?query=up'
`
  return `
thaw is ready after ${seconds} s: ${url}
  ${doorText(tokens, dataDir, objstore)}
${streamUrl === undefined ? '' : `  The streaming door, for large answers: ${streamUrl}\n`}  Grafana: add a Prometheus data source with this URL.
  What the functions log: ${logFile}
${examples}
Ctrl-C ends it; the data stays for the next start.
`
}

/** Who may ask, and what to do to be one of them. */
function doorText(tokens: boolean, dataDir: string, { file, yaml }: ObjstoreFlags): string {
  if (!tokens)
    return 'Whoever reaches this port may ask, and it is on loopback only; --auth.tokens asks for tokens, as on AWS.'
  const own = `--objstore.config='{type: FILESYSTEM, config: {directory: ${join(dataDir, 'bucket')}}}'`
  const bucket =
    file !== undefined
      ? `--objstore.config-file=${file}`
      : yaml === undefined
        ? own
        : '--objstore.config=…'
  return `Who asks needs a token: npx thaw token create grafana ${bucket}`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
