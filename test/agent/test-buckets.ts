/** Buckets that record what was written or fail at the nth write, and what is in a bucket. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { faultyBucket } from '#lib/bucket/faulty-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'

export interface RecordingBucket extends Bucket {
  /** Keys in the order in which their writes ended. */
  readonly written: string[]
  readonly heads: string[]
}

export function recordingBucket(inner: Bucket): RecordingBucket {
  const written: string[] = []
  const heads: string[] = []
  return {
    ...inner,
    written,
    heads,
    async head(key, options) {
      heads.push(key)
      return inner.head(key, options)
    },
    async put(key, body, options) {
      const result = await inner.put(key, body, options)
      written.push(key)
      return result
    },
    async putStream(key, parts, options) {
      const result = await inner.putStream(key, parts, options)
      written.push(key)
      return result
    },
  }
}

/** The nth write, from 1, fails: before anything is stored, or after the object is stored and before the answer. */
export function failingAtWrite(inner: Bucket, write: number, when: 'before' | 'after'): Bucket {
  const error = new DomainError('unavailable', `write ${write} broke`)
  const type = when === 'before' ? 'fail' : 'lose-answer'
  const on = ['put', 'putStream'] as const
  return faultyBucket(inner, { on, from: write, times: 1, fault: { type, error } }).bucket
}

/** Every key, ascending. */
export async function keysOf(bucket: Bucket): Promise<string[]> {
  const keys: string[] = []
  for await (const page of bucket.list('')) for (const { key } of page.objects) keys.push(key)
  return keys
}

/** The blocks that exist: those with a meta.json. */
export async function visibleBlocks(bucket: Bucket): Promise<string[]> {
  const keys = await keysOf(bucket)
  return keys.filter((key) => key.endsWith('/meta.json')).map((key) => key.split('/')[0]!)
}

export async function readJson(bucket: Bucket, key: string): Promise<Record<string, unknown>> {
  const { body } = await bucket.get(key)
  return JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>
}
