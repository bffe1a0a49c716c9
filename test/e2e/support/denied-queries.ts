/** What the functions do that answer queries: every day, and where an answer is large or dear. */
import { testId } from '#test/store/sample-block.ts'
import type { DeniedWork } from './denied-work.ts'
import {
  allKeys,
  BLOCK_MS,
  HOUR_MS,
  putPack,
  putSmall,
  putWide,
  RECENT,
  START,
  WIDE,
  WIDE_MS,
  withBrokenUploads,
} from './policy-bucket.ts'
import { WIDE_HALF } from './policy-queries.ts'
import type { Asking, PolicyWorld } from './policy-world.ts'

/** Of a block of which nobody has made a lookup. */
const LONE_MS = START - 9000 * HOUR_MS
const DEAR_MS = START - 11_000 * HOUR_MS
const LONE = 90
const NEW = 91
const DEAR_BLOCK = 92
const RESULTS = 'thaw/results/'
const VERY_DEAR = 'sum(max_over_time(sum_over_time(up[5m])[2h:1s]))'

let asked = 0

async function answers(asking: readonly Promise<unknown>[]): Promise<string[]> {
  return (await Promise.all(asking)).map((answer) => JSON.stringify(answer))
}

const inPlace = (who: 'query' | 'stream'): DeniedWork => ({
  who,
  what: 'answering',
  async prepare({ bucket, local }) {
    await putSmall(bucket, LONE, LONE_MS)
    await putPack(bucket, Date.now() - 20_000, 0)
    await local.plan()
    await bucket.delete(`thaw/lookup/${testId(LONE)}`)
  },
  work({ doors }) {
    const ask = doors[who]
    const start = LONE_MS / 1000
    const range = { start, end: start + 7200, step: 60 }
    return answers([
      ask('query', { query: 'sum(up)', time: start + 3600 }),
      ask('query', { query: 'sum(load)' }),
      // Nobody has kept the answer to this one.
      ask('query_range', { query: `max_over_time(up[1m]) + ${++asked}`, ...range }),
      ask('rules'),
      ask('status/compaction'),
    ])
  },
})

/** What nobody has kept the answer to. */
function askWide(ask: Asking, selector: string): Promise<unknown> {
  const start = (WIDE_MS + HOUR_MS) / 1000
  const query = `${selector} + ${++asked}`
  return ask('query_range', { query, start, end: start + 600, step: 12 })
}

async function prepareWide({ bucket, local }: PolicyWorld): Promise<void> {
  if ((await allKeys(bucket, `${WIDE}/meta.json`)).length === 0) await putWide(bucket)
  await local.plan()
}

const large = (who: 'query' | 'stream'): DeniedWork => ({
  who,
  what: 'reading an answer that goes through the bucket',
  rights: ['s3:GetObject /thaw/spill/*'],
  prepare: prepareWide,
  work: ({ doors }) => answers([askWide(doors[who], WIDE_HALF)]),
})

const dear = (who: 'query' | 'stream'): DeniedWork => ({
  who,
  what: 'keeping an answer that was dear',
  rights: ['s3:PutObject /thaw/results/*'],
  async prepare({ bucket, local }) {
    await putSmall(bucket, DEAR_BLOCK, DEAR_MS)
    await local.plan()
  },
  /** What is kept is chosen by chance, by what it cost. */
  async work({ bucket, doors, local }) {
    const range = { start: DEAR_MS / 1000, end: (DEAR_MS + BLOCK_MS) / 1000, step: 60 }
    const before = (await allKeys(bucket, RESULTS)).length
    const from = local.log.length
    const said: string[] = []
    for (let i = 0; i < 1000; i++) {
      const ask = doors[who]('query_range', { query: `${VERY_DEAR} + ${++asked}`, ...range })
      said.push(...(await answers([ask])))
      if (local.log.slice(from).some((line) => line.includes(`allow s3:PutObject`))) return said
      if ((await allKeys(bucket, RESULTS)).length > before) return said
    }
    throw new Error('no answer of 1000 was to be kept')
  },
})

const STORE: readonly DeniedWork[] = [
  {
    who: 'store',
    what: 'answering a slice',
    async prepare({ bucket, local }) {
      await putSmall(bucket, NEW, RECENT - BLOCK_MS)
      await putPack(bucket, Date.now() - 20_000, 0)
      await local.plan()
      await bucket.delete(`thaw/lookup/${testId(NEW)}`)
    },
    work: ({ doors: { query } }) => {
      const end = Date.now() / 1000
      const range = { start: end - 7200, end, step: 15 }
      return answers([query('query_range', { query: 'sum(load) + sum(up)', ...range })])
    },
  },
  {
    who: 'store',
    what: 'an answer that goes through the bucket',
    rights: ['s3:PutObject /thaw/spill/*'],
    prepare: prepareWide,
    work: ({ doors: { query } }) => answers([askWide(query, WIDE_HALF)]),
  },
  {
    who: 'store',
    what: 'an answer that goes through the bucket, and is not told that it went',
    rights: ['s3:GetObject /thaw/spill/*'],
    prepare: prepareWide,
    async work({ roles, doors: { query } }) {
      roles.gate.uploads('lose answers')
      try {
        return await answers([askWide(query, 'wide')])
      } finally {
        roles.gate.uploads('work')
      }
    },
  },
  {
    who: 'store',
    what: 'giving an upload up',
    rights: ['s3:AbortMultipartUpload /thaw/spill/*'],
    prepare: prepareWide,
    async work({ roles, doors: { query } }) {
      let said: string[] = []
      await withBrokenUploads(roles, async () => {
        said = await answers([askWide(query, 'wide')])
      })
      return said
    },
  },
]

export const QUERY_WORK: readonly DeniedWork[] = [
  ...(['query', 'stream'] as const).flatMap((who) => [inPlace(who), large(who), dear(who)]),
  ...STORE,
]
