/** What is known of one log while it is followed: its series, what was read since the last pack, and where the reader is. */
import { Head } from './head.ts'
import { Intake } from './intake.ts'
import type { LogEnd } from './log-files.ts'
import type { PackNote } from './pack-note.ts'
import { SeriesTable } from './series-table.ts'
import { WalFollower, type WalPosition } from './wal-follower.ts'

export interface SessionOptions {
  readonly tsdbPath: string
  /** In-order samples before it are in blocks of the bucket. */
  readonly dropBeforeMs: number
  readonly maxBytes: number
}

export class LogSession {
  readonly table = new SeriesTable()
  readonly head = new Head()
  readonly intake: Intake
  readonly follower: WalFollower
  readonly #maxBytes: number

  constructor({ tsdbPath, dropBeforeMs, maxBytes }: SessionOptions) {
    this.intake = new Intake(this.table, this.head)
    this.intake.dropBeforeMs = dropBeforeMs
    this.follower = new WalFollower(tsdbPath, this.table, this.intake)
    this.#maxBytes = maxBytes
  }

  /** Throws a conflict where the log is another than that of the position. */
  async resume(position: WalPosition): Promise<void> {
    await this.follower.resume(position)
  }

  /** False where there is more, and no room for it. */
  async read(): Promise<boolean> {
    return this.follower.read(() => this.head.byteLength >= this.#maxBytes)
  }

  /** Of what the head has. */
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

  get place(): LogEnd {
    return this.follower.position?.wal ?? { segment: 0, offset: 0 }
  }
}
