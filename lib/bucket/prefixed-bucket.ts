/** A bucket inside a bucket: every key lives under one prefix, which callers never see. */
import { DomainError } from '#lib/model/errors.ts'
import type { Bucket, ListPage, ObjectInfo } from './bucket.ts'

/**
 * `prefix` as in Thanos's configuration: slashes at its ends do not matter, empty means the bucket itself.
 * Errors keep the whole key, because that is what an operator will look for.
 */
export function prefixedBucket(inner: Bucket, prefix: string): Bucket {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '')
  if (trimmed === '') return inner
  const root = `${trimmed}/`

  /** An empty key must not turn into the name of the prefix itself. */
  const at = (key: string): string => {
    if (key === '') throw new DomainError('invalid', 'object key is empty')
    return root + key
  }
  const cut = (key: string): string => key.slice(root.length)
  const cutInfo = (info: ObjectInfo): ObjectInfo => ({ ...info, key: cut(info.key) })

  return {
    name: `${inner.name}/${trimmed}`,
    readGap: inner.readGap,
    async get(key, options) {
      return inner.get(at(key), options)
    },
    async getIfChanged(key, etag, options) {
      return inner.getIfChanged(at(key), etag, options)
    },
    async getRange(key, start, end, options) {
      return inner.getRange(at(key), start, end, options)
    },
    async getTail(key, length, options) {
      return inner.getTail(at(key), length, options)
    },
    async head(key, options) {
      return cutInfo(await inner.head(at(key), options))
    },
    async *list(keyPrefix, options) {
      const startAfter = options?.startAfter
      const pages = inner.list(root + keyPrefix, {
        ...options,
        startAfter: startAfter === undefined ? undefined : root + startAfter,
      })
      for await (const page of pages) {
        yield {
          objects: page.objects.map(cutInfo),
          prefixes: page.prefixes.map(cut),
          isLast: page.isLast,
        } satisfies ListPage
      }
    },
    async put(key, body, options) {
      return inner.put(at(key), body, options)
    },
    async putStream(key, parts, options) {
      return inner.putStream(at(key), parts, options)
    },
    async delete(key, options) {
      return inner.delete(at(key), options)
    },
  }
}
