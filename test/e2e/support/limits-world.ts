/** A day of blocks, the right answers to questions about it, and clouds over it whose functions can get into trouble. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { ApiAnswer } from './ask.ts'
import { type CloudBucket, startCloudBucket } from './cloud-bucket.ts'
import {
  type Assembly,
  type LocalCloud,
  type LocalCloudOptions,
  startLocalCloud,
  synthesiseStack,
} from './local-cloud.ts'
import { DAY_START_MS, putReplica } from './replica-world.ts'
import { thawOver } from './thaw-app.ts'
import { makeTrouble, type Trouble } from './trouble.ts'

export const STORE = 'thaw-store'
export const QUERY = 'thaw-query'
export const COMPACT = 'thaw-compact'

/** Of one question: the day in steps of five minutes, which is worth all the slices there may be. */
export const SLICES = 8

/** Little, so that what runs out of it does so soon. */
const MEMORY = { storeMemoryMb: '512', queryMemoryMb: '512', compactMemoryMb: '512' }

export interface LimitsWorld {
  readonly assembly: Assembly
  readonly trouble: Trouble
  readonly cloudBucket: CloudBucket
  cloud(options?: Partial<LocalCloudOptions>): Promise<LocalCloud>
  /** Rejects where functions left files: two environments share no disk, and one may keep its own, so nothing may count on it. */
  remove(): Promise<void>
}

export async function limitsWorld(): Promise<LimitsWorld> {
  const temporary = await mkdtemp(join(tmpdir(), 'thaw-limits-'))
  const cloudBucket = await startCloudBucket()
  const { bucket } = cloudBucket
  await putReplica(bucket, 1, {
    externalLabels: { cluster: 'a' },
    phaseMs: 500,
    missing: [],
  })
  await updateBucketIndex(bucket, { now: Date.now })
  const [assembly, trouble] = await Promise.all([synthesiseStack(MEMORY), makeTrouble()])
  const clouds: LocalCloud[] = []
  return {
    assembly,
    trouble,
    cloudBucket,
    async cloud(options = {}) {
      const cloud = await startLocalCloud({
        assembly,
        bucket: cloudBucket,
        sliceBytes: 300,
        ...options,
        environment: { ...trouble.environment, TMPDIR: temporary, ...options.environment },
      })
      clouds.push(cloud)
      return cloud
    },
    async remove() {
      for (const cloud of clouds) await cloud.stop()
      const left = await readdir(temporary)
      await Promise.all([assembly.remove(), trouble.remove(), cloudBucket.stop()])
      await rm(temporary, { recursive: true, force: true })
      if (left.length > 0) throw new Error(`functions left files: ${left.join(', ')}`)
    },
  }
}

export type Params = Readonly<Record<string, string | number>>

let count = 0

/** One that nobody has asked before, so that no answer to it is kept. */
export function newQuestion(): Params {
  const query = `sum by (instance) (rate(requests_total[5m])) + 0 * ${++count}`
  const start = DAY_START_MS / 1000 + 600
  return { query, start, end: start + 23 * 3600, step: 300 }
}

export async function rightAnswer(world: LimitsWorld, question: Params): Promise<ApiAnswer> {
  return await thawOver(world.cloudBucket.bucket)('query_range', question)
}

/** Of the question, at the front door. */
export function urlOf({ cloud }: LocalCloud, question: Params): string {
  const pairs = Object.entries(question).map(([name, value]): [string, string] => [
    name,
    String(value),
  ])
  return `${cloud.httpUrl}/api/v1/query_range?${new URLSearchParams(pairs).toString()}`
}

interface Matrix {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>
    readonly values: readonly (readonly [number, string])[]
  }[]
}

/** Series, time and value as lines. */
export function samplesOf({ data }: ApiAnswer): string[] {
  return (data as Matrix).result.flatMap(({ metric, values }) =>
    values.map(([time, value]) => `${JSON.stringify(metric)} ${time} ${value}`),
  )
}
