/** Lambda `rule`: one tick of the ruler. Woken by the schedule once a minute; twice at once, or late, does no harm. */
import { ulid } from 'ulid'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { type CountingBucket, countingBucket } from '#lib/bucket/counting-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'
import { type OpenRuler, openRuler } from '#lib/lambda/open-ruler.ts'
import { readRuleFlags } from '#lib/lambda/rule-flags.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import { type TickReport, tickText } from '#lib/rules/tick/tick-report.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

const environment = readEnvironment(process.env)
const settings = readRuleFlags(environment.ruleFlags)
const opened = open()

export interface InvokeContext {
  getRemainingTimeInMillis(): number
}

/** Left of the time limit, to end by oneself. */
const RESERVE_MS = 2000

/** Rejects where the bucket can't be used: the next minute makes good for it. */
export async function handler(_event: unknown, context: InvokeContext): Promise<TickReport> {
  const { ruler, counted } = await opened
  const deadlineMs = Date.now() + context.getRemainingTimeInMillis() - RESERVE_MS
  counted.reset()
  const report = await runTick(ruler.parts, { deadlineMs })
  const { gets, lists, puts, deletes, heads, bytesRead, bytesWritten } = counted.counts
  const requests = { gets, lists, puts, deletes, heads, bytesRead, bytesWritten }
  console.log({ message: tickText(report), ...report, requests })
  return report
}

async function open(): Promise<{ readonly ruler: OpenRuler; readonly counted: CountingBucket }> {
  const config = parseObjstoreConfig(environment.objstoreConfig, process.env)
  const bucket = await openBucket(config)
  // Once in the life of an instance: without conditional writes two rulers could both believe to be the only one.
  await checkConditionalWrites(bucket, { id: ulid() })
  const counted = countingBucket(bucket)
  const endpoints = await openEndpoints()
  const { tick } = settings
  const ruler = await openRuler({
    settings: {
      ...settings,
      tick: {
        ...tick,
        externalUrl: tick.externalUrl || environment.externalUrl.replace(/\/+$/, ''),
      },
    },
    bucket: counted.bucket,
    files: bucketRuleFiles(counted.bucket),
    cache: new StoreCache(environment.cacheBytes),
    sources: endpoints && (() => endpoints.sources()),
    env: process.env,
    userAgent: 'thaw-rule',
    owner: process.env['AWS_LAMBDA_LOG_STREAM_NAME'] ?? 'rule',
    now: Date.now,
    newUlid: () => ulid(),
  })
  return { ruler, counted }
}

/** Loaded only where there are some. */
async function openEndpoints(): Promise<EndpointSet | undefined> {
  if (!settings.endpoints) return undefined
  const { openEndpoints: openThem } = await import('#lib/endpoints/open-endpoints.ts')
  return openThem(settings.endpoints, {
    now: Date.now,
    log: (message) => console.warn({ message }),
  })
}
