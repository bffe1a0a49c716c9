/** The metas of all blocks in a bucket, as a list and one GET for each block. */
import pLimit from 'p-limit'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, DomainError, isKind } from '#lib/model/errors.ts'
import { type BlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { isBlockId } from './block-dir.ts'

const FETCH_CONCURRENCY = 32

export interface BucketMetas {
  /** Ascending by id. */
  readonly metas: readonly BlockMeta[]
  /** Directories without meta.json: uploads under way or broken off. */
  readonly partial: readonly string[]
  readonly corrupt: readonly { readonly ulid: string; readonly error: DomainError }[]
}

export async function fetchBucketMetas(bucket: Bucket, signal?: AbortSignal): Promise<BucketMetas> {
  const ulids: string[] = []
  for await (const page of bucket.list('', { delimiter: '/', signal })) {
    for (const prefix of page.prefixes) {
      const name = prefix.replace(/\/$/, '')
      if (isBlockId(name)) ulids.push(name)
    }
  }
  const limit = pLimit(FETCH_CONCURRENCY)
  const found = await Promise.all(
    ulids.map((ulid) => limit(() => fetchBlockMeta(bucket, ulid, signal))),
  )
  return {
    metas: found.flatMap((one) => (one.type === 'meta' ? [one.meta] : [])),
    partial: found.flatMap((one) => (one.type === 'partial' ? [one.ulid] : [])),
    corrupt: found.flatMap((one) =>
      one.type === 'corrupt' ? [{ ulid: one.ulid, error: one.error }] : [],
    ),
  }
}

type Fetched =
  | { readonly type: 'meta'; readonly meta: BlockMeta }
  | { readonly type: 'partial'; readonly ulid: string }
  | { readonly type: 'corrupt'; readonly ulid: string; readonly error: DomainError }

async function fetchBlockMeta(
  bucket: Bucket,
  ulid: string,
  signal: AbortSignal | undefined,
): Promise<Fetched> {
  const key = `${ulid}/meta.json`
  let body: Uint8Array
  try {
    body = (await bucket.get(key, { signal })).body
  } catch (error) {
    if (isKind(error, 'not-found')) return { type: 'partial', ulid }
    throw error
  }
  try {
    return { type: 'meta', meta: parseBlockMeta(body) }
  } catch (error) {
    if (error instanceof CorruptError) return { type: 'corrupt', ulid, error: error.in(key) }
    if (error instanceof DomainError) return { type: 'corrupt', ulid, error }
    throw error
  }
}
