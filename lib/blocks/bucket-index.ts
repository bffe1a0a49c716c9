/**
 * The bucket index: every block in one small object that queries read instead of listing the bucket.
 *
 * `thaw/bucket-index/root.json.gz` changes by compare-and-swap only. It holds the newest blocks itself, so that most
 * queries need one request; older blocks are in immutable parts of 28 days each, named by their content, which a query
 * reads only when it reaches back to them.
 */
import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { CorruptError, isKind, NewerFormatError, refuseNewer } from '#lib/model/errors.ts'
import type { BlockRecord, BlockRecordJson } from './block-record.ts'
import { recordFromJson, recordToJson } from './block-record.ts'
import { FreshPacks } from './fresh-packs.ts'
import type { PartialBlock, Scan } from './scan.ts'
import { scanBlocks } from './scan.ts'
import { isVisible, markHidden } from './visible-blocks.ts'

export const BUCKET_INDEX_ROOT = 'thaw/bucket-index/root.json.gz'
const PART_PREFIX = 'thaw/bucket-index/part-'
const VERSION = 1
/** Blocks the root holds itself: about 30 KB compressed. */
const INLINE_BLOCKS = 512
const PART_SPAN_MS = 28 * 24 * 3600_000
/** Longer than any query, and than any reader keeps a root without asking again. */
const KEEP_RETIRED_MS = 3600_000

interface Root {
  readonly version: number
  readonly updatedMs: number
  readonly blocks: readonly BlockRecord[]
  readonly parts: readonly Part[]
  readonly partial: readonly PartialBlock[]
  /** Parts that an index before this one named: kept for readers that still hold it. */
  readonly retired: readonly RetiredPart[]
}

interface RetiredPart {
  readonly key: string
  readonly sinceMs: number
}

interface Part {
  readonly key: string
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly blockCount: number
}

export interface IndexView {
  /** When the index was last made, 0 when it had to be scanned just now. */
  readonly updatedMs: number
  readonly blocks: readonly BlockRecord[]
  readonly partial: readonly PartialBlock[]
}

export interface ReadOptions {
  /** The same bucket under a wrapper that counts for one request. */
  readonly bucket?: Bucket | undefined
  readonly signal?: AbortSignal | undefined
  /** Asks the bucket, however young what is kept may be. */
  readonly fresh?: boolean | undefined
}

/** Which blocks there are, for whoever only plans reads. */
export type BlockIndex = Pick<BucketIndexReader, 'blocks'>

/** Reads the index; kept between calls for `maxAgeMs`, then asked for by etag. */
export class BucketIndexReader {
  readonly #bucket: Bucket
  readonly #now: () => number
  readonly #maxAgeMs: number
  readonly #fresh: FreshPacks
  readonly #parts = new LRUCache<string, readonly BlockRecord[]>({ max: 256 })
  #root: { root: Root; etag: string; checkedMs: number } | undefined
  /** Of a bucket without an index. */
  #scan: { view: IndexView; atMs: number } | undefined

  constructor(bucket: Bucket, { now, maxAgeMs }: { now: () => number; maxAgeMs: number }) {
    this.#bucket = bucket
    this.#now = now
    this.#maxAgeMs = maxAgeMs
    this.#fresh = new FreshPacks(bucket, now)
  }

  /**
   * Visible blocks with samples in [startMs, endMs], fresh ones too, by minimum time. A bucket without an index that can be read (only Thanos
   * ever wrote to it, or a newer thaw, and `plan` has not run yet) is scanned: slower, never wrong.
   */
  async blocks(startMs: number, endMs: number, read: ReadOptions = {}): Promise<BlockRecord[]> {
    const [{ blocks }, packs] = await Promise.all([
      this.view(startMs, endMs, read),
      this.#fresh.packs(startMs, endMs, read),
    ])
    const nowMs = this.#now()
    const visible = blocks.filter(
      (block) => isVisible(block, nowMs) && block.minTimeMs <= endMs && block.maxTimeMs > startMs,
    )
    if (packs.length === 0) return visible
    return [...visible, ...packs].sort((a, b) => a.minTimeMs - b.minTimeMs)
  }

  /** The fresh blocks among them, in any order, without a look at the index. */
  packs(startMs: number, endMs: number, read: ReadOptions = {}): Promise<readonly BlockRecord[]> {
    return this.#fresh.packs(startMs, endMs, read)
  }

  /** All that the index knows of the time range, hidden and partial blocks too. */
  async view(startMs: number, endMs: number, read: ReadOptions = {}): Promise<IndexView> {
    const { bucket = this.#bucket, signal } = read
    const root = await this.#readRoot(bucket, read)
    if (!root) return this.#scanned(bucket, read)
    const parts = root.parts.filter((part) => part.minTimeMs <= endMs && part.maxTimeMs > startMs)
    const old = await Promise.all(parts.map((part) => this.#readPart(bucket, part.key, signal)))
    const blocks = [...old.flat(), ...root.blocks].sort((a, b) => a.minTimeMs - b.minTimeMs)
    return { updatedMs: root.updatedMs, blocks, partial: root.partial }
  }

  /** What a scan before this one knew is not read again. */
  async #scanned(bucket: Bucket, { fresh, signal }: ReadOptions): Promise<IndexView> {
    const nowMs = this.#now()
    const kept = this.#scan
    if (!fresh && kept && nowMs - kept.atMs < this.#maxAgeMs) return kept.view
    const known = new Map(kept?.view.blocks.map((block) => [block.id, block]))
    const view = scanned(await scanBlocks(bucket, known, signal), nowMs)
    this.#scan = { view, atMs: nowMs }
    return view
  }

  async #readRoot(bucket: Bucket, { fresh, signal }: ReadOptions): Promise<Root | undefined> {
    const nowMs = this.#now()
    if (!fresh && this.#root && nowMs - this.#root.checkedMs < this.#maxAgeMs)
      return this.#root.root
    try {
      const object = this.#root
        ? await bucket.getIfChanged(BUCKET_INDEX_ROOT, this.#root.etag, { signal })
        : await bucket.get(BUCKET_INDEX_ROOT, { signal })
      if (object) {
        this.#root = { root: decodeRoot(object.body), etag: object.etag, checkedMs: nowMs }
      } else if (this.#root) {
        this.#root = { ...this.#root, checkedMs: nowMs }
      }
      return this.#root?.root
    } catch (error) {
      // One of a newer thaw is as good as none: the next plan makes ours.
      if (!isKind(error, 'not-found') && !(error instanceof NewerFormatError)) throw error
      this.#root = undefined
      return undefined
    }
  }

  async #readPart(
    bucket: Bucket,
    key: string,
    signal?: AbortSignal,
  ): Promise<readonly BlockRecord[]> {
    const cached = this.#parts.get(key)
    if (cached) return cached
    const records = decodeRecords((await bucket.get(key, { signal })).body, key)
    this.#parts.set(key, records)
    return records
  }
}

function scanned(scan: Scan, nowMs: number): IndexView {
  const blocks = markHidden(scan.blocks, nowMs).sort((a, b) => a.minTimeMs - b.minTimeMs)
  return { updatedMs: 0, blocks, partial: scan.partial }
}

export interface IndexUpdate {
  readonly blocks: number
  readonly hidden: number
  readonly partial: readonly PartialBlock[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly written: boolean
}

export interface UpdateOptions {
  readonly now: () => number
  /** Reads every meta.json again. */
  readonly rescan?: boolean | undefined
  /** Awaited before each further try: a pause, where many update it at once. Hears how often somebody else was faster. */
  readonly overtaken?: ((times: number) => Promise<void>) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes the index say what the bucket holds. Reads only what changed since the index was written, unless `rescan`.
 * Safe to run twice at once: the loser of the compare-and-swap starts again from what the winner wrote.
 */
export async function updateBucketIndex(
  bucket: Bucket,
  { now, rescan = false, overtaken, signal }: UpdateOptions,
): Promise<IndexUpdate> {
  // Somebody else has won each time, and knows more: where dozens of blocks come at once, that is often.
  const attempts = 20
  for (let attempt = 1; ; attempt++) {
    try {
      return await updateOnce(bucket, now(), rescan, signal)
    } catch (error) {
      if (!isKind(error, 'conflict') || attempt === attempts) throw error
      await overtaken?.(attempt)
    }
  }
}

async function updateOnce(
  bucket: Bucket,
  nowMs: number,
  rescan: boolean,
  signal?: AbortSignal,
): Promise<IndexUpdate> {
  const before = await readForUpdate(bucket, signal)
  const known = new Map(before.blocks.map((block) => [block.id, block]))
  const scan = await scanBlocks(bucket, rescan ? new Map() : known, signal)
  const blocks = markHidden(scan.blocks, nowMs)
    .map((block) => withIndexedTime(block, nowMs))
    .sort((a, b) => a.minTimeMs - b.minTimeMs || (a.id < b.id ? -1 : 1))
  const { inline, parts } = split(blocks)
  const ids = new Set(blocks.map((block) => block.id))
  const update = {
    blocks: blocks.length,
    hidden: blocks.filter((block) => block.hidden).length,
    partial: scan.partial,
    added: blocks.filter((block) => !known.has(block.id)).map((block) => block.id),
    removed: [...known.keys()].filter((id) => !ids.has(id)),
  }
  const keys = new Set(parts.map((part) => part.key))
  const retired = retire(before.root, keys, nowMs)
  const outdated = retired.filter(({ sinceMs }) => nowMs - sinceMs > KEEP_RETIRED_MS)
  const content = {
    version: VERSION,
    blocks: inline,
    parts: parts.map(partEntry),
    partial: scan.partial,
    retired: retired.filter((part) => !outdated.includes(part)),
  }
  if (before.etag && sameContent(before.root, content)) return { ...update, written: false }

  const kept = new Set(before.root?.parts.map((part) => part.key))
  for (const part of parts) {
    if (!kept.has(part.key)) await bucket.put(part.key, part.body, { signal })
  }
  const body = encode({ ...content, updatedMs: nowMs, blocks: inline.map(recordToJson) })
  const condition = before.etag ? { ifMatch: before.etag } : { ifAbsent: true }
  await bucket.put(BUCKET_INDEX_ROOT, body, { ...condition, signal })
  // One that is left behind by a kill costs its bytes and nothing else.
  for (const { key } of outdated) await bucket.delete(key, { signal })
  return { ...update, written: true }
}

/** When it came decides how long packs stay beside the block in their place. */
function withIndexedTime(block: BlockRecord, nowMs: number): BlockRecord {
  if (!block.fresh || block.fresh.indexedMs !== undefined) return block
  return { ...block, fresh: { ...block.fresh, indexedMs: nowMs } }
}

/** Parts no longer named, with those that were retired before. One that is named again is not retired. */
function retire(root: Root | undefined, named: ReadonlySet<string>, nowMs: number): RetiredPart[] {
  if (!root) return []
  const fresh = root.parts.map(({ key }) => ({ key, sinceMs: nowMs }))
  return [...root.retired, ...fresh].filter(({ key }) => !named.has(key))
}

function sameContent(root: Root | undefined, content: Omit<Root, 'updatedMs'>): boolean {
  if (!root) return false
  const { updatedMs: _, ...rest } = root
  return JSON.stringify(rest) === JSON.stringify(content)
}

async function readForUpdate(
  bucket: Bucket,
  signal?: AbortSignal,
): Promise<{ root?: Root; etag?: string; blocks: readonly BlockRecord[] }> {
  let etag: string | undefined
  try {
    const object = await bucket.get(BUCKET_INDEX_ROOT, { signal })
    etag = object.etag
    const root = decodeRoot(object.body)
    const parts = await Promise.all(
      root.parts.map(async ({ key }) =>
        decodeRecords((await bucket.get(key, { signal })).body, key),
      ),
    )
    return { root, etag, blocks: [...parts.flat(), ...root.blocks] }
  } catch (error) {
    // Missing, broken, or a newer thaw's: the bucket itself is the truth, so the index is made anew, over what is there.
    const isUnread = isKind(error, 'corrupt') || error instanceof NewerFormatError
    if (isKind(error, 'not-found') || isUnread) {
      return { ...(etag !== undefined && { etag }), blocks: [] }
    }
    throw error
  }
}

interface PartWithBody extends Part {
  readonly body: Uint8Array
}

/** `blocks` ascend by minimum time. The newest whole windows that fit stay inline. */
function split(blocks: readonly BlockRecord[]): {
  inline: readonly BlockRecord[]
  parts: readonly PartWithBody[]
} {
  if (blocks.length <= INLINE_BLOCKS) return { inline: blocks, parts: [] }
  const windows = new Map<number, BlockRecord[]>()
  for (const block of blocks) {
    const window = Math.floor(block.minTimeMs / PART_SPAN_MS)
    const list = windows.get(window)
    if (list) list.push(block)
    else windows.set(window, [block])
  }
  const newestFirst = [...windows].sort(([a], [b]) => b - a)
  const inline: BlockRecord[][] = []
  const parts: PartWithBody[] = []
  let inlineCount = 0
  for (const [window, list] of newestFirst) {
    if (parts.length === 0 && (inlineCount === 0 || inlineCount + list.length <= INLINE_BLOCKS)) {
      inline.unshift(list)
      inlineCount += list.length
    } else parts.unshift(makePart(window, list))
  }
  return { inline: inline.flat(), parts }
}

function makePart(window: number, blocks: readonly BlockRecord[]): PartWithBody {
  const json = JSON.stringify(blocks.map(recordToJson))
  const hash = createHash('sha256').update(json).digest('hex').slice(0, 16)
  return {
    key: `${PART_PREFIX}${window * PART_SPAN_MS}-${hash}.json.gz`,
    minTimeMs: Math.min(...blocks.map((block) => block.minTimeMs)),
    maxTimeMs: Math.max(...blocks.map((block) => block.maxTimeMs)),
    blockCount: blocks.length,
    body: gzipSync(json),
  }
}

function partEntry({ key, minTimeMs, maxTimeMs, blockCount }: PartWithBody): Part {
  return { key, minTimeMs, maxTimeMs, blockCount }
}

function encode(value: unknown): Uint8Array {
  return gzipSync(JSON.stringify(value))
}

/** 64 MB of JSON is more than a hundred thousand blocks. */
const MAX_DECODED = 64 * 1024 * 1024

function decode(body: Uint8Array, key: string): unknown {
  try {
    return JSON.parse(gunzipSync(body, { maxOutputLength: MAX_DECODED }).toString('utf8'))
  } catch (error) {
    throw new CorruptError(error instanceof Error ? error.message : String(error), 0, {
      where: key,
      cause: error,
    })
  }
}

function decodeRecords(body: Uint8Array, key: string): readonly BlockRecord[] {
  const json = decode(body, key)
  if (!Array.isArray(json)) throw new CorruptError('not a list of blocks', 0, { where: key })
  return (json as BlockRecordJson[]).map(recordFromJson)
}

function decodeRoot(body: Uint8Array): Root {
  const json = decode(body, BUCKET_INDEX_ROOT) as Omit<Root, 'blocks'> & {
    blocks: BlockRecordJson[]
  }
  refuseNewer(BUCKET_INDEX_ROOT, json?.version, VERSION)
  const lists = [json?.blocks, json?.parts, json?.retired]
  if (json?.version !== VERSION || !lists.every(Array.isArray)) {
    throw new CorruptError(`bucket index of version ${json?.version}, ${VERSION} is known`, 0, {
      where: BUCKET_INDEX_ROOT,
    })
  }
  return { ...json, blocks: json.blocks.map(recordFromJson) }
}
