/** The deployed stack over S3 with a role for each function, and whatever makes it do all that it ever does. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { randomBytes } from 'node:crypto'
import { ulid } from 'ulid'
import { createToken } from '#lib/auth/edit-tokens.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { formatJob, type Job } from '#lib/compact/jobs/job.ts'
import type { BufferedResult } from '#localstack/cloud/invoker.ts'
import { functionName } from '#localstack/compaction.ts'
import { basic } from '#test/auth/made-tokens.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { startCloudBucket } from './cloud-bucket.ts'
import { type Assembly, type LocalCloud, startLocalCloud } from './local-cloud.ts'
import type { Roles } from './roles.ts'

export interface PolicyWorld {
  readonly roles: Roles
  readonly local: LocalCloud
  /** Past all policies. */
  readonly bucket: Bucket
  /** Ways to ask the HTTP API with a token, by the function that answers. */
  readonly doors: Readonly<Record<'query' | 'stream', Asking>>
  /** Has the compact function do a job, as the queue would. */
  readonly work: (job: Job) => Promise<BufferedResult>
  stop(): Promise<void>
}

/** `path` is below `/api/v1/`. */
export type Asking = (
  path: string,
  params?: Readonly<Record<string, string | number>>,
) => Promise<unknown>

export interface WorldOptions {
  readonly assembly: Assembly
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Of the objstore configuration. */
  readonly objstore?: object | undefined
}

export async function startPolicyWorld(options: WorldOptions): Promise<PolicyWorld | Missing> {
  const { assembly, objstore } = options
  const cloudBucket = await startCloudBucket()
  const { bucket } = cloudBucket
  if (isMissing(cloudBucket.roles)) {
    await cloudBucket.stop()
    return cloudBucket.roles
  }
  const local = await startLocalCloud({
    assembly,
    bucket: cloudBucket,
    objstore,
    tls: true,
    sliceBytes: 200,
    compactFlags: '--consistency-delay=0s --delete-delay=0s',
    tokens: true,
    environment: options.environment,
  })
  let token: Promise<string> | undefined
  const door =
    (url: string): Asking =>
    async (path, params = {}) => {
      token ??= newToken(bucket)
      const query = new URLSearchParams(
        Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]),
      )
      const headers = { authorization: await token }
      return await (await fetch(`${url}/api/v1/${path}?${query.toString()}`, { headers })).json()
    }
  const { httpUrl, functionUrls } = local.cloud
  const [streamUrl = ''] = Object.values(functionUrls)
  return {
    roles: local.roles!,
    local,
    bucket,
    doors: { query: door(httpUrl), stream: door(streamUrl.replace(/\/$/, '')) },
    work: (job) =>
      local.cloud.invoke(functionName(local.cloud, 'compact'), {
        Records: [{ messageId: ulid(), body: formatJob(job) }],
      }),
    async stop() {
      await local.stop()
      await cloudBucket.stop()
    },
  }
}

async function newToken(bucket: Bucket): Promise<string> {
  const parts = { bucket, now: Date.now, newUlid: () => ulid(), random: randomBytes }
  const { text } = await createToken(parts, { name: 'policies', scopes: ['read', 'admin'] })
  return basic('policies', text)
}

/** As time would change it. */
export async function editJson(
  bucket: Bucket,
  key: string,
  edit: (json: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  const json = JSON.parse(gunzipSync((await bucket.get(key)).body).toString()) as Record<
    string,
    unknown
  >
  await bucket.put(key, gzipSync(JSON.stringify(edit(json))))
}
