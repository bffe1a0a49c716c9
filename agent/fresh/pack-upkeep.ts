/** Keeps the packs of one Prometheus few: makes one of ten, and deletes those whose samples another one or a block has. */
import { type FreshPack, withoutContained } from '#lib/fresh/fresh-list.ts'
import {
  firstNeighbours,
  KEEP_MERGED_MS,
  MERGED_PACKS,
  mergedPack,
} from '#lib/fresh/merged-pack.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { Logger } from '../logger.ts'
import type { BucketBlocks } from './bucket-blocks.ts'
import { areThere, isCovered } from './covered.ts'
import type { FreshMetrics } from './fresh-metrics.ts'
import type { FreshOptions } from './fresh-options.ts'
import type { FreshPacks } from './fresh-packs.ts'
import type { LocalBlocks } from './local-blocks.ts'
import { isLateInBlocks } from './late-samples.ts'
import { mergeNotes, type PackNote } from './pack-note.ts'

export interface UpkeepParts {
  readonly logger: Logger
  readonly now: () => number
  readonly metrics: FreshMetrics
  readonly local: LocalBlocks
  readonly inBucket: BucketBlocks
}

const MAX_HELD_PACKS = 30
/** Queries that know no block yet may still read what is in one. */
const KEEP_COVERED_MS = 60_000
const LIST_AGAIN_MS = 300_000
/** A pack of this age is looked for in blocks that are not on this disk. */
const OLD_MS = 6 * 3_600_000
const CHECK_OLD_MS = 600_000

interface Entry {
  readonly pack: FreshPack
  /** Null where it has none. */
  note?: PackNote | null | undefined
  /** Of those that are merged soon. */
  bytes?: Uint8Array | undefined
  /** From then on nobody needs it. */
  deleteAtMs?: number | undefined
}

export class PackUpkeep {
  readonly #parts: UpkeepParts
  readonly #options: FreshOptions
  readonly #packs: FreshPacks
  readonly #entries = new Map<string, Entry>()
  readonly #begunMs: number
  #listedMs: number
  #checkedOldMs = -Infinity
  #ownEpoch: string | undefined
  #toldOfAnother = false

  constructor(
    parts: UpkeepParts,
    options: FreshOptions,
    packs: FreshPacks,
    known: readonly FreshPack[],
  ) {
    this.#parts = parts
    this.#options = options
    this.#packs = packs
    this.#begunMs = this.#listedMs = parts.now()
    this.#learn(known)
  }

  /** Packs in the bucket. */
  get size(): number {
    return this.#entries.size
  }

  /** A pack was put; its bytes are kept until it is merged. */
  added(pack: FreshPack, note: PackNote, bytes: Uint8Array): void {
    this.#ownEpoch = pack.epoch
    this.#entries.set(pack.key, { pack, note, bytes })
    // Where much comes at once, or merging fails for long, the oldest stay as they are.
    const held = [...this.#entries.values()].filter((entry) => entry.bytes !== undefined)
    let total = held.reduce((sum, entry) => sum + entry.bytes!.length, 0)
    for (const [i, entry] of held.entries()) {
      if (total <= this.#options.freshMaxMemory && held.length - i <= MAX_HELD_PACKS) return
      total -= entry.bytes!.length
      entry.bytes = undefined
    }
  }

  /** Blocks have the external labels `labels`, which may have changed since the packs were made. */
  async run(labels: Labels, signal: AbortSignal): Promise<void> {
    if (this.#parts.now() - this.#listedMs >= LIST_AGAIN_MS) await this.#listAgain(signal)
    await this.#mergeOwn(signal)
    await this.#mergeLeftOver(signal)
    await this.#markCovered(labels, signal)
    await this.#deleteDue(signal)
    this.#parts.metrics.inBucket.set(this.#entries.size)
  }

  #learn(packs: readonly FreshPack[]): void {
    for (const pack of packs) {
      if (!this.#entries.has(pack.key)) this.#entries.set(pack.key, { pack })
    }
    const needed = new Set(withoutContained(packs))
    const deleteAtMs = this.#parts.now() + KEEP_MERGED_MS
    for (const pack of packs) {
      const entry = this.#entries.get(pack.key)!
      if (!needed.has(pack)) entry.deleteAtMs ??= deleteAtMs
    }
  }

  /** Others may write and delete under the same labels. */
  async #listAgain(signal: AbortSignal): Promise<void> {
    const { now, logger } = this.#parts
    const packs = await this.#packs.list(signal)
    this.#listedMs = now()
    const keys = new Set(packs.map(({ key }) => key))
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key)
    this.#learn(packs)
    const another = packs.find(
      ({ epoch, lastModifiedMs }) =>
        epoch !== this.#ownEpoch && lastModifiedMs > this.#begunMs + KEEP_COVERED_MS,
    )
    if (another && !this.#toldOfAnother) {
      this.#toldOfAnother = true
      logger.warn(
        { key: another.key },
        'another agent writes fresh blocks with the same external labels: no harm if it follows the same prometheus, otherwise give each prometheus its own (for example replica)',
      )
    }
  }

  async #mergeOwn(signal: AbortSignal): Promise<void> {
    const small = [...this.#entries.values()].filter(({ bytes }) => bytes !== undefined)
    const total = small.reduce((sum, { bytes }) => sum + bytes!.length, 0)
    const isMuch = small.length > 1 && total >= this.#options.freshMaxMemory / 2
    if (small.length < MERGED_PACKS && !isMuch) return
    await this.#merge(small, signal)
  }

  /** Of an agent that was killed; one group each time. */
  async #mergeLeftOver(signal: AbortSignal): Promise<void> {
    const epochs = Map.groupBy(this.#entries.values(), ({ pack }) => pack.epoch)
    for (const [epoch, entries] of epochs) {
      const quietMs = Math.max(LIST_AGAIN_MS, this.#options.freshIntervalMs * MERGED_PACKS)
      const newestMs = Math.max(...entries.map(({ pack }) => pack.lastModifiedMs))
      if (epoch === this.#ownEpoch || this.#parts.now() - newestMs < quietMs) continue
      const group = leftOver(entries, this.#options.freshMaxMemory / 2)
      if (group.length < 2) continue
      if (await this.#load(group, signal)) await this.#merge(group, signal)
      return
    }
  }

  /** False where one is gone, as a block has it, or says nothing of itself. */
  async #load(group: readonly Entry[], signal: AbortSignal): Promise<boolean> {
    for (const entry of group) {
      const bytes = await this.#packs.get(entry.pack, signal)
      if (bytes === undefined) this.#entries.delete(entry.pack.key)
      if (bytes !== undefined && (await this.#noteOf(entry, signal))) entry.bytes = bytes
      else {
        for (const other of group) other.bytes = undefined
        return false
      }
    }
    return true
  }

  /** They are neighbours, and have their bytes and notes. */
  async #merge(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const { now, metrics, logger } = this.#parts
    const packs = entries.map(({ pack }) => pack)
    const note = mergeNotes(entries.map((entry) => entry.note!))
    const merged = await mergedPack(
      entries.map(({ bytes }) => bytes!),
      note,
    )
    const { epoch, from } = packs[0]!
    const place = { epoch, from, to: packs.at(-1)!.to }
    const put = await this.#packs.put(merged, place, now(), signal)
    this.#entries.set(put.key, { pack: put, note })
    for (const entry of entries) {
      entry.bytes = undefined
      entry.deleteAtMs ??= now() + KEEP_MERGED_MS
    }
    metrics.merges.inc()
    metrics.bytes.inc(put.size)
    logger.debug({ key: put.key, bytes: put.size, packs: packs.length }, 'fresh blocks merged')
  }

  /** Samples of which a block is in the bucket, where queries find it. */
  async #markCovered(labels: Labels, signal: AbortSignal): Promise<void> {
    const { now, local, inBucket } = this.#parts
    const { tsdbPath } = this.#options
    const nowMs = now()
    const blocks = await local.list()
    const withOld = nowMs - this.#checkedOldMs >= CHECK_OLD_MS
    const candidates: { entry: Entry; note: PackNote }[] = []
    for (const entry of this.#entries.values()) {
      if (entry.deleteAtMs !== undefined) continue
      const isOld = withOld && nowMs - entry.pack.lastModifiedMs > OLD_MS
      // Of others the note is a request.
      const mayBe =
        isOld ||
        entry.note !== undefined ||
        blocks.some(({ maxTimeMs }) => maxTimeMs > entry.pack.maxTimeMs)
      const note = mayBe && (await this.#noteOf(entry, signal))
      if (note && (isOld || isCovered(note, blocks))) candidates.push({ entry, note })
    }
    if (withOld) this.#checkedOldMs = nowMs
    if (candidates.length === 0) return
    const startMs = Math.min(...candidates.map(({ note }) => note.minTimeMs))
    const endMs = Math.max(...candidates.map(({ note }) => note.maxTimeMs))
    const there = await inBucket.list(labels, startMs, endMs, blocks, signal)
    for (const { entry, note } of candidates) {
      if (!isCovered(note, there) || !areThere(note, blocks, there)) continue
      if (!(await isLateInBlocks(tsdbPath, note))) continue
      entry.deleteAtMs = nowMs + KEEP_COVERED_MS
      entry.bytes = undefined
    }
  }

  async #noteOf(entry: Entry, signal: AbortSignal): Promise<PackNote | undefined> {
    if (entry.note === undefined) entry.note = (await this.#packs.note(entry.pack, signal)) ?? null
    return entry.note ?? undefined
  }

  async #deleteDue(signal: AbortSignal): Promise<void> {
    const { now, metrics } = this.#parts
    for (const { pack, deleteAtMs = Infinity } of this.#entries.values()) {
      if (deleteAtMs > now()) continue
      await this.#packs.delete(pack.key, signal)
      this.#entries.delete(pack.key)
      metrics.deletions.inc()
    }
  }
}

/** Neighbours that no merged pack has: at most ten, and about `maxBytes`. */
function leftOver(entries: readonly Entry[], maxBytes: number): Entry[] {
  const small = entries
    .filter(({ pack, deleteAtMs }) => pack.to - pack.from === 1 && deleteAtMs === undefined)
    .map(({ pack }) => pack)
  const group = new Set(firstNeighbours(small, maxBytes))
  return entries.filter(({ pack }) => group.has(pack)).sort((a, b) => a.pack.from - b.pack.from)
}
