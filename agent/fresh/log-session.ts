/** What is known of one log while it is followed: its series, what was read since the last pack, and where the reader is. */
import { DomainError } from '#lib/model/errors.ts'
import type { FreshSession, Place, SessionCounts } from './fresh-session.ts'
import { Head } from './head.ts'
import { Intake } from './intake.ts'
import type { LogEnd } from './log-files.ts'
import type { PackNote } from './pack-note.ts'
import { SeriesTable } from './series-table.ts'
import { WalFollower } from './wal-follower.ts'

export interface LogSessionOptions {
  readonly tsdbPath: string
  /** In-order samples before it are in blocks of the bucket. */
  readonly dropBeforeMs: number
  readonly maxBytes: number
}

export class LogSession implements FreshSession {
  readonly source = 'wal'
  readonly table = new SeriesTable()
  readonly head = new Head()
  readonly follower: WalFollower
  readonly #intake: Intake
  readonly #maxBytes: number

  constructor({ tsdbPath, dropBeforeMs, maxBytes }: LogSessionOptions) {
    this.#intake = new Intake(this.table, this.head)
    this.#intake.dropBeforeMs = dropBeforeMs
    this.follower = new WalFollower(tsdbPath, this.table, this.#intake)
    this.#maxBytes = maxBytes
  }

  get place(): LogEnd {
    return this.follower.position?.wal ?? { segment: 0, offset: 0 }
  }

  async resume({ resume }: Place): Promise<void> {
    if (resume === undefined) throw new DomainError('conflict', 'the pack is not of a log')
    await this.follower.resume(resume)
  }

  async read(): Promise<boolean> {
    return this.follower.read(() => !this.head.isEmpty && this.head.byteLength >= this.#maxBytes)
  }

  note(nowMs: number, blocksEndMs: number | undefined): PackNote {
    const { position, lateSegment } = this.follower
    const { interval = { minTimeMs: nowMs, maxTimeMs: nowMs } } = this.head
    return {
      version: 1,
      ...(position && { resume: position }),
      ...interval,
      madeMs: nowMs,
      ...(blocksEndMs !== undefined && { blocksEndMs }),
      ...(this.head.lateCount > 0 && lateSegment !== undefined && { lateSegment }),
    }
  }

  async evict(): Promise<number> {
    return this.follower.evict()
  }

  takeCounts(): SessionCounts {
    const { corruptions, tornRecords } = this.follower.takeCounts()
    const { unknownRefs, corruptRecords } = this.#intake.takeCounts()
    return { unknownRefs, corruptions: corruptions + corruptRecords, tornRecords }
  }
}
