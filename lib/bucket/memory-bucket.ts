/** Objects in a Map: the bucket of tests and of whatever needs no disk. Behaves as S3 does, etags by content included. */
import { createHash } from 'node:crypto'
import { ConflictError, NotFoundError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'
import type { Bucket, ObjectInfo, PutOptions } from './bucket.ts'
import { throwIfAborted } from './cancellation.ts'
import { checkKey, checkPut, checkRange, checkTail, shortObject } from './request-check.ts'

export interface MemoryBucketOptions {
  readonly name?: string | undefined
  /** Times of writes. Without it every object is from 1970. */
  readonly now?: (() => number) | undefined
  /** Keys and prefixes on one page of a listing; S3's 1000 unless said. */
  readonly pageSize?: number | undefined
  /** Of a store that is to be imitated; 0 unless said, since nothing is nearer than memory. */
  readonly readGap?: number | undefined
}

interface StoredObject {
  readonly body: Uint8Array
  readonly etag: string
  readonly lastModifiedMs: number
}

/** Bytes are copied on the way in and on the way out, so that nobody can write into what is stored. */
export function memoryBucket(options: MemoryBucketOptions = {}): Bucket {
  const { name = 'memory', now = () => 0, pageSize = 1000, readGap = 0 } = options
  const objects = new Map<string, StoredObject>()
  /** Sorted, and forgotten by the first write of a new key after a listing. */
  let sortedKeys: string[] | undefined

  function find(key: string): StoredObject {
    const stored = objects.get(key)
    if (!stored) throw new NotFoundError(key)
    return stored
  }

  function store(key: string, body: Uint8Array, put: PutOptions | undefined): { etag: string } {
    throwIfAborted(put?.signal)
    const current = objects.get(key)
    if (put?.ifAbsent && current) throw new ConflictError(key, 'the object exists')
    if (put?.ifMatch !== undefined && current?.etag !== put.ifMatch) {
      throw new ConflictError(
        key,
        current ? `its etag is ${current.etag}, not ${put.ifMatch}` : 'no such object',
      )
    }
    const etag = createHash('md5').update(body).digest('hex')
    if (!current) sortedKeys = undefined
    objects.set(key, { body, etag, lastModifiedMs: now() })
    return { etag }
  }

  return {
    name,
    readGap,

    async get(key, get) {
      checkKey(key)
      throwIfAborted(get?.signal)
      const { body, etag } = find(key)
      return { body: body.slice(), etag }
    },

    async getIfChanged(key, etag, get) {
      checkKey(key)
      throwIfAborted(get?.signal)
      const stored = find(key)
      return stored.etag === etag ? undefined : { body: stored.body.slice(), etag: stored.etag }
    },

    async getRange(key, start, end, get) {
      checkRange(key, start, end)
      throwIfAborted(get?.signal)
      if (start === end) return new Uint8Array(0)
      const { body } = find(key)
      if (end > body.length) throw shortObject(key, start, end, body.length)
      return body.slice(start, end)
    },

    async getTail(key, length, get) {
      checkTail(key, length)
      throwIfAborted(get?.signal)
      const { body, etag } = find(key)
      return { body: body.slice(Math.max(0, body.length - length)), size: body.length, etag }
    },

    async head(key, get) {
      checkKey(key)
      throwIfAborted(get?.signal)
      return infoOf(key, find(key))
    },

    async *list(prefix, list) {
      throwIfAborted(list?.signal)
      sortedKeys ??= [...objects.keys()].sort(compareUtf8)
      const startAfter = list?.startAfter
      let page = emptyPage()
      let lastPrefix: string | undefined
      // The keys of this moment; objects deleted while the listing goes on are left out, as on S3.
      for (const key of sortedKeys) {
        if (!key.startsWith(prefix)) continue
        if (startAfter !== undefined && compareUtf8(key, startAfter) <= 0) continue
        if (lastPrefix !== undefined && key.startsWith(lastPrefix)) continue
        const stored = objects.get(key)
        if (!stored) continue
        const cut = list?.delimiter ? key.indexOf('/', prefix.length) : -1
        if (cut >= 0) {
          lastPrefix = key.slice(0, cut + 1)
          if (startAfter !== undefined && compareUtf8(lastPrefix, startAfter) <= 0) continue
        }
        if (page.objects.length + page.prefixes.length >= pageSize) {
          yield { ...page, isLast: false }
          throwIfAborted(list?.signal)
          page = emptyPage()
        }
        if (cut < 0) {
          page.objects.push(infoOf(key, stored))
        } else {
          page.prefixes.push(lastPrefix!)
        }
      }
      yield { ...page, isLast: true }
    },

    async put(key, body, put) {
      checkPut(key, put)
      return store(key, body.slice(), put)
    },

    async putStream(key, parts, put) {
      checkPut(key, put)
      throwIfAborted(put?.signal)
      const copies: Uint8Array[] = []
      for await (const part of parts) {
        throwIfAborted(put?.signal)
        copies.push(part.slice())
      }
      const body = new Uint8Array(Buffer.concat(copies))
      return { ...store(key, body, put), size: body.length }
    },

    async delete(key, get) {
      checkKey(key)
      throwIfAborted(get?.signal)
      if (objects.delete(key)) sortedKeys = undefined
    },
  }
}

interface GrowingPage {
  readonly objects: ObjectInfo[]
  readonly prefixes: string[]
}

function emptyPage(): GrowingPage {
  return { objects: [], prefixes: [] }
}

function infoOf(key: string, stored: StoredObject): ObjectInfo {
  return {
    key,
    size: stored.body.length,
    etag: stored.etag,
    lastModifiedMs: stored.lastModifiedMs,
  }
}
