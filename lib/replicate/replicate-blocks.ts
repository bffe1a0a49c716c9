/**
 * Blocks of a bucket into another, as Thanos replicates: the oldest first, so that who compacts the target never sees a gap; of each block chunks, index and, last,
 * meta.json. What is there already is not copied again, so a run that was ended anywhere goes on where it was. Marks stay where they are.
 */
import pLimit from 'p-limit'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { createBlockMeta } from '#lib/blocks/put-block-meta.ts'
import type { Bucket, ObjectInfo } from '#lib/bucket/bucket.ts'
import { getIfThere } from '#lib/bucket/get-if-there.ts'
import { NotFoundError } from '#lib/model/errors.ts'
import { copyObject } from './copy-object.ts'

/** Of one block. Each has two pieces of an object in memory. */
const OBJECTS_AT_ONCE = 4

export interface ReplicateOptions {
  readonly from: Bucket
  readonly to: Bucket
  /** In any order. */
  readonly blocks: readonly BlockRecord[]
  /** Says what is missing in the target and writes nothing. */
  readonly dryRun: boolean
  readonly signal?: AbortSignal | undefined
  /** After each block. */
  readonly onBlock?: ((block: ReplicatedBlock) => void) | undefined
  readonly onBytes?: ((bytes: number) => void) | undefined
}

export interface ReplicatedBlock {
  readonly id: string
  /** `same`: the target had its meta.json, byte by byte. `gone`: the source deleted it meanwhile. */
  readonly status: 'copied' | 'same' | 'gone'
  /** Copied now; those that were there are not counted. meta.json is one of them. */
  readonly objects: number
  readonly bytes: number
}

/** Rejects at the first block that can't be copied; those before it are complete. */
export async function replicateBlocks(options: ReplicateOptions): Promise<ReplicatedBlock[]> {
  const oldestFirst = [...options.blocks].sort(
    (a, b) => a.minTimeMs - b.minTimeMs || (a.id < b.id ? -1 : 1),
  )
  const done: ReplicatedBlock[] = []
  for (const { id } of oldestFirst) {
    const block = await replicateBlock(id, options)
    done.push(block)
    options.onBlock?.(block)
  }
  return done
}

async function replicateBlock(id: string, options: ReplicateOptions): Promise<ReplicatedBlock> {
  const { from, to, dryRun, signal } = options
  const metaKey = `${id}/meta.json`
  const meta = (await getIfThere(from, metaKey, signal))?.body
  if (meta === undefined) return { id, status: 'gone', objects: 0, bytes: 0 }
  const there = await getIfThere(to, metaKey, signal)
  if (there !== undefined && Buffer.compare(meta, there.body) === 0) {
    return { id, status: 'same', objects: 0, bytes: 0 }
  }
  const present = new Map(
    (await objectsOf(to, `${id}/`, signal)).map(({ key, size }) => [key, size]),
  )
  const missing = (await objectsOf(from, `${id}/`, signal)).filter(
    ({ key, size }) => isPartOfBlock(key.slice(id.length + 1)) && present.get(key) !== size,
  )
  const sum: ReplicatedBlock = {
    id,
    status: 'copied',
    objects: missing.length + 1,
    bytes: missing.reduce((total, { size }) => total + size, meta.length),
  }
  if (dryRun) return sum
  try {
    const isIndex = ({ key }: ObjectInfo): boolean => key === `${id}/index`
    const limit = pLimit(OBJECTS_AT_ONCE)
    const copy = ({ key, size }: ObjectInfo): Promise<void> =>
      limit(() => copyObject(key, size, options))
    await Promise.all(missing.filter((object) => !isIndex(object)).map(copy))
    await Promise.all(missing.filter(isIndex).map(copy))
  } catch (error) {
    // Deleted in the source under our hands: not a block any more, and the target has no meta.json of it.
    if (error instanceof NotFoundError && (await getIfThere(from, metaKey, signal)) === undefined) {
      return { id, status: 'gone', objects: 0, bytes: 0 }
    }
    throw error
  }
  // One that has changed in the source is put over the other; a bucket whose policy has blocks written once refuses that.
  if (there === undefined) await createBlockMeta(to, id, meta, signal)
  else await to.put(metaKey, meta, { signal })
  options.onBytes?.(meta.length)
  return sum
}

/** Tombstones too: without them what was deleted would be back. Marks, change logs and lookups are the source's own. */
function isPartOfBlock(file: string): boolean {
  return file === 'index' || file === 'tombstones' || /^chunks\/\d{6,}$/.test(file)
}

async function objectsOf(
  bucket: Bucket,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo[]> {
  const objects: ObjectInfo[] = []
  for await (const page of bucket.list(prefix, { signal })) objects.push(...page.objects)
  return objects
}
