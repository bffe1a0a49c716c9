/** A real `thaw serve` that is asked for more than its memory: it stays under its limit, says so in its answers, and lives on. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { answers, freePort, type PeerServer, startServer } from '#test/peer/server.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'

const MiB = 1024 * 1024
const LIMIT_MIB = 450
const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2026, 3, 1)
const SERIES = 6000

let dir: string
let url: string
let server: PeerServer

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-serve-memory-'))
  const bucket = fileBucket(dir)
  for (const n of [0, 1]) {
    const minTimeMs = START_MS + n * 2 * HOUR_MS
    const maxTimeMs = minTimeMs + 2 * HOUR_MS
    await putBlock(bucket, {
      id: testId(n + 1),
      minTimeMs,
      maxTimeMs,
      externalLabels: { cluster: 'a' },
      series: Array.from({ length: SERIES }, (_, i) => ({
        labels: labels({ __name__: 'load', host: `host-${String(i).padStart(5, '0')}` }),
        samples: every(15_000, minTimeMs, maxTimeMs, (t) => (t / 1000 + i * 31) % 977),
      })),
    })
  }
  await updateBucketIndex(bucket, { now: Date.now })
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  server = await startServer({
    file: process.execPath,
    args: [
      'cli/main.ts',
      'serve',
      `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`,
      `--http-address=127.0.0.1:${port}`,
      '--query.workers=1',
      `--memory.limit=${LIMIT_MIB}MiB`,
      '--log.level=error',
    ],
    // As the image has it.
    env: {
      MALLOC_ARENA_MAX: '2',
      MALLOC_MMAP_THRESHOLD_: '131072',
      MALLOC_TRIM_THRESHOLD_: '1048576',
    },
    ready: () => answers(`${url}/-/ready`),
  })
}, 180_000)

afterAll(async () => {
  await server?.stop()
  await rm(dir, { recursive: true, force: true })
})

async function ask(query: string, step: number): Promise<readonly [number, string]> {
  const params = new URLSearchParams({
    query,
    start: String(START_MS / 1000),
    end: String(START_MS / 1000 + 14_000),
    step: String(step),
  })
  const response = await fetch(`${url}/api/v1/query_range?${params.toString()}`)
  const body = (await response.json()) as { readonly error?: string }
  return [response.status, body.error ?? '']
}

async function mostResidentMiB(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  return (Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) * 1024) / MiB
}

describe('thaw serve under more than its memory holds', () => {
  it('answers what fits, refuses what does not, and stays under its limit', async () => {
    const queries: readonly (readonly [string, number])[] = [
      ['sum(rate(load[5m]))', 60],
      ['load', 15],
      ['max_over_time(load[1h])', 15],
      ['count by (host) (load)', 300],
    ]
    const asked = Array.from({ length: 20 }, (_, i) => ask(...queries[i % queries.length]!))
    const got = await Promise.all(asked)
    const large = got.filter((_, i) => queries[i % queries.length]![0] === 'load')
    expect(new Set(large.map(([status]) => status))).toEqual(new Set([422]))
    for (const [, error] of large) expect(error).toMatch(/too many samples|larger than \d+ bytes/)
    const small = got.filter((_, i) => queries[i % queries.length]![0].startsWith('sum'))
    expect(small.every(([status]) => status === 200 || status === 503)).toBe(true)
    // When the storm is over, whatever is still resident.
    expect(await ask('sum(rate(load[5m]))', 60)).toEqual([200, ''])
    // All that was asked would take many times that.
    expect(await mostResidentMiB()).toBeLessThan(LIMIT_MIB)
  }, 240_000)
})
