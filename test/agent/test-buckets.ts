/** A bucket that records what was written, and can fail at the nth write. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { DomainError, type ErrorKind } from '#lib/model/errors.ts'

export interface RecordingBucket extends Bucket {
  /** Keys in the order in which their writes ended. */
  readonly written: string[]
  readonly heads: string[]
}

export function recordingBucket(inner: Bucket): RecordingBucket {
  const written: string[] = []
  const heads: string[] = []
  return {
    ...passing(inner),
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

export interface Fault {
  /** The write, from 1, that fails; later ones too when `lasting`. */
  readonly write: number
  /** Before anything is stored, or after the object is stored and before the answer. */
  readonly when: 'before' | 'after'
  readonly lasting?: boolean | undefined
  readonly kind?: ErrorKind | undefined
}

export function faultyBucket(inner: Bucket, fault: Fault): Bucket {
  let writes = 0
  async function write<T>(run: () => Promise<T>): Promise<T> {
    writes++
    const fails = writes === fault.write || (fault.lasting === true && writes > fault.write)
    const error = new DomainError(fault.kind ?? 'unavailable', `write ${writes} broke`)
    if (fails && fault.when === 'before') throw error
    const result = await run()
    if (fails) throw error
    return result
  }
  return {
    ...passing(inner),
    put: (key, body, options) => write(() => inner.put(key, body, options)),
    putStream: (key, parts, options) => write(() => inner.putStream(key, parts, options)),
  }
}

function passing(inner: Bucket): Bucket {
  return {
    name: inner.name,
    get: (key, options) => inner.get(key, options),
    getIfChanged: (key, etag, options) => inner.getIfChanged(key, etag, options),
    getRange: (key, start, end, options) => inner.getRange(key, start, end, options),
    getTail: (key, length, options) => inner.getTail(key, length, options),
    head: (key, options) => inner.head(key, options),
    list: (prefix, options) => inner.list(prefix, options),
    put: (key, body, options) => inner.put(key, body, options),
    putStream: (key, parts, options) => inner.putStream(key, parts, options),
    delete: (key, options) => inner.delete(key, options),
  }
}

/** Every key with its text or, for other bytes, its length. */
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
