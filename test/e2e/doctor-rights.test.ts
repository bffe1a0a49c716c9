/** `thaw doctor` with credentials that MinIO bounds: it names what they may not, and says nothing of what it can't see. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { doctor } from '#test/cli/doctor/installation.ts'
import { putBacklog, putRules, putSamplesBlock, putToken } from '#test/cli/doctor/installation.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findMinio, startMinio } from '#test/peer/minio.ts'
import { boundedBy } from '#test/peer/minio-session.ts'
import { findMoto } from '#test/peer/moto.ts'
import { createBucket, type S3Server } from '#test/peer/s3-server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'

const [minio, moto] = await Promise.all([findMinio(), findMoto()])
const HOUR = 3_600_000

const ALL = ['s3:ListBucket', 's3:GetObject', 's3:PutObject', 's3:DeleteObject']

function policyOf(actions: readonly string[]): string {
  const Statement = [{ Effect: 'Allow', Action: actions, Resource: 'arn:aws:s3:::*' }]
  return JSON.stringify({ Version: '2012-10-17', Statement })
}

if (isMissing(minio) || isMissing(moto)) {
  describeSkipped('thaw doctor with bounded credentials', [minio, moto].find(isMissing)!)
} else {
  describe('thaw doctor, with credentials that may', () => {
    let server: S3Server
    let s3: S3Config

    beforeAll(async () => {
      server = await startMinio(minio)
      s3 = await createBucket(server, 'metrics')
      const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] })
      const nowMs = Date.now()
      await putSamplesBlock(bucket, 1, Math.floor(nowMs / HOUR - 3) * HOUR)
      await updateBucketIndex(bucket, { now: Date.now })
      await putBacklog(bucket, nowMs)
      await putRules(bucket, { nowMs, alertmanager: 'http://localhost:9093' })
      await putToken(bucket, 'grafana', ['read'])
    }, 120_000)
    afterAll(async () => server?.stop())

    async function told(policy: string): Promise<string[]> {
      const keys = await boundedBy(
        policy,
        server,
        moto as Exclude<typeof moto, { missing: string }>,
      )
      const config = {
        bucket: s3.bucket,
        endpoint: s3.endpoint,
        region: s3.region,
        insecure: true,
        access_key: keys.AWS_ACCESS_KEY_ID,
        secret_key: keys.AWS_SECRET_ACCESS_KEY,
        session_token: keys.AWS_SESSION_TOKEN,
      }
      const yaml = JSON.stringify({ type: 'S3', config })
      const { out, findings } = await doctor({ 'objstore.config': yaml, 'answer-timeout': '10s' })
      expect(out).not.toContain(keys.AWS_SECRET_ACCESS_KEY)
      expect(out).not.toContain(keys.AWS_SESSION_TOKEN)
      return findings
        .filter(({ level, check }) => level !== 'ok' && check !== 'region' && check !== 'api')
        .map(({ level, part, check, text, seen = [] }) =>
          [`${level} ${part} ${check}: ${text}`, ...seen]
            .join('\n')
            .replaceAll(/doctor-[\w-]+/g, 'ID'),
        )
    }

    it('all of it', async () => {
      expect(await told(policyOf(ALL))).toEqual([])
    })

    it.each([
      [
        'list',
        ALL.slice(1),
        /^wrong bucket reached: the bucket can't be listed: .*AccessDenied.*allow s3:ListBucket on s3:\/\/metrics/,
      ],
      [
        'write',
        ALL.filter((one) => one !== 's3:PutObject'),
        /^wrong bucket rights: these credentials may not s3:PutObject\ns3:PutObject on thaw\/probe\/ID: .*AccessDenied.*allow s3:PutObject on thaw\/probe\/ID, or leave out insecure/,
      ],
      [
        'delete',
        ALL.slice(0, 3),
        /^wrong bucket rights: these credentials may not s3:DeleteObject\ns3:DeleteObject on thaw\/probe\/ID: .*AccessDenied.*allow s3:DeleteObject on thaw\/probe\/ID, or leave out insecure/,
      ],
    ] as const)('not %s', async (_, actions, expected) => {
      const [first, ...more] = await told(policyOf(actions))
      expect(first).toMatch(expected)
      expect(more.filter((line) => !line.startsWith('unchecked'))).toEqual([])
    })

    it('what an agent may', async () => {
      const policy = await readFile('packaging/aws/agent-policy.json', 'utf8')
      const lines = await told(policy.replaceAll('BUCKET', 'metrics'))
      expect(lines.filter((line) => !line.startsWith('unchecked'))).toEqual([
        expect.stringMatching(/^wrong bucket rights: these credentials may not s3:PutObject/),
      ])
      expect(lines.join('\n')).toMatch(
        /unchecked rules ruler: these credentials may not read the state/,
      )
      expect(lines.join('\n')).toMatch(
        /unchecked index plan: the plan can't be read: .*AccessDenied/,
      )
    })
  })
}
