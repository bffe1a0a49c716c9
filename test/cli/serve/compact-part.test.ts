/** The part that compacts: a job under way is given back when it is told to stop, and a pass that fails is not the last. */
import { Registry } from 'prom-client'
import { describe, expect, it, vi } from 'vitest'
import { SILENT } from '#agent/logger.ts'
import { compactPart } from '#cli/serve/compact-part.ts'
import type { FromPart } from '#cli/serve/part-messages.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { LEASE_PREFIX } from '#lib/compact/jobs/lease.ts'
import { DomainError } from '#lib/model/errors.ts'
import { keysOf } from '#test/agent/test-buckets.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 0, 31, 12)

async function fourBlocks(): Promise<Bucket> {
  const bucket = memoryBucket()
  for (let n = 0; n < 5; n++) {
    const minTimeMs = n === 4 ? NOW - HOUR : NOW - 28 * HOUR + n * 2 * HOUR
    const maxTimeMs = minTimeMs + (n === 4 ? HOUR : 2 * HOUR)
    await putBlock(bucket, {
      id: testId(n + 1),
      minTimeMs,
      maxTimeMs,
      externalLabels: { cluster: 'a' },
      series: [
        {
          labels: labels({ __name__: 'load' }),
          samples: every(60_000, minTimeMs, maxTimeMs, () => 1),
        },
      ],
    })
  }
  return bucket
}

async function open(bucket: Bucket) {
  const stop = new AbortController()
  const told: FromPart[] = []
  const registry = new Registry()
  const part = await compactPart({
    data: {
      name: 'compact',
      flags: '--consistency-delay=0s',
      yaml: '',
      env: {},
      log: { level: 'error', format: 'logfmt' },
      cacheBytes: 0,
    },
    bucket,
    registry,
    logger: SILENT,
    now: () => NOW,
    signal: stop.signal,
    tell: (message) => void told.push(message),
  })
  const typesOf = (): string[] => told.map(({ type }) => type)
  return {
    registry,
    ran: part.run(),
    stop: () => stop.abort(new DomainError('canceled', 'stopped')),
    typesOf,
  }
}

const leases = async (bucket: Bucket): Promise<string[]> =>
  (await keysOf(bucket)).filter((key) => key.startsWith(LEASE_PREFIX))

describe('the part that compacts', () => {
  it('gives back the job under way when it is told to stop', async () => {
    const inner = await fourBlocks()
    let isWriting = false
    const slow: Bucket = {
      ...inner,
      async putStream(key, parts, options) {
        isWriting = true
        await new Promise<void>((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(options.signal!.reason as Error))
        })
        return inner.putStream(key, parts, options)
      },
    }
    const { ran, stop, typesOf } = await open(slow)
    await vi.waitFor(() => expect(isWriting).toBe(true), { timeout: 20_000 })
    expect(await leases(inner)).toHaveLength(1)
    expect(typesOf()).toEqual(['ready'])
    stop()
    await ran
    expect(await leases(inner)).toEqual([])
    expect(typesOf()).toEqual(['ready'])
  })

  it('tells of a pass that failed, and waits for the next', async () => {
    const away: Bucket = {
      ...memoryBucket(),
      get: () => Promise.reject(new DomainError('unavailable', 'the bucket is away')),
      getIfChanged: () => Promise.reject(new DomainError('unavailable', 'the bucket is away')),
    }
    const { ran, stop, typesOf } = await open(away)
    await vi.waitFor(() => expect(typesOf()).toEqual(['failed']), { timeout: 20_000 })
    stop()
    await ran
    expect(typesOf()).toEqual(['failed'])
  })

  it('counts who writes to the bucket, and who has stopped', async () => {
    const bucket = await fourBlocks()
    // Two hours old at most, so nobody is missed; and one of half a day ago.
    const { stop, ran, typesOf, registry } = await open(bucket)
    await vi.waitFor(() => expect(typesOf()).toContain('worked'), { timeout: 20_000 })
    const metrics = await registry.metrics()
    expect(metrics).toContain('thaw_bucket_writers 1\n')
    expect(metrics).toContain('thaw_bucket_silent_writers 0\n')
    stop()
    await ran
    const old = memoryBucket()
    await putBlock(old, {
      id: testId(1),
      minTimeMs: NOW - 14 * HOUR,
      maxTimeMs: NOW - 12 * HOUR,
      externalLabels: { cluster: 'gone' },
      series: [
        {
          labels: labels({ __name__: 'load' }),
          samples: every(60_000, NOW - 14 * HOUR, NOW - 12 * HOUR, () => 1),
        },
      ],
      meta: (meta) => ({ ...meta, thanos: { ...meta.thanos!, source: 'sidecar' } }),
    })
    const other = await open(old)
    await vi.waitFor(() => expect(other.typesOf()).toContain('worked'), { timeout: 20_000 })
    expect(await other.registry.metrics()).toContain('thaw_bucket_silent_writers 1\n')
    other.stop()
    await other.ran
  })

  it('keeps its plan in the bucket, and works until nothing is left', async () => {
    const bucket = await fourBlocks()
    const { ran, stop, typesOf } = await open(bucket)
    await vi.waitFor(() => expect(typesOf()).toContain('worked'), { timeout: 20_000 })
    expect(await keysOf(bucket)).toContain('thaw/backlog.json.gz')
    expect(await leases(bucket)).toEqual([])
    stop()
    await ran
  })
})
