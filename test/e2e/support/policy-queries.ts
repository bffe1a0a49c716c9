/** The steps of queries: through the gateway and through the streaming door. */
import { expect } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { functionName } from '#localstack/compaction.ts'
import {
  allKeys,
  ALONE_MS,
  HOUR_MS,
  START,
  type Step,
  WIDE_MS,
  withBrokenUploads,
} from './policy-bucket.ts'

const RESULTS = 'thaw/results/'
/** Takes long enough that it is probably kept. */
const DEAR = 'sum(max_over_time(sum_over_time(up[5m])[1h:2s]))'

/** Half of it: more than a stream takes, and less than two parts of an upload. */
export const WIDE_HALF = 'wide{i=~"10.*|11[0-5].*"}'

/** Two queries of each kind, so that the second finds what the first has kept. */
async function twice(ask: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 2; i++) expect(await ask()).toMatchObject({ status: 'success' })
}

/** What is kept is chosen by chance, by what it cost. */
async function untilKept(bucket: Bucket, ask: (i: number) => Promise<unknown>): Promise<void> {
  const before = (await allKeys(bucket, RESULTS)).length
  for (let i = 0; i < 100; i++) {
    expect(await ask(i)).toMatchObject({ status: 'success' })
    if ((await allKeys(bucket, RESULTS)).length > before) return
  }
  throw new Error('no answer of 100 was kept')
}

export const QUERY_STEPS: readonly Step[] = [
  {
    name: 'a query that is small is evaluated in place',
    async run({ doors }) {
      for (const [i, ask] of Object.values(doors).entries()) {
        // Nobody has made a lookup of this block.
        const time = (ALONE_MS[i]! + HOUR_MS) / 1000
        await twice(() => ask('query', { query: 'sum(up)', time }))
        await twice(() => ask('query', { query: 'sum(load)' }))
      }
    },
  },
  {
    name: 'a large query is evaluated by store, and what is past is kept',
    async run({ bucket, doors }) {
      const range = { start: START / 1000, end: START / 1000 + 8 * 3600, step: 60 }
      const end = Date.now() / 1000
      const recent = { start: end - 7200, end, step: 15 }
      for (const [n, ask] of Object.values(doors).entries()) {
        await twice(() => ask('query_range', { query: `max_over_time(up[5m]) + ${n}`, ...range }))
        await untilKept(bucket, (i) =>
          ask('query_range', { query: `${DEAR} + ${1000 * n + i}`, ...range }),
        )
        await twice(() => ask('labels', { start: range.start, end: range.end }))
        await twice(() => ask('query_range', { query: 'sum(load) + sum(up)', ...recent }))
      }
    },
  },
  {
    name: 'functions that seldom log say what is wrong',
    async run({ local }) {
      const wrong = { headers: { authorization: 'Bearer thaw_nobody' } }
      expect((await fetch(local.cloud.httpUrl, wrong)).status).toBe(403)
      const { cloud } = local
      expect((await cloud.invoke(functionName(cloud, 'store'), {})).failure).toBeDefined()
    },
  },
  {
    name: 'a query tells of rules and compaction',
    async run({ doors }) {
      for (const ask of Object.values(doors)) {
        await twice(() => ask('rules'))
        await twice(() => ask('status/compaction'))
      }
    },
  },
  {
    name: 'an answer that is too large for a stream goes through the bucket',
    async run({ bucket, roles, doors }) {
      const start = (WIDE_MS + HOUR_MS) / 1000
      const range = { start, end: start + 600, step: 12 }
      const query = WIDE_HALF
      for (const [n, ask] of Object.values(doors).entries()) {
        expect(await ask('query_range', { query, ...range })).toMatchObject({ status: 'success' })
        expect(await allKeys(bucket, 'thaw/spill/')).toHaveLength(2 * (n + 1))
      }
      const whole = { query: 'wide', ...range }
      roles.gate.uploads('lose answers')
      await doors.query('query_range', whole)
      roles.gate.uploads('work')
      expect(await allKeys(bucket, 'thaw/spill/')).toHaveLength(6)
      await withBrokenUploads(roles, async () => {
        expect(await doors.query('query_range', whole)).toMatchObject({ status: 'error' })
      })
      expect(await allKeys(bucket, 'thaw/spill/')).toHaveLength(6)
    },
  },
]
