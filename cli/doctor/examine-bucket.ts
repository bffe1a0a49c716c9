/** Asks the bucket: whether it is there, what time and where, what may be done, and what is in it. */
import { randomUUID } from 'node:crypto'
import type { Env } from '#agent/objstore.ts'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { StoreAnswer } from '#lib/aws/store-answer.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { parseObjstoreConfig, type ObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import * as access from '#lib/doctor/bucket-access.ts'
import { judgeForeign } from '#lib/doctor/bucket-content.ts'
import type { Finding, Known } from '#lib/doctor/finding.ts'
import { known, type Patience } from './patience.ts'

export interface BucketExamination {
  readonly findings: readonly Finding[]
  /** Undefined where it can't be listed: then nothing more can be said of it. */
  readonly bucket?: Bucket | undefined
  /** Of S3. */
  readonly bucketName?: string | undefined
}

export interface BucketParts {
  readonly yaml: string
  readonly env: Env
  readonly now: () => number
  readonly readOnly: boolean
}

/** Who waits for the doctor need not wait for many tries. */
const ATTEMPTS = 2

export async function examineBucket(
  { yaml, env, now, readOnly }: BucketParts,
  patience: Patience,
): Promise<BucketExamination> {
  const opened = await known(patience, async () => {
    const config = parseObjstoreConfig(yaml, env)
    return { config, bucket: await openBucket(config, { retry: { attempts: ATTEMPTS } }) }
  })
  if ('failed' in opened) return { findings: [access.judgeConfiguration(opened.failed)] }
  const { config, bucket } = opened.value
  const [answer, names] = await Promise.all([
    storeAnswer(config, now, patience),
    known(patience, (signal) => topNames(bucket, signal)),
  ])
  const reached = access.judgeReach(bucket.name, names)
  const told = answer ? [access.judgeRegion(answer), access.judgeClock(answer)] : []
  if ('failed' in names) return { findings: [reached, ...told] }
  const policy = await writeOncePolicy(config, patience)
  const tried = readOnly ? undefined : await tryRights(bucket, patience)
  const mayWrite = tried && !tried.put && !tried.get && !tried.delete
  const kept: Known<unknown> | undefined = mayWrite
    ? await known(patience, async (signal) => {
        await checkConditionalWrites(bucket, { id: `doctor-${randomUUID()}`, signal })
        return true
      })
    : undefined
  return {
    bucket,
    ...(config.type === 'S3' && { bucketName: config.s3.bucket }),
    findings: [
      reached,
      ...told,
      access.judgeRights(tried),
      access.judgeConditions(kept),
      ...(policy ? [access.judgeWriteOnce(policy)] : []),
      judgeForeign(names.value),
    ],
  }
}

async function storeAnswer(
  config: ObjstoreConfig,
  now: () => number,
  patience: Patience,
): Promise<Known<StoreAnswer> | undefined> {
  if (config.type !== 'S3') return undefined
  const { askStore } = await import('#lib/aws/store-answer.ts')
  return known(patience, (signal) => askStore(config.s3, now, signal))
}

/** Other stores know no such condition in a policy. */
async function writeOncePolicy(
  config: ObjstoreConfig,
  patience: Patience,
): Promise<Known<string> | undefined> {
  if (config.type !== 'S3') return undefined
  const { bucketPolicy, isInAws } = await import('#lib/aws/bucket-policy.ts')
  if (!isInAws(config.s3)) return undefined
  return known(patience, (signal) => bucketPolicy(config.s3, signal))
}

/** Objects and folders at the top. */
async function topNames(bucket: Bucket, signal: AbortSignal): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { objects, prefixes } of bucket.list('', { delimiter: '/', signal })) {
    names.push(...objects.map(({ key }) => key), ...prefixes)
  }
  return names
}

/** One small object, written, read and deleted. */
async function tryRights(bucket: Bucket, patience: Patience): Promise<access.RightsTried> {
  const key = `thaw/probe/doctor-${randomUUID()}`
  const failure = async (work: (signal: AbortSignal) => Promise<unknown>) => {
    const tried = await known(patience, work)
    return 'failed' in tried ? tried.failed : undefined
  }
  const put = await failure((signal) => bucket.put(key, new Uint8Array(1), { signal }))
  // Without the right to write, neither of the others can be tried on anything.
  if (put !== undefined) return { key, put }
  const get = await failure((signal) => bucket.get(key, { signal }))
  const removed = await failure((signal) => bucket.delete(key, { signal }))
  return { key, get, delete: removed }
}
