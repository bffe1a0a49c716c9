/** The directory that the examples of docs/operations.md are run in, as it is at noon of 31 January 2026. */
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOON = Date.UTC(2026, 0, 31, 12)

/** Makes `bucket.yml` and `bucket/` in an empty directory, and the like of `other`, an empty bucket, and `lab`, where something is broken. */
export async function makeOperationsWorld(dir: string): Promise<void> {
  const bucketDir = join(dir, 'bucket')
  await mkdir(bucketDir)
  await mkdir(join(dir, 'other'))
  await mkdir(join(dir, 'lab'))
  for (const name of ['bucket', 'other', 'lab']) {
    await writeFile(join(dir, `${name}.yml`), `type: FILESYSTEM\nconfig:\n  directory: ./${name}\n`)
  }
  const bucket = fileBucket(bucketDir)
  const lastDay = Date.UTC(2026, 0, 30)
  // Four blocks of a sidecar, to be compacted.
  for (let n = 0; n < 4; n++) await put(bucket, 10 + n, lastDay + n * 2 * HOUR, 2 * HOUR)
  // Two days, to be downsampled.
  await put(bucket, 20, Date.UTC(2026, 0, 26), 2 * DAY, { level: 3, source: 'compactor' })
  // Old, for retention.
  await put(bucket, 21, Date.UTC(2025, 5, 1), 2 * HOUR)
  // Marked three days ago, for cleanup.
  await put(bucket, 30, Date.UTC(2026, 0, 20), 2 * HOUR, { cluster: 'us' })
  const mark = {
    id: testId(30),
    version: 1,
    details: 'moved house',
    deletion_time: (NOON - 3 * DAY) / 1000,
  }
  await bucket.put(`${testId(30)}/deletion-mark.json`, bytes(JSON.stringify(mark)))
  // An upload that broke off three days ago.
  const left = `${testId(31)}/chunks/000001`
  await bucket.put(left, bytes('half of a segment'))
  const then = (NOON - 3 * DAY) / 1000
  await utimes(join(bucketDir, left), then, then)
  await makeLab(fileBucket(join(dir, 'lab')))
  await makeData(dir)
}

/** A block with a flipped bit, and a good one. */
async function makeLab(bucket: Bucket): Promise<void> {
  await put(bucket, 40, Date.UTC(2026, 0, 30), 2 * HOUR)
  await put(bucket, 41, Date.UTC(2026, 0, 30, 2), 2 * HOUR)
  const key = `${testId(40)}/chunks/000001`
  const body = Uint8Array.from((await bucket.get(key)).body)
  body[20]! ^= 1
  await bucket.put(key, body)
}

/** What a Prometheus left behind, and texts. */
async function makeData(dir: string): Promise<void> {
  await mkdir(join(dir, 'data'))
  await put(fileBucket(join(dir, 'data')), 50, Date.UTC(2026, 0, 29), 2 * HOUR)
  const at = Date.UTC(2026, 0, 28) / 1000
  const lines = [0, 1, 2].map((n) => `visits_total{page="/"} ${n * 10} ${at + n * 5400}`)
  const text = ['# TYPE visits counter', ...lines, '# EOF', ''].join('\n')
  await writeFile(join(dir, 'visits.om'), text)
  await writeFile(join(dir, 'broken.om'), text.replace('} 10 ', '} ten '))
}

async function put(
  bucket: Bucket,
  n: number,
  minTimeMs: number,
  spanMs: number,
  { level = 1, source = 'sidecar', cluster = 'eu' } = {},
): Promise<void> {
  const maxTimeMs = minTimeMs + spanMs
  await putBlock(bucket, {
    id: testId(n),
    minTimeMs,
    maxTimeMs,
    externalLabels: { cluster },
    series: ['a', 'b'].map((host) => ({
      labels: labels({ __name__: 'load', host }),
      samples: every(120_000, minTimeMs, maxTimeMs, (t) => (t / 120_000) % 100),
    })),
    meta: (meta) => ({
      ...meta,
      compaction: { ...meta.compaction, level },
      thanos: { ...meta.thanos!, source },
    }),
  })
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
