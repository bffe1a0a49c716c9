/** Writes packs: reads the log, puts what is new, begins anew where the log is another. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ulid } from 'ulid'
import { DomainError, isKind } from '#lib/model/errors.ts'
import { epochOf } from '#lib/fresh/fresh-key.ts'
import { type Labels, labelsFrom, labelsKey } from '#lib/model/labels.ts'
import { type BucketBlocks, bucketBlocks } from './bucket-blocks.ts'
import { endOfBlocks } from './covered.ts'
import { countSession, type FreshMetrics } from './fresh-metrics.ts'
import type { FreshOptions, FreshParts } from './fresh-options.ts'
import type { FreshSession } from './fresh-session.ts'
import { type FreshPacks, freshPacks } from './fresh-packs.ts'
import { type LocalBlocks, localBlocks } from './local-blocks.ts'
import { MetadataTeller } from './metadata-teller.ts'
import { PackUpkeep } from './pack-upkeep.ts'
import { Patience } from './patience.ts'
import { SessionOpener } from './session-opener.ts'

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
  readonly #patience: Patience
  readonly #opener: SessionOpener
  readonly #metadata: MetadataTeller
  #session: FreshSession | undefined
  /** No place in the log counts any more. */
  #isLost = false
  #sequence: Sequence | undefined
  /** Of the newest sample that this run put into the bucket. */
  #newestPutMs = -Infinity
  /** Of external labels that were, until none of their packs is left. */
  #formerUpkeeps: PackUpkeep[] = []

  constructor(options: FreshOptions, parts: FreshParts, metrics: FreshMetrics, kill: AbortSignal) {
    this.#options = options
    this.#parts = parts
    this.#metrics = metrics
    this.#kill = kill
    const local = localBlocks(options.tsdbPath)
    const inBucket = bucketBlocks(parts.bucket, parts.now)
    const patience = new Patience(parts, metrics, () => this.countBehind(), kill)
    this.#local = local
    this.#inBucket = inBucket
    this.#patience = patience
    this.#opener = new SessionOpener(options, { ...parts, patience, local, inBucket, kill })
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
      // Labels that fit no key: what was read is read again when they do.
      if (isKind(error, 'invalid')) this.#session = this.#sequence = undefined
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

  /** Says how far the bucket is behind: whenever something was done, or could not be done. */
  countBehind(): void {
    if (this.#newestPutMs === -Infinity) return
    this.#metrics.behind.set((this.#parts.now() - this.#newestPutMs) / 1000)
  }

  /** Merges packs and deletes those that are not needed any more. What fails is tried again the next time. */
  async upkeep(stopping: AbortSignal): Promise<void> {
    if (this.#sequence === undefined) return
    const { upkeep, packs } = this.#sequence
    const signal = AbortSignal.any([stopping, this.#kill])
    try {
      for (const each of [upkeep, ...this.#formerUpkeeps]) await each.run(packs.labels, signal)
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
    const known = await this.#patience.until('list', () => packs.list(this.#kill))
    const session =
      this.#session ??
      (this.#isLost ? undefined : await this.#opener.resumed(packs, known)) ??
      (await this.#opener.anew(labels))
    this.#session = session
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
    // Who asks for samples sees no data directory, so there is nothing that it could ship.
    const epoch = epochOf(ulid(now()), { shipsBlocks: session.source === 'wal' })
    const sequence = { epoch, packs, upkeep, next: 0 }
    this.#metrics.epochs.inc()
    logger.info(
      {
        epoch: sequence.epoch,
        packs: known.length,
        source: session.source,
        ...session.place,
      },
      'fresh blocks begin',
    )
    this.#sequence = sequence
    return sequence
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
    const gone = await session.evict()
    if (gone > 0)
      this.#parts.logger.info({ series: gone }, 'series that prometheus dropped are forgotten')
    countSession(this.#metrics, session)
  }

  async #put(
    sequence: Sequence,
    session: FreshSession,
    blocksEndMs: number | undefined,
  ): Promise<void> {
    const { now, logger } = this.#parts
    const { epoch, next, packs } = sequence
    const note = session.note(now(), blocksEndMs)
    const { lateCount } = session.head
    session.head.setMetadata(await this.#metadata.due(this.#kill))
    const pack = await session.head.flush(session.table, note, nextTurn)
    const place = { epoch, from: next, to: next + 1 }
    const put = await this.#patience.until('put', () => packs.put(pack, place, now(), this.#kill))
    sequence.next++
    sequence.upkeep.added(put, note, pack.bytes)
    if (pack.sampleCount > 0) this.#newestPutMs = Math.max(this.#newestPutMs, note.maxTimeMs)
    this.#metrics.packs.inc()
    this.#metrics.bytes.inc(put.size)
    this.#metrics.samples.inc(pack.sampleCount)
    this.#metrics.lateSamples.inc(lateCount)
    const { seriesCount, sampleCount } = pack
    logger.debug(
      { key: put.key, bytes: put.size, series: seriesCount, samples: sampleCount, late: lateCount },
      'fresh block in the bucket',
    )
    this.#parts.giveBack?.()
  }
}
