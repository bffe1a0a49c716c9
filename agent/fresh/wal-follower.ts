/** Follows the write-ahead log of a Prometheus, and its log of late samples, read-only and from any place of it on. */
import { join } from 'node:path'
import { isKind } from '#lib/model/errors.ts'
import { listWal } from '#lib/tsdb/wal/folder.ts'
import { type Intake, SERIES_TYPE } from './intake.ts'
import { endOfLog, type LogEnd, listNames, listSegments } from './log-files.ts'
import { type LogCounts, type LogPosition, LogTail } from './log-tail.ts'
import type { SeriesTable } from './series-table.ts'

export interface WalPosition {
  readonly wal: LogPosition
  /** Absent where Prometheus takes no late samples. */
  readonly wbl?: LogPosition | undefined
}

const ATTEMPTS = 3

export class WalFollower {
  readonly #walFolder: string
  readonly #wblFolder: string
  readonly #table: SeriesTable
  readonly #intake: Intake
  /** What is left of the checkpoint that the log begins with. */
  #checkpoint: LogTail | undefined
  #wal: LogTail | undefined
  #wbl: LogTail | undefined
  /** Number of the newest checkpoint whose series are known. */
  #seenCheckpoint = -1
  readonly #counts: LogCounts = { corruptions: 0, tornRecords: 0 }

  constructor(tsdbPath: string, table: SeriesTable, intake: Intake) {
    this.#walFolder = join(tsdbPath, 'wal')
    this.#wblFolder = join(tsdbPath, 'wbl')
    this.#table = table
    this.#intake = intake
  }

  /** Where to go on after a restart. Undefined before all that was in the checkpoint is read. */
  get position(): WalPosition | undefined {
    if (this.#wal === undefined || this.#checkpoint !== undefined) return undefined
    return { wal: this.#wal.position, ...(this.#wbl && { wbl: this.#wbl.position }) }
  }

  /** Since the last call. */
  takeCounts(): LogCounts {
    const { corruptions, tornRecords } = this.#counts
    Object.assign(this.#counts, { corruptions: 0, tornRecords: 0 })
    return { corruptions, tornRecords }
  }

  /** Begins behind `position`; of what is before only the series are read. Throws a conflict where the log is another. */
  async resume({ wal, wbl }: WalPosition): Promise<void> {
    const tail = new LogTail(this.#walFolder, wal, this.#counts)
    await tail.verify()
    await this.#readSeriesBefore(wal)
    this.#wal = tail
    if (wbl) this.#wbl = new LogTail(this.#wblFolder, wbl, this.#counts)
  }

  /** Again where Prometheus puts a checkpoint in the place of what is read. */
  async #readSeriesBefore(end: LogEnd): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { checkpoint, segments } = listWal(await listNames(this.#walFolder))
        if (checkpoint !== undefined) await this.#readSeries(checkpoint)
        if (segments.length === 0) return
        const begin = beginOf(Number(segments[0]))
        await new LogTail(this.#walFolder, begin, this.#counts).read(
          (record, segment) => this.#intake.take(record, 'series', segment),
          () => false,
          { end, isWanted: isSeries },
        )
        return
      } catch (error) {
        if (!isKind(error, 'conflict') || attempt === ATTEMPTS) throw error
      }
    }
  }

  /**
   * Takes in what is new, until `isFull`: then false. Throws a conflict where the log is another than before, or what comes
   * next is gone.
   */
  async read(isFull: () => boolean): Promise<boolean> {
    if (this.#wal === undefined && !(await this.#begin())) return true
    // Whom late samples up to here belong to is in the log by now.
    const late = await endOfLog(this.#wblFolder)
    if (this.#checkpoint !== undefined) {
      const after = this.#wal!.position.segment
      const { folder } = this.#checkpoint
      const take = (record: Uint8Array): void => this.#intake.take(record, 'wal', after)
      if (!(await this.#checkpoint.read(take, isFull))) return false
      this.#checkpoint = undefined
      this.#seenCheckpoint = checkpointNumber(folder)
    }
    const take = (record: Uint8Array, segment: number): void =>
      this.#intake.take(record, 'wal', segment)
    if (!(await this.#wal!.read(take, isFull))) return false
    return late === undefined || (await this.#readLate(late, isFull))
  }

  /**
   * Forgets the series that are neither in the newest checkpoint nor behind it, as Prometheus has. Gives how many. Not while samples of
   * them are held.
   */
  async evict(): Promise<number> {
    if (this.position === undefined) return 0
    const { checkpoint } = listWal(await listNames(this.#walFolder))
    if (checkpoint === undefined) return 0
    const number = checkpointNumber(checkpoint)
    if (number <= this.#seenCheckpoint || number >= this.#wal!.position.segment) return 0
    try {
      await this.#readSeries(checkpoint)
    } catch (error) {
      // The next checkpoint is there; so it is next time.
      if (isKind(error, 'conflict')) return 0
      throw error
    }
    return this.#table.evict(number + 1)
  }

  /** The segment of late samples that is read; those before it are read, or gone into blocks. */
  get lateSegment(): number | undefined {
    return this.#wbl?.position.segment
  }

  async #begin(): Promise<boolean> {
    const { checkpoint, segments } = listWal(await listNames(this.#walFolder))
    if (segments.length === 0) return false
    this.#wal = new LogTail(this.#walFolder, beginOf(Number(segments[0])), this.#counts)
    if (checkpoint !== undefined) this.#checkpoint = await this.#openCheckpoint(checkpoint)
    return true
  }

  async #openCheckpoint(name: string): Promise<LogTail | undefined> {
    const folder = join(this.#walFolder, name)
    const segments = await listSegments(folder)
    return segments.size === 0
      ? undefined
      : new LogTail(folder, beginOf(Math.min(...segments.keys())), this.#counts)
  }

  /** Of a checkpoint: those who live on. */
  async #readSeries(checkpoint: string): Promise<void> {
    const number = checkpointNumber(checkpoint)
    const tail = await this.#openCheckpoint(checkpoint)
    await tail?.read(
      (record) => this.#intake.take(record, 'series', number + 1),
      () => false,
      { isWanted: isSeries },
    )
    this.#seenCheckpoint = number
  }

  /** Segments that went into blocks are gone: then it goes on with the oldest that is there. */
  async #readLate(end: LogEnd, isFull: () => boolean): Promise<boolean> {
    const segments = await listSegments(this.#wblFolder)
    if (segments.size === 0) return true
    const first = Math.min(...segments.keys())
    if (this.#wbl === undefined || this.#wbl.position.segment < first) {
      this.#wbl = new LogTail(this.#wblFolder, beginOf(first), this.#counts)
    }
    const take = (record: Uint8Array, segment: number): void =>
      this.#intake.take(record, 'wbl', segment)
    return this.#wbl.read(take, isFull, { end })
  }
}

function isSeries(type: number): boolean {
  return type === SERIES_TYPE
}

function beginOf(segment: number): LogPosition {
  return { segment, offset: 0, check: 0 }
}

function checkpointNumber(name: string): number {
  return Number(/\d+$/.exec(name)![0])
}
