/** Real Thanos queriers over the agent answer as they do over Thanos's own sidecar; and the agent's StoreAPI answers as the sidecar's, frame by frame. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { askUrl } from './support/ask.ts'
import { PROMETHEUS_PEERS } from './support/prometheus-peers.ts'
import { firstDifference, QUERIES, requests, steady } from './support/sidecar-requests.ts'
import {
  REPLICAS,
  settled,
  startAgent,
  startQuerier,
  startSidecar,
  startTarget,
  startWorldPrometheus,
} from './support/sidecar-world.ts'
import { labelNamesOf, labelValuesOf, seriesOf, STORE_REQUESTS } from './support/store-requests.ts'

const THANOS = process.env['THAW_THANOS']

for (const { name, binary, histograms } of PROMETHEUS_PEERS) {
  const title = `the agent beside Thanos's sidecar on ${name}`
  if (THANOS === undefined) describeSkipped(title, { missing: 'THAW_THANOS names no Thanos' })
  else if (typeof binary !== 'string') describeSkipped(title, binary)
  else describeWorld(title, THANOS, binary, histograms)
}

function describeWorld(title: string, thanos: string, binary: string, histograms: boolean): void {
  // oxlint-disable-next-line vitest/valid-title -- named by the caller
  describe(title, () => {
    const ends: (() => Promise<void>)[] = []
    const sidecars: string[] = []
    const agents: string[] = []
    let real = ''
    let now = 0
    /** Queriers over the same two Prometheuses, each through other endpoints. */
    const queriers = new Map<string, string>()

    async function end<T extends { stop: () => Promise<void> }>(starting: Promise<T>): Promise<T> {
      const started = await starting
      ends.push(() => started.stop())
      return started
    }

    beforeAll(async () => {
      const dir = await mkdtemp(join(tmpdir(), 'thaw-sidecar-'))
      ends.push(() => rm(dir, { recursive: true, force: true }))
      const target = await end(startTarget())
      const settings = { binary, histograms, target: target.address }
      const prometheuses = await Promise.all(
        REPLICAS.map(async (replica) => {
          const dataDir = join(dir, replica)
          const started = startWorldPrometheus(settings, dataDir, replica)
          return { url: (await end(started)).url, dataDir }
        }),
      )
      await Promise.all(prometheuses.map(({ url }) => settled(url)))
      for (const one of prometheuses) {
        sidecars.push((await end(startSidecar(thanos, one.url, one.dataDir))).address)
        agents.push((await end(startAgent([one]))).address)
      }
      const both = await end(startAgent(prometheuses))
      const start = async (name: string, endpoints: readonly string[]) => {
        queriers.set(name, (await end(startQuerier(thanos, endpoints))).url)
      }
      await Promise.all([
        start('sidecars', sidecars),
        start('agents', agents),
        start('one agent for both', [both.address]),
        start('a sidecar and an agent', [sidecars[0]!, agents[1]!]),
        start('sidecars and agents', [...sidecars, ...agents]),
      ])
      real = queriers.get('sidecars')!
      await sleep(3000)
      now = Math.floor(Date.now() / 1000) - 2
    })

    afterAll(async () => {
      for (const stop of ends.toReversed()) await stop()
    })

    it.each(['agents', 'one agent for both', 'a sidecar and an agent'])(
      'a querier over %s answers as one over sidecars',
      async (name) => {
        const different: string[] = []
        let values = 0
        for (const [path, params] of requests(now)) {
          const [expected, actual] = await Promise.all(
            [real, queriers.get(name)!].map(async (url) => steady(await askUrl(url)(path, params))),
          )
          values += JSON.stringify(expected).length
          const difference = firstDifference(actual, expected)
          if (difference !== undefined) {
            different.push(`${path} ${JSON.stringify(params)} ${difference}`)
          }
        }
        expect(different.join('\n')).toBe('')
        expect(values).toBeGreaterThan(100_000)
      },
    )

    it('a querier over both at once answers as one over sidecars', async () => {
      const all = queriers.get('sidecars and agents')!
      for (const query of QUERIES) {
        for (const dedup of ['true', 'false']) {
          const params = { query, time: now, dedup }
          const [expected, actual] = await Promise.all(
            [real, all].map(async (url) => steady(await askUrl(url)('query', params))),
          )
          expect({ query, dedup, actual }).toEqual({ query, dedup, actual: expected })
        }
      }
    })

    it.each(STORE_REQUESTS)('the StoreAPI answers as the sidecar, %s', async (_, request) => {
      const [expected, actual] = await Promise.all(
        [sidecars[0]!, agents[0]!].map(async (address) => {
          const client = new Client(address, credentials.createInsecure())
          try {
            return await seriesOf(client, request, now * 1000)
          } finally {
            client.close()
          }
        }),
      )
      expect(actual).toEqual(expected)
    })

    it('label names and values of the StoreAPI are the sidecar’s', async () => {
      const matchers = [{ type: '=~' as const, name: 'host', value: '1|2' }]
      const [expected, actual] = await Promise.all(
        [sidecars[0]!, agents[0]!].map(async (address) => {
          const client = new Client(address, credentials.createInsecure())
          const request = { start: 0, end: now * 1000, matchers, withoutReplicaLabels: ['replica'] }
          try {
            return {
              all: new Set(await labelNamesOf(client, { ...request, matchers: [] })),
              names: new Set(await labelNamesOf(client, request)),
              own: await labelValuesOf(client, { ...request, label: 'zone' }),
              external: await labelValuesOf(client, { ...request, label: 'cluster' }),
              replica: await labelValuesOf(client, { ...request, label: 'replica' }),
            }
          } finally {
            client.close()
          }
        }),
      )
      expect(actual).toEqual(expected)
    })
  })
}
