/** Writes packs: reads the log, puts what is new, begins anew where the log is another. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ulid } from 'ulid'
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import { type Labels, labelsFrom, labelsKey } from '#lib/model/labels.ts'
import { sleep } from '../sleep.ts'
import { type BucketBlocks, bucketBlocks } from './bucket-blocks.ts'
import { endOfBlocks } from './covered.ts'
import { countSession, type FreshMetrics } from './fresh-metrics.ts'
import type { FreshOptions, FreshParts } from './fresh-options.ts'
import { type FreshPacks, freshPacks } from './fresh-packs.ts'
import { type LocalBlocks, localBlocks } from './local-blocks.ts'
import { LogSession } from './log-session.ts'
import { MetadataTeller } from './metadata-teller.ts'
import { PackUpkeep } from './pack-upkeep.ts'

const MAX_RETRY_MS = 30_000
/** So many packs are asked for a place to go on, from the newest on. */
const MAX_ASKED = 5

/** An unbroken sequence of packs under one set of external labels. */
interface Sequence {
  readonly epoch: string
  readonly packs: FreshPacks
  readonly upkeep: PackUpkeep
  next: number
}

export class FreshWriter {
  readonly #options: FreshOptions
  readonly #parts: FreshParts
  readonly #metrics: FreshMetrics
  readonly #kill: AbortSignal
  readonly #local: LocalBlocks
  readonly #inBucket: BucketBlocks
  readonly #metadata: MetadataTeller
  #session: LogSession | undefined
  /** No place in the log counts any more. */
  #isLost = false
  #sequence: Sequence | undefined
  /** Of external labels that were, until none of their packs is left. */
  #formerUpkeeps: PackUpkeep[] = []

  constructor(options: FreshOptions, parts: FreshParts, metrics: FreshMetrics, kill: AbortSignal) {
    this.#options = options
    this.#parts = parts
    this.#metrics = metrics
    this.#kill = kill
    this.#local = localBlocks(options.tsdbPath)
    this.#inBucket = bucketBlocks(parts.bucket, parts.now)
    this.#metadata = new MetadataTeller(parts, options.freshIntervalMs)
  }

  /**
   * Brings all that is new into the bucket, pack by pack; waits for the bucket as long as it takes, until the kill. Rejects where the log
   * cannot be read.
   */
  async round(externalLabels: Readonly<Record<string, string>>): Promise<void> {
    const { logger } = this.#parts
    const labels = labelsFrom(externalLabels)
    if (this.#sequence && labelsKey(this.#sequence.packs.labels) !== labelsKey(labels)) {
      logger.info({ externalLabels }, 'external labels have changed, fresh blocks go on under them')
      this.#formerUpkeeps.push(this.#sequence.upkeep)
      this.#sequence = undefined
    }
    const sequence = this.#sequence ?? (await this.#begin(labels))
    try {
      await this.#readOn(sequence)
    } catch (error) {
      if (!isKind(error, 'conflict')) throw error
      logger.warn(
        { err: error },
        'the log of prometheus is not the one that was read before, it is read from its beginning',
      )
      this.#session = undefined
      this.#sequence = undefined
      this.#isLost = true
      throw error
    }
  }

  /** Merges packs and deletes those that are not needed any more. What fails is tried again the next time. */
  async upkeep(stopping: AbortSignal): Promise<void> {
    if (this.#sequence === undefined) return
    const signal = AbortSignal.any([stopping, this.#kill])
    try {
      for (const upkeep of [this.#sequence.upkeep, ...this.#formerUpkeeps]) await upkeep.run(signal)
      this.#formerUpkeeps = this.#formerUpkeeps.filter(({ size }) => size > 0)
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof DomainError)) throw error
      this.#metrics.upkeepFailures.inc()
      this.#parts.logger.warn(
        { kind: error.kind, err: error },
        'fresh blocks are not merged and deleted at this time, it is tried again',
      )
    }
  }

  async #begin(labels: Labels): Promise<Sequence> {
    const { bucket, logger, now } = this.#parts
    const packs = freshPacks(bucket, labels)
    const known = await this.#retried('list', () => packs.list(this.#kill))
    if (!this.#isLost) this.#session ??= await this.#resumed(packs, known)
    this.#session ??= await this.#newSession(labels)
    this.#isLost = false
    const upkeep = new PackUpkeep(
      {
        ...this.#parts,
        metrics: this.#metrics,
        local: this.#local,
        inBucket: this.#inBucket,
      },
      this.#options,
      packs,
      known,
    )
    const sequence = { epoch: ulid(now()), packs, upkeep, next: 0 }
    this.#metrics.epochs.inc()
    const { segment, offset } = this.#session.place
    logger.info(
      { epoch: sequence.epoch, packs: known.length, segment, offset },
      'fresh blocks begin',
    )
    this.#sequence = sequence
    return sequence
  }

  /** Where the newest pack says that its writer was. */
  async #resumed(packs: FreshPacks, known: readonly FreshPack[]): Promise<LogSession | undefined> {
    // Epochs are ULIDs: the greatest began last.
    const newest = known.toSorted((a, b) =>
      a.epoch === b.epoch ? b.to - a.to : a.epoch < b.epoch ? 1 : -1,
    )
    for (const pack of newest.slice(0, MAX_ASKED)) {
      const note = await this.#retried('get', () => packs.note(pack, this.#kill))
      if (note?.resume === undefined) continue
      const session = await this.#newSession(packs.labels)
      try {
        await session.resume(note.resume)
        return session
      } catch (error) {
        if (!isKind(error, 'conflict')) throw error
        this.#parts.logger.warn(
          { pack: pack.key, err: error },
          'the log does not go on where the newest fresh block ends, it is read from its beginning',
        )
        return undefined
      }
    }
    return undefined
  }

  async #newSession(labels: Labels): Promise<LogSession> {
    const local = await this.#local.list()
    const localEnd = endOfBlocks(local)
    const listed =
      localEnd === undefined
        ? []
        : await this.#retried('list', () =>
            this.#inBucket.list(labels, -Infinity, localEnd, local, this.#kill),
          )
    const there = new Set(listed.map(({ ulid: id }) => id))
    return new LogSession({
      tsdbPath: this.#options.tsdbPath,
      dropBeforeMs: endOfBlocks(local.filter(({ ulid: id }) => there.has(id))) ?? -Infinity,
      maxBytes: this.#options.freshMaxMemory,
    })
  }

  async #readOn(sequence: Sequence): Promise<void> {
    const session = this.#session!
    for (let isAtEnd = false; !isAtEnd;) {
      const blocksEndMs = endOfBlocks(await this.#local.list())
      try {
        isAtEnd = await session.read()
      } catch (error) {
        // What came before is good.
        if (!session.head.isEmpty) await this.#put(sequence, session, blocksEndMs)
        throw error
      }
      if (!session.head.isEmpty) await this.#put(sequence, session, blocksEndMs)
    }
    const gone = await session.follower.evict()
    if (gone > 0)
      this.#parts.logger.info({ series: gone }, 'series that prometheus dropped are forgotten')
    countSession(this.#metrics, session, this.#parts.now())
  }

  async #put(
    sequence: Sequence,
    session: LogSession,
    blocksEndMs: number | undefined,
  ): Promise<void> {
    const { now, logger } = this.#parts
    const { epoch, next, packs } = sequence
    const note = session.note(now(), blocksEndMs)
    const { lateCount } = session.head
    session.head.setMetadata(await this.#metadata.due(this.#kill))
    const pack = await session.head.flush(session.table, note, nextTurn)
    const place = { epoch, from: next, to: next + 1 }
    const put = await this.#retried('put', () => packs.put(pack, place, now(), this.#kill))
    sequence.next++
    sequence.upkeep.added(put, note, pack.bytes)
    this.#metrics.packs.inc()
    this.#metrics.bytes.inc(put.size)
    this.#metrics.samples.inc(pack.sampleCount)
    this.#metrics.lateSamples.inc(lateCount)
    const { seriesCount, sampleCount } = pack
    logger.debug(
      { key: put.key, bytes: put.size, series: seriesCount, samples: sampleCount, late: lateCount },
      'fresh block in the bucket',
    )
  }

  /** Until it succeeds, after 1, 2, 4 … 30 seconds; rejects when killed. */
  async #retried<T>(what: string, request: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await request()
      } catch (error) {
        if (!(error instanceof DomainError) || this.#kill.aborted) throw error
        const retryMs = Math.min(MAX_RETRY_MS, 1000 * 2 ** Math.min(failures - 1, 20))
        this.#metrics.retries.inc()
        this.#parts.logger.warn(
          { kind: error.kind, err: error, request: what, failures, retryMs },
          'the bucket refuses, fresh blocks wait for it (nothing is lost while prometheus has its log)',
        )
        await (this.#parts.sleep ?? sleep)(retryMs, this.#kill)
      }
    }
  }
}
