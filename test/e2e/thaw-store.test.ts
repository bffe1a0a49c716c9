/** A querier of Thanos over `thaw store` answers what it answers over Thanos's own store of the same bucket, and of rules what thaw's own API does. */
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flagValues } from '#agent/flags/command-flags.ts'
import { createLogger } from '#agent/logger.ts'
import { runStore } from '#cli/run-store.ts'
import { addStoreFlags, STORE_FLAGS } from '#cli/store-flags.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { startQuerier, startThanos } from '#test/peer/thanos.ts'
import { putRulerState, sampleRules } from '../rules/ruler-state.ts'
import { THANOS_CASES } from '../store/thanos/cases.ts'
import { EU_START_MS, HOUR_MS, putWorld, US_END_MS, US_START_MS } from '../store/thanos/world.ts'
import { type ApiAnswer, type Ask, askUrl, type Params } from './support/ask.ts'
import { thawOver } from './support/thaw-app.ts'

const BINARY = process.env['THAW_THANOS']
const DOWNSAMPLED = 'test/data/downsampled-e103a81b'

interface Peers {
  /** By deduplication. */
  readonly thanos: Readonly<Record<'penalty' | 'chain', Ask>>
  readonly thaw: Readonly<Record<'penalty' | 'chain', Ask>>
  /** thaw's own HTTP API over the bucket. */
  readonly api: Ask
  readonly stop: () => Promise<void>
}

async function startPeers(binary: string): Promise<Peers> {
  const workDir = await mkdtemp(join(tmpdir(), 'thaw-store-'))
  const bucketDir = join(workDir, 'bucket')
  await mkdir(bucketDir)
  const bucket = fileBucket(bucketDir)
  await putWorld(bucket)
  await putRulerState(bucket, RULER)
  for (const id of await readdir(DOWNSAMPLED)) {
    if (!id.endsWith('.gz'))
      await cp(join(DOWNSAMPLED, id), join(bucketDir, id), { recursive: true })
  }
  const thanos = await startThanos({ binary, bucketDir, workDir })
  const store = await startStore(bucketDir)
  const penalty = await startQuerier(binary, store.address, 'penalty')
  const chain = await startQuerier(binary, store.address, 'chain')
  return {
    thanos: { penalty: askUrl(thanos.urls.penalty), chain: askUrl(thanos.urls.chain) },
    thaw: { penalty: askUrl(penalty.url), chain: askUrl(chain.url) },
    api: thawOver(bucket, { replicaLabels: ['replica'] }),
    async stop() {
      await Promise.all([thanos.stop(), penalty.stop(), chain.stop(), store.stop()])
      await rm(workDir, { recursive: true })
    },
  }
}

async function startStore(
  bucketDir: string,
): Promise<{ readonly address: string; readonly stop: () => Promise<void> }> {
  const args = ['--grpc-address=127.0.0.1:0', '--http-address=', '--grpc-grace-period=0s']
  const command = addStoreFlags(new Command())
  command.parse(args, { from: 'user' })
  const controller = new AbortController()
  const listening = Promise.withResolvers<string>()
  const stopped = runStore(
    { flags: flagValues(STORE_FLAGS, command.opts()), selectorYaml: '' },
    {
      bucket: fileBucket(bucketDir),
      logger: createLogger({ level: 'error', format: 'logfmt' }),
      now: Date.now,
      signal: controller.signal,
      onListening: ({ grpc }) => listening.resolve(grpc),
    },
  )
  stopped.catch(listening.reject)
  return {
    address: await listening.promise,
    async stop() {
      controller.abort()
      await stopped
    },
  }
}

/** What can't be read is told in other words, under another address. */
function comparable({ error, warnings, ...answer }: ApiAnswer): unknown {
  return { ...answer, hasError: error !== undefined, warningCount: warnings?.length ?? 0 }
}

const seconds = (ms: number): number => ms / 1000
const EU: Params = { start: seconds(EU_START_MS), end: seconds(EU_START_MS + 6 * HOUR_MS) }
const US: Params = { start: seconds(US_START_MS), end: seconds(US_END_MS) }

/** Questions about labels and series, and samples with the replicas apart. */
const OTHERS: readonly (readonly [path: string, params: Params])[] = [
  ['labels', EU],
  ['labels', { ...EU, 'match[]': ['temperature'] }],
  ['labels', { ...US, 'match[]': ['{cluster="us"}'] }],
  ['label/__name__/values', US],
  ['label/cluster/values', EU],
  ['label/replica/values', EU],
  ['label/instance/values', { ...EU, 'match[]': ['requests_total{cluster="eu"}'] }],
  ['label/__name__/values', { ...EU, limit: 3 }],
  ['series', { ...EU, 'match[]': ['{cluster="eu",__name__!=""}'] }],
  ['series', { ...EU, 'match[]': ['{cluster="eu",__name__!=""}'], dedup: 'false' }],
  ['series', { ...US, 'match[]': ['{cluster=~"u.*",__name__!=""}'], limit: 5 }],
  ['query', { query: 'temperature', time: EU['end']!, dedup: 'false' }],
  ['query', { query: '{cluster="eu",replica="b",__name__!=""}', time: EU['end']!, dedup: 'false' }],
  [
    'query_range',
    { query: 'sum by (replica) (rate(requests_total[5m]))', ...EU, step: 300, dedup: 'false' },
  ],
  [
    'query_range',
    {
      query: 'count({cluster="us",__name__!=""})',
      ...US,
      step: 21_600,
      max_source_resolution: '1h',
    },
  ],
  ['query', { query: 'absent(nothing)', time: EU['end']! }],
]

/** After an evaluation, by one of two replicas; one of its files is broken. */
const RULER: RulerState = {
  ...sampleRules(),
  externalLabels: { ruler: 'thaw', replica: 'a' },
  files: [{ name: 'f.yaml', etag: '1', error: 'line 1' }],
}

const RULE_FILTERS: readonly (readonly [params: Params, groups: number])[] = [
  [{}, 2],
  [{ type: 'alert' }, 1],
  [{ type: 'record' }, 1],
  [{ 'rule_name[]': ['one', 'Down'] }, 2],
  [{ 'rule_name[]': 'one' }, 1],
  [{ 'rule_group[]': 'b' }, 1],
  [{ 'file[]': 'f.yaml' }, 2],
  [{ 'file[]': 'g.yaml' }, 0],
  [{ 'match[]': '{ruler="thaw"}' }, 2],
  [{ 'match[]': '{severity=~"p.+",ruler="thaw"}' }, 1],
  [{ 'match[]': '{severity="none"}' }, 0],
]

/** Without what only Thanos tells: how queries of rules took half an answer, and replicas of alerts. */
function told(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(told)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
    .filter(([name]) => name !== 'partialResponseStrategy' && name !== 'replica')
    .map(([name, inner]) => [name, told(inner)] as const)
  return Object.fromEntries(entries)
}

if (BINARY === undefined) {
  describeSkipped('thaw store under Thanos', { missing: 'THAW_THANOS names no Thanos' })
} else {
  describe('thaw store under Thanos', () => {
    let peers: Peers

    beforeAll(async () => {
      peers = await startPeers(BINARY)
    })
    afterAll(() => peers.stop())

    it.each(THANOS_CASES.filter(({ frontend }) => !frontend))(
      '$deduplication $path $params.query',
      async ({ deduplication, path, params }) => {
        const expected = await peers.thanos[deduplication](path, params)
        const actual = await peers.thaw[deduplication](path, params)
        expect(comparable(actual)).toEqual(comparable(expected))
      },
    )

    it.each(OTHERS)('%s %j', async (path, params) => {
      const expected = await peers.thanos.penalty(path, params)
      expect(await peers.thaw.penalty(path, params)).toEqual(expected)
      expect(expected.status).toBe('success')
    })

    it.each(RULE_FILTERS)("tells the ruler's rules of %j", async (params, count) => {
      const { data, warnings, status } = await peers.thaw.penalty('rules', params)
      const own = await peers.api('rules', params)
      expect({ data: told(data), warnings, status }).toEqual({
        data: own.data,
        warnings: own.warnings,
        status: 'success',
      })
      expect(own.data).toMatchObject({ groups: { length: count } })
    })

    it("tells the ruler's alerts", async () => {
      const { data, warnings } = await peers.thaw.penalty('alerts')
      const own = await peers.api('alerts')
      expect({ data: told(data), warnings }).toEqual({ data: own.data, warnings: own.warnings })
      expect(own.data).toMatchObject({ alerts: [{ labels: { ruler: 'thaw' }, state: 'firing' }] })
    })

    it('has what Thanos leaves out: series asked for by external labels alone', async () => {
      const params = { ...EU, 'match[]': ['{cluster="eu"}'] }
      const named = { ...EU, 'match[]': ['{cluster="eu",__name__!=""}'] }
      expect((await peers.thanos.penalty('series', params)).data).toEqual([])
      const { data } = await peers.thaw.penalty('series', params)
      expect(data).toEqual((await peers.thanos.penalty('series', named)).data)
    })
  })
}
