/** Lambda `rule`: one tick of the ruler. Woken by the schedule once a minute, and when a rule file changes; twice at once, or late, does no harm. */
import { ulid } from 'ulid'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { tellDenials } from '#lib/aws/denials.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import {
  parseSecretReferences,
  SecretEnvironment,
  secretsManagerClient,
  type Variables,
} from '#lib/aws/secret-environment.ts'
import { type CountingBucket, countingBucket } from '#lib/bucket/counting-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { EndpointSet } from '#lib/endpoints/endpoint-set.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'
import { openOnce } from '#lib/lambda/open-once.ts'
import { plainErrors } from '#lib/lambda/plain-errors.ts'
import { type OpenRuler, openRuler } from '#lib/lambda/open-ruler.ts'
import { readRuleFlags } from '#lib/lambda/rule-flags.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { type SeldomListed, seldomListed } from '#lib/rules/tick/seldom-listed.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import { type TickReport, tickText } from '#lib/rules/tick/tick-report.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

const environment = readEnvironment(process.env)
const settings = readRuleFlags(environment.ruleFlags)
const secrets = new SecretEnvironment({
  env: process.env,
  references: parseSecretReferences(environment.ruleSecrets),
  client: secretsManagerClient,
  now: Date.now,
  log: (message) => console.warn({ message }),
})
const denied = tellDenials({ now: Date.now, warn: (message) => console.warn({ message }) })
const opened = openOnce(open)
let current: { readonly env: Variables; readonly ruler: OpenRuler } | undefined

export interface InvokeContext {
  getRemainingTimeInMillis(): number
}

/** Left of the time limit, to end by oneself. */
const RESERVE_MS = 2000

/** What no event told of is found after so long: with every fifth tick of the clock. */
const LIST_EVERY_MS = 270_000
/** Of EventBridge's schedule. Any other event is somebody who knows of a change, or who asks by hand. */
const CLOCK = 'aws.events'

export interface TickEvent {
  readonly source?: unknown
}

/** Rejects where the bucket can't be used: the next minute makes good for it. */
export const handler = plainErrors(
  async (event: TickEvent | undefined, context: InvokeContext): Promise<TickReport> => {
    const { counted, ruleFiles } = await opened()
    if (event?.source !== CLOCK) ruleFiles.lookAgain()
    const ruler = await currentRuler()
    const deadlineMs = Date.now() + context.getRemainingTimeInMillis() - RESERVE_MS
    counted.reset()
    const report = await runTick(ruler.parts, { deadlineMs })
    const { gets, lists, puts, deletes, heads, bytesRead, bytesWritten } = counted.counts
    const requests = { gets, lists, puts, deletes, heads, bytesRead, bytesWritten }
    console.log({ message: tickText(report), ...report, requests })
    return report
  },
)

interface Opened {
  readonly counted: CountingBucket
  readonly ruleFiles: SeldomListed
  readonly endpoints: EndpointSet | undefined
  readonly cache: StoreCache
}

async function open(): Promise<Opened> {
  const config = parseObjstoreConfig(environment.objstoreConfig, process.env)
  const bucket = await openBucket(config, { denied })
  // Without conditional writes two rulers could both believe to be the only one.
  await checkConditionalWrites(bucket, { id: ulid() })
  const counted = countingBucket(bucket)
  const clock = { everyMs: LIST_EVERY_MS, now: Date.now }
  return {
    counted,
    ruleFiles: seldomListed(bucketRuleFiles(counted.bucket), clock),
    endpoints: await openEndpoints(),
    cache: new StoreCache(environment.cacheBytes),
  }
}

/** Another one where a secret became another. */
async function currentRuler(): Promise<OpenRuler> {
  const env = await secrets.read()
  if (current?.env !== env) {
    const ruler = await openRulerWith(env)
    current?.ruler.close()
    current = { env, ruler }
  }
  return current.ruler
}

async function openRulerWith(env: Variables): Promise<OpenRuler> {
  const { counted, ruleFiles, endpoints, cache } = await opened()
  const { tick } = settings
  return openRuler({
    settings: {
      ...settings,
      tick: {
        ...tick,
        externalUrl: tick.externalUrl || environment.externalUrl.replace(/\/+$/, ''),
      },
    },
    bucket: counted.bucket,
    files: ruleFiles.files,
    cache,
    sources: endpoints && (() => endpoints.sources()),
    env,
    userAgent: 'thaw-rule',
    owner: process.env['AWS_LAMBDA_LOG_STREAM_NAME'] ?? 'rule',
    now: Date.now,
    newUlid: () => ulid(),
  })
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
