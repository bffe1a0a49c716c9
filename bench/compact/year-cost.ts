/** What a day of the simulated year costs on AWS, were each of its series many. List prices of us-east-1, free tiers not counted. */
import type { BucketCounts } from '#lib/bucket/counting-bucket.ts'
import { estimateSeconds } from '#lib/compact/plan/estimate.ts'
import { PRICES, usdOf } from '#lib/cost/prices.ts'
import type { YearDay } from './simulated-year.ts'

/** How much one request reads, and how much one part of an upload holds. */
const READ_BYTES = 2 * 1024 * 1024
const WRITE_BYTES = 16 * 1024 * 1024
const COMPACT_GB = 1769 / 1024
const PLAN_GB = 1
/** Of a plan, most of it waiting for the bucket. */
const PLAN_SECONDS = 0.5
/** Every five minutes. One that finds nothing to do writes the backlog; that of a simulated day wrote the index instead. */
const PLANS_PER_DAY = 288
const DAYS_PER_MONTH = 30

/** USD, at the rate of a month. */
export interface DayCost {
  readonly storage: number
  /** Of blocks that came: they are uploaded, planned and worked on. */
  readonly requests: number
  readonly functions: number
}

/** `scale`: how many series of the same kind each series stands for. What does not grow with them is counted once. */
export function costOf(day: YearDay, scale: number): DayCost {
  const held = [...Object.values(day.blocks), day.going].reduce((sum, { bytes }) => sum + bytes, 0)
  const storedGb = (held * scale + day.ownBytes) / 1e9
  let requests = requestUsd(day.idlePlan) * PLANS_PER_DAY
  let functions = usdOf({
    ...NO_REQUESTS,
    functions: PLANS_PER_DAY,
    functionGbSeconds: PLANS_PER_DAY * PLAN_SECONDS * PLAN_GB,
  })
  for (const { type, counts } of day.jobs) {
    requests += requestUsd(withBytes(counts, scale))
    const seconds = estimateSeconds(type, 1, counts.bytesRead * scale)
    functions += usdOf({
      ...NO_REQUESTS,
      functions: 1,
      functionGbSeconds: seconds * COMPACT_GB,
    })
  }
  return {
    storage: storedGb * PRICES.s3GbMonth,
    requests: requests * DAYS_PER_MONTH,
    functions: functions * DAYS_PER_MONTH,
  }
}

const NO_REQUESTS = { gets: 0, lists: 0, puts: 0, functions: 0, functionGbSeconds: 0 }

/** The requests of small files, and those that large ones take besides. */
function withBytes(counts: BucketCounts, scale: number): BucketCounts {
  const { gets, puts, bytesRead, bytesWritten } = counts
  return {
    ...counts,
    gets: gets + Math.floor((bytesRead * scale) / READ_BYTES),
    puts: puts + Math.floor((bytesWritten * scale) / WRITE_BYTES),
  }
}

function requestUsd({ gets, heads, lists, puts }: BucketCounts): number {
  return gets * PRICES.s3Get + heads * PRICES.s3Get + (lists + puts) * PRICES.s3PutOrList
}
