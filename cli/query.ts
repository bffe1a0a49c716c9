/** `thaw query`: PromQL on the command line, asked of an HTTP API or, with no server at all, of a bucket. */
import { Command, InvalidArgumentError, Option } from 'commander'
import {
  type ObjstoreFlags,
  OBJSTORE_HELP,
  addObjstoreFlags,
  objstoreFlags,
  readObjstoreYaml,
} from '#agent/objstore.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { ENDPOINT_FLAGS } from '#lib/lambda/endpoint-flags.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'
import { DomainError } from '#lib/model/errors.ts'
import { credentialHeaders } from './api-credentials.ts'
import type { CliContext } from './context.ts'
import { addFlags, wordsOfFlags } from './flag-options.ts'
import { type ApiAnswer, ApiError, type QueryApi, askApi } from './query-api.ts'
import { defaultWorkers } from './default-workers.ts'
import { caretUnder } from './query-error.ts'
import { QUERY_OUTPUTS, type QueryOutput, formatAnswer } from './query-output.ts'
import { parseStep, parseTime } from './time-argument.ts'

interface QueryFlags {
  readonly url?: string | undefined
  readonly time?: number | undefined
  readonly start?: number | undefined
  readonly end?: number | undefined
  readonly step?: number | undefined
  readonly timeout?: string | undefined
  readonly header?: Readonly<Record<string, string>> | undefined
  readonly user?: string | undefined
  readonly tokenFile?: string | undefined
  readonly output: QueryOutput
  readonly 'query.workers'?: number | undefined
  readonly 'query.replicaLabel'?: readonly string[] | undefined
}

const DEFAULT_URL = 'http://127.0.0.1:19090'

/** A thread that has just started takes half a second until it is as fast as this one: only what takes seconds is worth it. */
const SLICE_BYTES = 4 * 1024 * 1024

export function queryCommand(context: CliContext): Command {
  const time = (text: string) => parseTime(text, context.now())
  const command = new Command('query')
    .description(
      'Evaluates PromQL at one time, or over a range when --start, --end or --step is given.',
    )
    .argument('<expr>', 'the expression')
    .option('--url <url>', `a Prometheus HTTP API (default: ${DEFAULT_URL})`)
    .option('--time <time>', 'when to evaluate (default: now)', time)
    .option('--start <time>', 'first step of a range (default: one hour before the end)', time)
    .option('--end <time>', 'last step of a range (default: now)', time)
    .option('--step <duration>', 'step of a range (default: a 250th of it)', parseStep)
    .option('--timeout <duration>', 'how long the server may take')
    .option('--header <name: value>', 'sent with the request; may be repeated', addHeader)
    .option('--user <name:password>', 'basic authentication')
    .option('--token-file <path>', 'a file with a bearer token, such as thaw token create makes')
    .addOption(
      new Option('-o, --output <form>', 'form of the answer')
        .choices(QUERY_OUTPUTS)
        .default('table'),
    )
    .option(
      '--query.workers <n>',
      'of a bucket: threads besides the main one (default: one less than processors, at most 4)',
      workerCount,
    )
    .option('--query.replica-label <name>', 'of a bucket: label of replicas; may be repeated', add)
    .option('--debug', 'show stack traces of errors')
  addObjstoreFlags(command)
  return addFlags(command, ENDPOINT_FLAGS)
    .addHelpText('after', HELP)
    .action(async (expression: string, flags: QueryFlags) => {
      const objstore = objstoreFlags(flags as unknown as Record<string, unknown>)
      const warn = warnOnce(context)
      const answer = await withApi(flags, objstore, { ...context, warn }, (api) =>
        ask(expression, flags, api, context.now()),
      )
      for (const warning of answer.warnings) warn(warning)
      for (const info of answer.infos) context.writeError(`info: ${info}\n`)
      context.write(formatAnswer(answer, flags.output))
    })
}

const HELP = `
Times are 2026-01-31T12:00:00Z, 1769860800, now, or back from now: -1h.
The answer goes to standard output, warnings to standard error. The exit code is 0 for an answer, also an
empty one or one with warnings, and 1 for an error.

With --objstore.config-file or --objstore.config no server is asked: the query is evaluated here, over the bucket; with --endpoint
over StoreAPIs (agents, Thanos's sidecars, stores, rulers, receivers, queriers), or over both.
Lookups of blocks that have none yet are made, and kept in the bucket where it may be written.
${OBJSTORE_HELP}
Examples:
  $ thaw query 'sum by (job) (up)'
  $ thaw query 'rate(http_requests_total[5m])' --start=-6h --step=1m
  $ thaw query up --time=2026-01-31T12:00:00Z -o json
  $ thaw query up --url=https://metrics.example.com --user=me:secret -o csv > up.csv
  $ thaw query up --url=https://metrics.example.com --token-file=ops.token
  $ thaw query 'rate(http_requests_total[5m])' --start=-30d --step=1h --objstore.config-file=bucket.yml
  $ thaw query up --endpoint=sidecar:10901 --endpoint=dns+stores.example:10901
`

/** An endpoint that is away is told when it is found so, and again with the answer. */
function warnOnce({ writeError }: CliContext): (text: string) => void {
  const told = new Set<string>()
  return (text) => {
    if (!told.has(text)) writeError(`warning: ${text}\n`)
    told.add(text)
  }
}

async function withApi<T>(
  flags: QueryFlags,
  objstore: ObjstoreFlags,
  { env, now, signal, warn }: CliContext & { readonly warn: (text: string) => void },
  use: (api: QueryApi) => Promise<T>,
): Promise<T> {
  const yaml = await readObjstoreYaml(objstore)
  const replicas = (flags['query.replicaLabel'] ?? []).map(
    (name) => `--query.replica-label=${name}`,
  )
  const settings = querySettings([...replicas, ...wordsOfFlags({ ...flags }, ENDPOINT_FLAGS)])
  if (yaml === undefined && settings.endpoints === undefined) {
    const headers = { ...(await credentialHeaders(flags)), ...flags.header }
    return use({ url: flags.url ?? DEFAULT_URL, headers, signal, fetch })
  }
  for (const name of ['url', 'user', 'tokenFile', 'header'] as const) {
    if (flags[name] !== undefined) {
      throw new DomainError(
        'invalid',
        `--${name === 'tokenFile' ? 'token-file' : name} is for an HTTP API, --objstore.config and --endpoint for none`,
      )
    }
  }
  // Loaded when asked for: the engine takes longer to load than all else together.
  const { bucketApp } = await import('./bucket-app.ts')
  const { openCliEndpoints } = await import('./cli-endpoints.ts')
  const endpoints = await openCliEndpoints(settings.endpoints, { now, log: warn })
  const { app, stop } = await bucketApp({
    config: yaml === undefined ? undefined : parseObjstoreConfig(yaml, env),
    endpoints,
    settings,
    workers: flags['query.workers'] ?? defaultWorkers(),
    sliceBytes: SLICE_BYTES,
    keptBytes: 0,
    now,
  })
  const here = async (url: string, init: RequestInit): Promise<Response> =>
    app.fetch(new Request(url, init))
  try {
    return await use({ url: 'http://bucket', headers: {}, signal, fetch: here })
  } finally {
    endpoints?.close()
    await stop()
  }
}

async function ask(
  expression: string,
  flags: QueryFlags,
  api: QueryApi,
  nowMs: number,
): Promise<ApiAnswer> {
  const timeout = flags.timeout === undefined ? {} : { timeout: flags.timeout }
  try {
    const range = rangeOf(flags, nowMs)
    if (range !== undefined) {
      return await askApi(api, 'query_range', { query: expression, ...range, ...timeout })
    }
    const time = seconds(flags.time ?? nowMs)
    return await askApi(api, 'query', { query: expression, time, ...timeout })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const caret = caretUnder(expression, error.message)
    if (caret === undefined) throw error
    throw new DomainError(error.kind, `${error.message}\n${caret}`)
  }
}

const HOUR_MS = 3_600_000

function rangeOf(
  { time, start, end, step }: QueryFlags,
  nowMs: number,
): { start: string; end: string; step: string } | undefined {
  if (start === undefined && end === undefined && step === undefined) return undefined
  if (time !== undefined) {
    throw new DomainError(
      'invalid',
      '--time is for one time, --start, --end and --step for a range',
    )
  }
  const endMs = end ?? nowMs
  const startMs = start ?? endMs - HOUR_MS
  if (endMs < startMs) throw new DomainError('invalid', '--end is before --start')
  const stepMs = step ?? Math.max(1, Math.floor((endMs - startMs) / 250_000)) * 1000
  return { start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) }
}

function seconds(ms: number): string {
  return String(ms / 1000)
}

function addHeader(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const colon = text.indexOf(':')
  if (colon < 1) throw new InvalidArgumentError("write a header such as 'X-Scope-OrgID: team'.")
  return { ...previous, [text.slice(0, colon).trim()]: text.slice(colon + 1).trim() }
}

function add(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text]
}

function workerCount(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('write a number of threads, from 0.')
  return Number(text)
}
