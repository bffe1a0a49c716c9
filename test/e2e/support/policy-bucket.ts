/** What is in the bucket when each function does all that it ever does to AWS. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { columns, every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import type { Roles } from './roles.ts'
import type { PolicyWorld } from './policy-world.ts'

export interface Step {
  readonly name: string
  run(world: PolicyWorld): Promise<void>
}

export const HOUR_MS = 3_600_000
export const BLOCK_MS = 2 * HOUR_MS
/** Of blocks that are old enough to be compacted. */
export const START = Math.floor(Date.now() / (8 * HOUR_MS) - 6) * 8 * HOUR_MS
export const WIDE = testId(20)
/** So far from others that no plan has a job for it and another one. */
export const WIDE_MS = START - 1000 * HOUR_MS
/** Of blocks that nothing is merged with. */
export const ALONE_MS = [START - 3000 * HOUR_MS, START - 4000 * HOUR_MS] as const
export const RECENT = Math.floor(Date.now() / BLOCK_MS) * BLOCK_MS

export async function putSmall(
  bucket: Bucket,
  number: number,
  minTimeMs: number,
  externalLabels: Readonly<Record<string, string>> = { cluster: 'a' },
): Promise<string> {
  const id = testId(number)
  await putBlock(bucket, {
    id,
    externalLabels,
    minTimeMs,
    maxTimeMs: minTimeMs + BLOCK_MS,
    series: ['1', '2', '3'].map((instance) => ({
      labels: labels({ __name__: 'up', instance, job: 'app' }),
      samples: every(15_000, minTimeMs, minTimeMs + BLOCK_MS, (t) => t % 7),
    })),
  })
  return id
}

/** A fresh block of whoever ships none. */
export async function putPack(bucket: Bucket, atMs: number, number: number): Promise<string> {
  const samples = ['a', 'b'].map((pod) => ({
    labels: labelsFrom({ __name__: 'load', pod }),
    timeMs: atMs,
    value: number,
  }))
  const place = { externalLabels: labelsFrom({ cluster: 'eu' }), epoch: '01DATAr', number }
  const { key, bytes } = resultPack(samples, place)!
  await bucket.put(key, bytes)
  return key
}

/** Its index has more than 5 MB, of which S3 takes parts. */
export async function putWide(bucket: Bucket): Promise<void> {
  // Symbols behind so many others take three bytes each.
  const same = Array.from({ length: 32 }, (_, i): [string, string] => [`z${i}`, `z${i}`])
  await putBlock(bucket, {
    id: WIDE,
    minTimeMs: WIDE_MS,
    maxTimeMs: WIDE_MS + BLOCK_MS,
    series: Array.from({ length: 30_000 }, (_, i) => ({
      labels: labels({ __name__: 'wide', i: String(100_000 + i), ...Object.fromEntries(same) }),
      samples: columns([
        [WIDE_MS + HOUR_MS, i],
        [WIDE_MS + HOUR_MS + 300_000, i],
      ]),
    })),
  })
}

export async function allKeys(bucket: Bucket, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { objects } of bucket.list(prefix)) keys.push(...objects.map(({ key }) => key))
  return keys
}

export async function withBrokenUploads({ gate }: Roles, work: () => Promise<void>): Promise<void> {
  gate.uploads('break')
  try {
    await work()
  } finally {
    gate.uploads('work')
  }
}
