/** Jobs of the compact function, of each kind one, on blocks of their own; and what they must leave as it is where a right is missing. */
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { scanBlock } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Job } from '#lib/compact/jobs/job.ts'
import { readCuts } from '#lib/compact/parts/read-cuts.ts'
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
import type { PolicyWorld } from './policy-world.ts'
import { thawOver } from './thaw-app.ts'

/** What one run has to do: blocks that become one, others that do so in parts, and fresh ones. */
interface Lot {
  readonly number: number
  readonly merged: readonly string[]
  readonly cut: readonly string[]
  readonly packs: readonly string[]
  readonly broken: string
  /** What all of it answers. */
  readonly answers: string
}

/** Apart from each other and from all else. */
const LOT_MS = 100 * HOUR_MS
const CUT_MS = 20 * HOUR_MS
/** Fresh blocks have a window for all lots: in it, each has a minute. */
const PACKS_MS = RECENT - 8 * BLOCK_MS
const BROKEN_MS = RECENT - 6 * BLOCK_MS
const MINUTE_MS = 60_000

let lots = 0
let lot: Lot

function startOf(number: number): number {
  return START - 20_000 * HOUR_MS - number * LOT_MS
}

async function putLot(bucket: Bucket): Promise<Lot> {
  const number = ++lots
  const startMs = startOf(number)
  const two = (id: number, fromMs: number): Promise<string[]> =>
    Promise.all(
      [0, 1].map((i) => putSmall(bucket, 10_000 + 10 * number + id + i, fromMs + i * BLOCK_MS)),
    )
  const merged = await two(0, startMs)
  const cut = await two(2, startMs + CUT_MS)
  const minuteMs = number * MINUTE_MS
  const packs = await Promise.all(
    [1, 2].map((i) => putPack(bucket, PACKS_MS + minuteMs + 1000 * i, 10_000 + 10 * number + i)),
  )
  const broken = await putPack(bucket, BROKEN_MS + minuteMs, 10_000 + 10 * number)
  await bucket.put(broken, new Uint8Array(300))
  await updateBucketIndex(bucket, { now: Date.now })
  return { number, merged, cut, packs, broken, answers: await ask(bucket, number) }
}

/** Every sample of the lot counts. */
async function ask(bucket: Bucket, number: number): Promise<string> {
  const asked = thawOver(bucket)
  const startMs = startOf(number)
  const questions = [
    ['sum by (instance) (count_over_time(up[4h]))', startMs + 2 * BLOCK_MS],
    ['sum by (instance) (count_over_time(up[4h]))', startMs + CUT_MS + 2 * BLOCK_MS],
    ['sum by (pod) (sum_over_time(load[1m]))', PACKS_MS + (number + 1) * MINUTE_MS],
  ] as const
  const answers = await Promise.all(
    questions.map(([query, ms]) => asked('query', { query, time: ms / 1000 - 1 })),
  )
  return JSON.stringify(answers.map(({ data, error, warnings }) => ({ data, error, warnings })))
}

/** As the queue gives it; what the function answers. */
async function doJob({ work }: PolicyWorld, job: Job): Promise<string> {
  const { payload, failure } = await work(job)
  return `${failure ? 'failed' : 'done'} ${payload.toString()}`
}

async function madeOf(bucket: Bucket, isOne: (sources: readonly string[]) => boolean) {
  const index = new BucketIndexReader(bucket, { now: Date.now, maxAgeMs: 0 })
  const { blocks } = await index.view(-Infinity, Infinity)
  return blocks.find(({ sources, marks }) => !marks.deletion && isOne(sources))
}

async function isMade(bucket: Bucket, inputs: readonly string[]): Promise<boolean> {
  const made = await madeOf(
    bucket,
    (sources) => sources.length === inputs.length && inputs.every((id) => sources.includes(id)),
  )
  return made !== undefined
}

async function workInParts(world: PolicyWorld): Promise<string[]> {
  const { bucket } = world
  const said = [await doJob(world, { type: 'cut', inputs: lot.cut, parts: 2 })]
  const cuts = await readCuts(bucket, Date.now())
  const cut = cuts.find(({ inputs }) => inputs.join(' ') === lot.cut.join(' '))
  if (cut === undefined) return said
  const { ulid, parts } = cut
  for (let part = 0; part < parts; part++)
    said.push(await doJob(world, { type: 'part', ulid, part }))
  return [...said, await doJob(world, { type: 'finish', ulid })]
}

const DAILY: DeniedWork = {
  who: 'compact',
  what: 'jobs of each kind',
  async prepare({ bucket }) {
    lot = await putLot(bucket)
  },
  async work(world) {
    const { bucket } = world
    const { merged, packs, broken } = lot
    const said = [await doJob(world, { type: 'compact', inputs: merged })]
    said.push(...(await workInParts(world)))
    const window = { startMs: PACKS_MS, endMs: PACKS_MS + BLOCK_MS }
    const became = await doJob(world, { type: 'merge-packs', packs, ...window })
    const other = { startMs: BROKEN_MS, endMs: BROKEN_MS + BLOCK_MS }
    said.push(became, await doJob(world, { type: 'merge-packs', packs: [broken], ...other }))
    await updateBucketIndex(bucket, { now: Date.now })
    said.push(await doJob(world, { type: 'delete', ids: merged }))
    // As a plan would: when a block has what they have.
    if (became.startsWith('done')) {
      said.push(await doJob(world, { type: 'delete-objects', keys: packs }))
    }
    return said
  },
  async flaws({ bucket }, isDone) {
    const flaws: string[] = []
    await updateBucketIndex(bucket, { now: Date.now })
    const { number, answers, merged, cut, packs, broken } = lot
    const now = await ask(bucket, number)
    if (now !== answers) flaws.push(`answers ${now}, and before ${answers}`)
    for (const inputs of [merged, cut]) {
      if (await isMade(bucket, inputs)) continue
      if (isDone) flaws.push(`${inputs.join(', ')} did not become one`)
      for (const id of inputs) {
        const found = await scanBlock(bucket, id)
        if (!found || 'reason' in found || found.marks.deletion) flaws.push(`${id} is not there`)
      }
    }
    const keys = new Set(await allKeys(bucket, ''))
    if (!keys.has(broken)) flaws.push(`${broken} is gone`)
    if (!isDone) return flaws
    const left = [...keys].filter(
      (key) => merged.includes(key.slice(0, 26)) || packs.includes(key) || isOf(key, merged),
    )
    if (left.length > 0) flaws.push(`still there: ${left.join(', ')}`)
    if (cut.some((id) => !keys.has(`${id}/deletion-mark.json`))) flaws.push('cut ones have no mark')
    if ((await readCuts(bucket, Date.now())).some(({ inputs }) => inputs.includes(cut[0]!))) {
      flaws.push('the cut is still there')
    }
    return flaws
  },
}

function isOf(key: string, ids: readonly string[]): boolean {
  return ids.some((id) => key === `thaw/lookup/${id}`)
}

/** An index of more than one part, whose upload breaks in the middle. */
const GIVEN_UP: DeniedWork = {
  who: 'compact',
  what: 'giving uploads up',
  rights: [
    's3:AbortMultipartUpload /??????????????????????????/*',
    's3:AbortMultipartUpload /thaw/compact/*',
  ],
  async prepare({ bucket }) {
    if ((await allKeys(bucket, `${WIDE}/meta.json`)).length === 0) await putWide(bucket)
    await putSmall(bucket, 21, WIDE_MS - 1000 * HOUR_MS)
  },
  async work(world) {
    const { bucket, roles } = world
    const inputs = [WIDE, await putSmall(bucket, 21, WIDE_MS - 1000 * HOUR_MS)]
    const said: string[] = []
    await withBrokenUploads(roles, async () => {
      said.push(await doJob(world, { type: 'compact', inputs }))
      said.push(await doJob(world, { type: 'cut', inputs, parts: 1 }))
      const cuts = await readCuts(bucket, Date.now())
      const { ulid } = cuts.find((one) => one.inputs.includes(WIDE))!
      said.push(await doJob(world, { type: 'part', ulid, part: 0 }))
    })
    return said
  },
  async flaws({ bucket }) {
    const found = await scanBlock(bucket, WIDE)
    return found && !('reason' in found) && !found.marks.deletion ? [] : [`${WIDE} is not there`]
  },
}

export const JOB_WORK: readonly DeniedWork[] = [DAILY, GIVEN_UP]
