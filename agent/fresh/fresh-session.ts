/** What a writer of packs wants of whatever it reads: a log, or a Prometheus that is asked. */
import type { Head } from './head.ts'
import type { PackNote } from './pack-note.ts'
import type { SeriesTable } from './series-table.ts'

export interface SessionCounts {
  readonly unknownRefs: number
  readonly corruptions: number
  readonly tornRecords: number
}

export type Place = Pick<PackNote, 'resume' | 'askedMs'>

export interface FreshSession {
  readonly source: 'wal' | 'remote-read'
  readonly table: SeriesTable
  /** What was read since the last pack. */
  readonly head: Head
  /** For logs and metrics. */
  readonly place: { readonly segment: number; readonly offset: number }
  /** Goes on where a pack says that its writer was. Throws a conflict where that is not possible. */
  resume(note: Place): Promise<void>
  /** Reads what is new into the head: false where there is more, and no room for it. Throws a conflict where it is another log. */
  read(): Promise<boolean>
  /** Of what the head has. */
  note(nowMs: number, blocksEndMs: number | undefined): PackNote
  /** Forgets series that are gone, while the head is empty. Gives how many. */
  evict(): Promise<number>
  /** Since the last call. */
  takeCounts(): SessionCounts
}
