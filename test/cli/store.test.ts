/** `thaw store`, as a function and as a command. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { Command } from 'commander'
import { expect, it, onTestFinished, vi } from 'vitest'
import { flagValues } from '#agent/flags/command-flags.ts'
import { createLogger } from '#agent/logger.ts'
import { runCommand } from '#agent/run-command.ts'
import { addStoreFlags, idleFlags, STORE_FLAGS } from '#cli/store-flags.ts'
import { runStore } from '#cli/run-store.ts'
import { storeCommand } from '#cli/store.ts'
import { faultyBucket } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { healthMessages, healthService } from '#lib/grpc/health.ts'
import { infoResponse } from '#lib/grpc/info-messages.ts'
import { decodeSeriesResponse } from '#lib/grpc/series-messages.ts'
import { infoService, storeService } from '#lib/grpc/services.ts'
import { seriesRequest } from '#lib/grpc/store-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import { all, ask, connect } from '../grpc/running-server.ts'
import { every, labels, putBlock, testId } from '../store/sample-block.ts'
import { matchers } from '../store-api/fixture.ts'

const HOUR = 3_600_000

async function sampleBucket(): Promise<Bucket> {
  const bucket = memoryBucket()
  for (const n of [0, 1]) {
    const [minTimeMs, maxTimeMs] = [n * 2 * HOUR, (n + 1) * 2 * HOUR]
    await putBlock(bucket, {
      id: testId(n),
      minTimeMs,
      maxTimeMs,
      externalLabels: { cluster: n === 0 ? 'a' : 'b' },
      series: [
        {
          labels: labels({ __name__: 'up' }),
          samples: every(60_000, minTimeMs, maxTimeMs, () => 1),
        },
      ],
    })
  }
  return bucket
}

interface RunningStore {
  readonly http: string
  readonly port: number
  readonly stopped: Promise<void>
  readonly stop: () => void
}

/** `args` as on the command line. */
async function start(bucket: Bucket, ...args: readonly string[]): Promise<RunningStore> {
  const command = addStoreFlags(new Command())
  const own = ['--grpc-address=127.0.0.1:0', '--http-address=127.0.0.1:0']
  command.parse([...own, ...args], { from: 'user' })
  const flags = flagValues(STORE_FLAGS, command.opts())
  const controller = new AbortController()
  const listening = Promise.withResolvers<{ http: string; grpc: string }>()
  const stopped = runStore(
    { flags, selectorYaml: flags['selector.relabel-config'] },
    {
      bucket,
      logger: createLogger({ level: 'error', format: 'logfmt' }),
      now: () => 5 * HOUR,
      signal: controller.signal,
      onListening: listening.resolve,
    },
  )
  stopped.catch(listening.reject)
  onTestFinished(async () => {
    controller.abort()
    await stopped.catch(() => undefined)
  })
  const { http, grpc } = await listening.promise
  return { http, port: Number(grpc.split(':')[1]), stopped, stop: () => controller.abort() }
}

async function ready({ http }: RunningStore): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(`${http}/-/ready`)).status).toBe(200))
}

const UP = seriesRequest.encode({ maxTime: Infinity, matchers: matchers('__name__="up"') })

it('answers series, says what it has, counts, and ends with the signal', async () => {
  const store = await start(await sampleBucket())
  await ready(store)
  const client = connect(store.port, credentials.createInsecure())
  const frames = await all(client, storeService.series, UP)
  expect(frames.flatMap((frame) => decodeSeriesResponse(frame).series)).toHaveLength(2)
  const info = infoResponse.decode(await ask(client, infoService.info, new Uint8Array(0)))
  expect(info).toMatchObject({
    componentType: 'store',
    rules: {},
    labelSets: [
      ['cluster', 'a'],
      ['cluster', 'b'],
    ],
  })
  const { checkRequest, checkResponse } = healthMessages
  const check = await ask(client, healthService.check, checkRequest.encode({}))
  expect(checkResponse.decode(check)).toEqual({ status: 'SERVING' })
  const metrics = await (await fetch(`${store.http}/metrics`)).text()
  for (const line of [
    'grpc_server_handled_total{grpc_type="server_stream",grpc_service="thanos.Store",grpc_method="Series",grpc_code="OK"} 1',
    'grpc_server_started_total{grpc_type="unary",grpc_service="thanos.Store",grpc_method="LabelNames"} 0',
    'thanos_bucket_store_series_result_series_sum 2',
    'thanos_bucket_store_series_blocks_queried_sum 2',
    'thanos_bucket_store_series_gate_queries_max 20',
    'thanos_bucket_store_series_gate_queries_in_flight 0',
    'thanos_bucket_store_queries_dropped_total{reason="series"} 0',
    'thanos_status{component="store",check="ready"} 1',
  ]) {
    expect(metrics).toContain(`\n${line}\n`)
  }
  store.stop()
  await store.stopped
})

it.each([
  [['--min-time=1970-01-01T02:00:00Z'], 1],
  [['--max-time=-4h'], 1],
  [['--max-time=-2h'], 2],
  [['--selector.relabel-config=[{action: drop, source_labels: [cluster], regex: a}]'], 1],
])('with %j shows %i series', async (args, expected) => {
  const store = await start(await sampleBucket(), ...args)
  const frames = await all(connect(store.port), storeService.series, UP)
  expect(frames.flatMap((frame) => decodeSeriesResponse(frame).series)).toHaveLength(expected)
})

it('counts calls that ask for too much', async () => {
  const store = await start(await sampleBucket(), '--store.limits.request-samples=120')
  const asked = all(connect(store.port), storeService.series, UP)
  await expect(asked).rejects.toThrow('8 RESOURCE_EXHAUSTED: exceeded samples limit: 240')
  const metrics = await (await fetch(`${store.http}/metrics`)).text()
  expect(metrics).toContain('thanos_bucket_store_queries_dropped_total{reason="chunks"} 1')
  expect(metrics).toContain('grpc_method="Series",grpc_code="ResourceExhausted"} 1')
})

it('is not ready while the bucket can not be read', async () => {
  const { bucket } = faultyBucket(memoryBucket(), {
    fault: { type: 'fail', error: new DomainError('unavailable', 'down') },
  })
  const store = await start(bucket)
  const answer = await fetch(`${store.http}/-/ready`)
  expect([answer.status, await answer.text()]).toEqual([503, 'the bucket can not be read\n'])
  expect(await (await fetch(store.http)).text()).toBe('thaw store: /metrics /-/healthy /-/ready\n')
})

it.each([
  [['--grpc-address='], 'thaw: --grpc-address is needed'],
  [['--grpc-server-tls-cert=a.pem'], 'thaw: give --grpc-server-tls-cert and --grpc-server-tls-key'],
  [['--grpc-server-tls-cert=/no', '--grpc-server-tls-key=/no'], 'thaw: server credentials: ENOENT'],
  [['--selector.relabel-config=[{}]'], 'thaw: selector.relabel-config: action replace'],
  [['--selector.relabel-config-file=/no/such'], 'thaw: --selector.relabel-config-file: ENOENT'],
  [['--http-address=nowhere'], 'thaw: "nowhere" is no address'],
  [[], 'thaw: no bucket is named'],
])('%j: %s', async (args, expected) => {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-store-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const config = join(folder, 'bucket.yml')
  await writeFile(config, `type: FILESYSTEM\nconfig: {directory: ${folder}}\n`)
  const { signal } = new AbortController()
  const command = storeCommand({
    env: {},
    now: () => 0,
    write: () => undefined,
    writeError: () => undefined,
    signal,
    killSignal: signal,
    onHangup: () => undefined,
  })
  const errors: string[] = []
  const own = args.length === 0 ? [] : [`--objstore.config-file=${config}`]
  const free = ['--http-address=127.0.0.1:0', '--grpc-address=127.0.0.1:0', '--log.level=error']
  const code = await runCommand(command, [...own, ...free, ...args], (text) => errors.push(text))
  expect([code, errors.join('')]).toEqual([1, expect.stringContaining(expected)])
})

it('says in --help what it is for, and takes the flags of Thanos that mean nothing here', () => {
  const command = addStoreFlags(new Command('store').exitOverride())
  command.configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
  expect(command.helpInformation()).toContain('--store.grpc.series-max-concurrency <n>')
  expect(command.helpInformation()).not.toContain('--data-dir')
  const idle = ['--data-dir=/x', '--no-cache-index-header', '--web.disable']
  command.parse([...idle, '--index-cache-size=1GB'], { from: 'user' })
  expect(idleFlags(command)).toEqual(['data-dir', 'cache-index-header', 'web.disable'])
  const unknown = (): unknown => command.parse(['--http.config=x'], { from: 'user' })
  expect(unknown).toThrow("unknown option '--http.config=x'")
  expect(flagValues(STORE_FLAGS, command.opts())['grpc-address']).toBe('0.0.0.0:10901')
})

it('has its flags in docs/store.md, each with its default and what it does', async () => {
  const text = await readFile('docs/store.md', 'utf8')
  const rows = [...text.matchAll(/^\| `--([^`]+)` \| (.*?) \| (.*) \|$/gm)]
  expect(rows.map(([, name, standard, help]) => [name, standard, help])).toEqual(
    Object.entries(STORE_FLAGS).map(([name, flag]) => [
      name,
      flag.default === '' ? '' : `\`${flag.default}\``,
      flag.help,
    ]),
  )
})
