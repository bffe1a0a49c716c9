/** Tokens in an S3 store: operators at one time, and the roles of the stack with no right beyond their statements. */
import { randomBytes } from 'node:crypto'
import { ulid } from 'ulid'
import { afterEach, describe, expect, it } from 'vitest'
import { createToken, revokeToken, rotateToken } from '#lib/auth/edit-tokens.ts'
import { readTokens, TOKENS_KEY } from '#lib/auth/token-list.ts'
import { FRESH_MS, NEWER_MS, TokenReader } from '#lib/auth/token-reader.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { allowances, synthesize } from '#test/infra/synthesized.ts'
import { findMinio, startMinio } from '#test/peer/minio.ts'
import { boundedBy } from '#test/peer/minio-session.ts'
import { findMoto } from '#test/peer/moto.ts'
import { createBucket } from '#test/peer/s3-server.ts'
import { needPeer } from '#test/peer/skip-report.ts'

const NAME = 'tokens'

const undo: (() => Promise<void>)[] = []
afterEach(async () => {
  while (undo.length > 0) await undo.pop()!()
})

/** What the template lets a role do with S3, as a policy for this bucket. */
function policyOf(role: string): string {
  const lines = allowances(synthesize(), role).filter((line) => line.startsWith('s3:'))
  const Statement = lines.map((line) => {
    const [Action, on] = line.split(' ') as [string, string]
    return {
      Effect: 'Allow',
      Action,
      Resource: on.replace('BucketMetrics.Arn', `arn:aws:s3:::${NAME}`),
    }
  })
  return JSON.stringify({ Version: '2012-10-17', Statement })
}

async function world(context: Parameters<typeof needPeer>[0]) {
  const minio = needPeer(context, await findMinio())
  const moto = needPeer(context, await findMoto())
  const server = await startMinio(minio)
  undo.push(() => server.stop())
  const s3 = await createBucket(server, NAME)
  const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] })
  const as = async (role: string): Promise<Bucket> => {
    const keys = await boundedBy(policyOf(role), server, moto)
    return await openBucket({
      type: 'S3',
      s3: {
        ...s3,
        accessKey: keys.AWS_ACCESS_KEY_ID,
        secretKey: keys.AWS_SECRET_ACCESS_KEY,
        sessionToken: keys.AWS_SESSION_TOKEN,
      },
      prefix: '',
      ignored: [],
    })
  }
  const parts = { bucket, now: Date.now, newUlid: () => ulid(), random: randomBytes }
  return { bucket, as, parts }
}

describe('tokens in S3', () => {
  it('are read by the role of authorize, which needs no other right', async (context) => {
    const { as, parts } = await world(context)
    const own = await as('AuthorizeRole')
    const clock = { aheadMs: 0 }
    const warnings: string[] = []
    const reader = new TokenReader({
      bucket: own,
      now: () => Date.now() + clock.aheadMs,
      warn: (message) => void warnings.push(message),
    })
    const ask = async (text: string): Promise<string> => {
      const verdict = await reader.verify(`Bearer ${text}`)
      return 'caller' in verdict ? 'yes' : verdict.refusal.reason
    }
    // Where nothing is there yet, S3 says that it is forbidden.
    expect(await ask('x')).toBe('unknown')
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/^nobody is let in: /)
    const { text } = await createToken(parts, { name: 'grafana', scopes: ['read'] })
    clock.aheadMs += NEWER_MS
    expect(await ask(text)).toBe('yes')
    clock.aheadMs += FRESH_MS
    expect(await ask(text)).toBe('yes')
    await revokeToken(parts, 'grafana')
    clock.aheadMs += FRESH_MS
    expect(await ask(text)).toBe('revoked')
    expect(warnings).toHaveLength(1)
    await expect(own.put(TOKENS_KEY, new Uint8Array(1))).rejects.toMatchObject({
      kind: 'unauthorized',
    })
  })

  it.for(['QueryRole', 'StoreRole', 'PlanRole', 'CompactRole', 'RuleRole'])(
    'are neither read nor written by the %s',
    async (role, context) => {
      const { as, parts } = await world(context)
      await createToken(parts, { name: 'grafana', scopes: ['read'] })
      const own = await as(role)
      await expect(own.get(TOKENS_KEY)).rejects.toMatchObject({ kind: 'unauthorized' })
      await expect(own.put(TOKENS_KEY, new Uint8Array(1))).rejects.toMatchObject({
        kind: 'unauthorized',
      })
      await expect(own.delete(TOKENS_KEY)).rejects.toMatchObject({ kind: 'unauthorized' })
    },
  )

  it('lose no edit of several operators at one time', async (context) => {
    const { bucket, parts } = await world(context)
    const names = Array.from({ length: 6 }, (_, i) => `t${i}`)
    await Promise.all(names.map((name) => createToken(parts, { name, scopes: ['read'] })))
    await Promise.all([
      ...names.slice(0, 3).map((name) => revokeToken(parts, name)),
      ...names.slice(3).map((name) => rotateToken(parts, name, { overlapMs: 1000 })),
    ])
    const { tokens } = await readTokens(bucket)
    const seen = tokens.map(({ name, revokedMs, secrets }) => [
      name,
      revokedMs === undefined ? `${secrets.length} secrets` : 'revoked',
    ])
    expect(Object.fromEntries(seen)).toEqual(
      Object.fromEntries(names.map((name, i) => [name, i < 3 ? 'revoked' : '2 secrets'])),
    )
  })
})
