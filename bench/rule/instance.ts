/** An instance of the `rule` function, as the bench of ticks starts it: its parts are made once, then it runs a tick whenever it is told a time. */
import { ulid } from 'ulid'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { type BucketCounts, countingBucket } from '#lib/bucket/counting-bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { openRuler } from '#lib/lambda/open-ruler.ts'
import { readRuleFlags } from '#lib/lambda/rule-flags.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import type { TickReport } from '#lib/rules/tick/tick-report.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

export interface TickDone {
  readonly report: TickReport
  readonly counts: BucketCounts
  readonly cpuMs: number
  readonly residentMB: number
}

const MINUTE = 60_000
/** What the function has. */
const CACHE_BYTES = 256 * 1024 * 1024

const s3 = JSON.parse(process.env['BENCH_S3']!) as S3Config
let nowMs = 0
let began = performance.now()
/** Goes on while a tick runs. */
const now = (): number => nowMs + Math.floor(performance.now() - began)
const counting = countingBucket(await openBucket({ type: 'S3', prefix: '', ignored: [], s3 }))
const { bucket } = counting
const { parts } = await openRuler({
  settings: readRuleFlags(''),
  bucket,
  files: bucketRuleFiles(bucket),
  cache: new StoreCache(CACHE_BYTES),
  env: {},
  userAgent: 'bench',
  owner: 'bench',
  now,
  newUlid: () => ulid(),
})

process.on('message', (message: { readonly nowMs: number }) => void tick(message.nowMs))
process.once('disconnect', () => process.exit())
process.send!('ready')

async function tick(timeMs: number): Promise<void> {
  nowMs = timeMs
  began = performance.now()
  counting.reset()
  const before = process.cpuUsage()
  const report = await runTick(parts, { deadlineMs: nowMs + 2 * MINUTE })
  const { user, system } = process.cpuUsage(before)
  const done: TickDone = {
    report,
    counts: { ...counting.counts },
    cpuMs: (user + system) / 1000,
    residentMB: process.memoryUsage.rss() / 1e6,
  }
  process.send!(done)
}
