/** The main job, wherever it is done: an agent with its own rights fills a bucket, and Grafana's questions are answered from it. */
import { expect, it } from 'vitest'
import { ROUTE_SCOPES } from '#lib/api/route-scopes.ts'
import { TOKENS_KEY } from '#lib/auth/token-list.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { basic } from '#test/auth/made-tokens.ts'
import type { Ask } from './ask.ts'
import { compareAll, type Report } from './compare-all.ts'
import { type Door, TokenMaker, tryScopes, tryUnknown } from './door-matrix.ts'
import { askAsGrafana, type Gateway } from './gateway.ts'
import { MADE_START_MS } from './made-data.ts'
import { NAMES, REQUESTS } from './requests.ts'

export interface MainJob {
  gateway(): Promise<Gateway>
  /** Called grafana, with the scope to read. */
  token(): Promise<string>
  /** Whose blocks they are. */
  prometheus(): Ask
  bucketOf(whose: 'agent' | 'operator'): Promise<Bucket>
}

/** As Grafana's data source asks. */
export async function grafana(job: MainJob): Promise<Ask> {
  return askAsGrafana(await job.gateway(), basic('grafana', await job.token()))
}

async function doorOf(job: MainJob): Promise<Door> {
  const gateway = await job.gateway()
  return (path, authorization, { headers = {}, method } = {}) =>
    gateway(path, {
      method,
      headers: { ...headers, ...(authorization !== undefined && { authorization }) },
    })
}

/** Of what happens by itself: events, the queue, the schedule of a minute. */
export const SOON = { timeout: 180_000, interval: 1000 }

/** With data. */
const SECONDS = MADE_START_MS / 1000 + 3600

export function itBoundsTheAgent(job: MainJob): void {
  it('the agent has no right beyond its policy', async () => {
    const bucket = await job.bucketOf('agent')
    const bytes = new Uint8Array(1)
    await bucket.put('thaw/fresh/probe', bytes)
    await bucket.delete('thaw/fresh/probe')
    for (const key of [TOKENS_KEY, 'thaw/rule/files/a.yaml', 'thaw/bucket-index/root.json.gz']) {
      await expect(bucket.put(key, bytes)).rejects.toMatchObject({ kind: 'unauthorized' })
    }
    await expect(bucket.get(TOKENS_KEY)).rejects.toMatchObject({ kind: 'unauthorized' })
  })
}

/** To every nth request of the equality test. */
export function itAnswers(job: MainJob, nth: number): void {
  it('events have put every block into the bucket index', async () => {
    const ask = await grafana(job)
    const found = async (): Promise<unknown> =>
      (await ask('query', { query: 'count(up)', time: SECONDS })).data
    await expect.poll(found, SOON).toMatchObject({ result: [{}] })
  })

  it('the queue merges blocks', async () => {
    const ask = await grafana(job)
    const highest = async (): Promise<number> => {
      const { data } = await ask('status/tsdb/blocks')
      const { blocks } = data as { blocks: { compaction: { level: number } }[] }
      return Math.max(...blocks.map(({ compaction: { level } }) => level))
    }
    await expect.poll(highest, SOON).toBeGreaterThan(1)
  })

  it('answers are those of the Prometheus', async () => {
    const { differences, values, summary } = await compareWithPrometheus(job, nth)
    expect(differences).toEqual([])
    expect(values).toBeGreaterThan(100_000 / nth)
    console.log(summary)
  })

  it('lists are those of the Prometheus', async () => {
    const [thaw, prometheus] = [await grafana(job), job.prometheus()]
    for (const [path, params] of NAMES) {
      const { data } = await thaw(path, params)
      expect({ path, data }).toEqual({ path, data: (await prometheus(path, params)).data })
    }
  })

  it('401, 403 and 200 for every route, token, tenant and scope', async () => {
    const matrix = {
      door: await doorOf(job),
      maker: new TokenMaker(await job.bucketOf('operator')),
      seconds: SECONDS,
    }
    const unknown = await tryUnknown(matrix)
    expect(unknown.flaws).toEqual([])
    expect(unknown.cases).toBe(ROUTE_SCOPES.size * unknown.kinds)
    const scopes = await tryScopes(matrix)
    expect(scopes.flaws).toEqual([])
    expect(scopes.letIn.get('/api/v1/query')).toBe(8)
    console.log(`${unknown.cases} requests with no token, ${scopes.cases} with one`)
  })
}

/** Queries of the equality test, every nth of them beginning with one, to the last bit where the machine's arithmetic is the same. */
export async function compareWithPrometheus(job: MainJob, nth: number, first = 0): Promise<Report> {
  const asked = REQUESTS.filter(
    ({ asked: { meansOtherwise } }, i) => meansOtherwise === undefined && i % nth === first,
  )
  return compareAll(asked, await grafana(job), job.prometheus(), {
    mayBeClose: ({ asked: { roundsOtherwise, machineMath } }) => roundsOtherwise ?? machineMath,
  })
}

/** Those of docs/deploy.md, once they are in the bucket. `wake` has the schedule run where no clock does. */
export function itEvaluatesRules(job: MainJob, wake = async (): Promise<unknown> => undefined) {
  it('the schedule evaluates rules, and their results can be asked for', async () => {
    const ask = await grafana(job)
    const results = async (): Promise<number> => {
      await wake()
      const { data } = await ask('query', { query: 'cluster:up:count' })
      return (data as { result: unknown[] }).result.length
    }
    await expect.poll(results, SOON).toBe(1)
    expect((await ask('rules')).data).toMatchObject({
      groups: [
        { file: 'first.yaml', rules: [{ health: 'ok' }, { health: 'ok', state: 'inactive' }] },
      ],
    })
  })
}
