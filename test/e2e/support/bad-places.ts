/** Every place where a person hears that something is wrong with a bucket: commands, a running agent, the HTTP API. */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { createLogger } from '#agent/logger.ts'
import { runAgent } from '#agent/run-agent.ts'
import { bucketApp } from '#cli/bucket-app.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'
import { fakePrometheus, temporaryDir } from '#test/agent/block-fixture.ts'
import { thaw } from '#test/cli/cli-fixture.ts'

export interface Heard {
  /** All that was said. */
  readonly text: string
  /** The exit code, or the status of the answer. */
  readonly code: number
}

/** `yaml` names the bucket; another directory of data each time. */
export type Place = (yaml: string) => Promise<Heard>

const RULES = 'groups: [{name: a, rules: [{record: one, expr: vector(1)}]}]\n'

/** Of the block of `test/data/prometheus-2.42`. */
export const BLOCK = '01M7YG10ZZ971W4QZTCQDW7TER'

async function dataDir(): Promise<string> {
  const dir = await temporaryDir()
  await cp('test/data/prometheus-2.42', dir, { recursive: true })
  await writeFile(join(dir, 'rules.yaml'), RULES)
  return dir
}

/** Blocks that the agent will never look at again. */
async function shippedFrom(dir: string): Promise<string> {
  const text = await readFile(join(dir, 'thanos.shipper.json'), 'utf8').catch(() => '')
  return text.includes(BLOCK) ? `${BLOCK} counts as shipped\n` : ''
}

function command(...words: readonly string[]): Place {
  return async (yaml) => {
    const dir = await dataDir()
    const here = words.map((word) => word.replace('DIR', dir))
    const { code, out, err } = await thaw([...here, `--objstore.config=${yaml}`], {}, Date.now())
    return { code, text: out + err }
  }
}

async function agentOnce(yaml: string): Promise<Heard> {
  const dir = await dataDir()
  const { url } = await fakePrometheus()
  const { code, out, err } = await thaw(
    [
      'agent',
      '--once',
      '--log.level=error',
      `--tsdb.path=${dir}`,
      `--prometheus.url=${url}`,
    ].concat(`--objstore.config=${yaml}`),
  )
  return { code, text: out + err + (await shippedFrom(dir)) }
}

/** Until it has said something of both of its loops, blocks and fresh samples; it goes on, so there is no code. */
async function agentRunning(yaml: string): Promise<Heard> {
  const [tsdbPath, { url: prometheusUrl }] = [await dataDir(), await fakePrometheus()]
  const stop = new AbortController()
  const [ship, fresh] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let text = ''
  const write = (line: string): void => {
    text += line
    if (line.includes('block not uploaded')) ship.resolve()
    if (line.includes('fresh blocks wait for it')) fresh.resolve()
  }
  const ended = runAgent(
    agentOptions({
      prometheuses: [prometheusOptions({ tsdbPath, prometheusUrl })],
      httpAddress: '',
    }),
    {
      bucket: await openBucket(parseObjstoreConfig(yaml, {})),
      logger: createLogger({ level: 'warn', format: 'logfmt', write }),
      now: Date.now,
      signal: stop.signal,
      killSignal: stop.signal,
    },
  )
  try {
    await Promise.race([Promise.all([ship.promise, fresh.promise]), ended])
  } finally {
    stop.abort()
    await ended
  }
  return { code: 1, text: text + (await shippedFrom(tsdbPath)) }
}

/** A query, and what a load balancer asks. */
async function api(yaml: string): Promise<Heard> {
  let log = ''
  const { app, stop } = await bucketApp({
    config: parseObjstoreConfig(yaml, {}),
    settings: querySettings([]),
    workers: 0,
    sliceBytes: 1e9,
    keptBytes: 0,
    now: Date.now,
    server: { log: ({ message, error }) => void (log += `${message} ${String(error)}\n`) },
  })
  try {
    const ask = async (path: string): Promise<Response> => app.fetch(new Request(`http://x${path}`))
    const answer = await ask('/api/v1/query?query=up')
    const { status, error } = (await answer.json()) as { status: string; error: string }
    const ready = await ask('/-/ready')
    const text = `${status}: ${error}\n${ready.status} ${await ready.text()}\n${log}`
    return { code: answer.status, text }
  } finally {
    await stop()
  }
}

export const PLACES: Readonly<Record<string, Place>> = {
  'thaw agent --once': agentOnce,
  'thaw agent': agentRunning,
  'thaw bucket ls': command('bucket', 'ls'),
  'thaw bucket verify': command('bucket', 'verify'),
  'thaw bucket compact': command('bucket', 'compact'),
  'thaw bucket upload-blocks': command(
    'bucket',
    'upload-blocks',
    '--path=DIR',
    '--label=cluster="eu"',
  ),
  'thaw token create': command('token', 'create', 'grafana'),
  'thaw rules push': command('rules', 'push', 'DIR/rules.yaml'),
  'thaw rule': command('rule', '--once'),
  'thaw query': command('query', 'up'),
  'thaw cost': command('cost'),
  'thaw doctor': command('doctor', '--answer-timeout=20s'),
  'HTTP API': api,
}
