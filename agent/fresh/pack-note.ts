/** What a pack says of itself, in its directory: where its writer goes on, and which block makes it needless. */
import type { WalPosition } from './wal-follower.ts'

export interface PackNote {
  readonly version: 1
  /** Absent while the reader was in a checkpoint: then a restart begins anew. */
  readonly resume?: WalPosition | undefined
  /** In place of that, where Prometheus was asked for the samples: from when on the next time. */
  readonly askedMs?: number | undefined
  /** Of its first and last sample, both inclusive: exemplars may be of any time. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** After all its samples were read. */
  readonly madeMs: number
  /** Where the local blocks ended when its samples were read: what came in order with times before it is in them. */
  readonly blocksEndMs?: number | undefined
  /** The segment of the newest late sample in it. When Prometheus removes that, it has put them in blocks. */
  readonly lateSegment?: number | undefined
}

/** Undefined for what is no note of this version. */
export function asPackNote(position: unknown): PackNote | undefined {
  const note = position as PackNote | undefined
  return note?.version === 1 && typeof note.madeMs === 'number' ? note : undefined
}

/** Of one pack with all that is in these, the last of which is the newest. */
export function mergeNotes(notes: readonly PackNote[]): PackNote {
  const last = notes.at(-1)!
  const late = notes.flatMap(({ lateSegment }) => (lateSegment === undefined ? [] : [lateSegment]))
  const ends = notes.map(({ blocksEndMs }) => blocksEndMs)
  const blocksEndMs = ends.every((end) => end !== undefined) ? Math.min(...ends) : undefined
  return {
    version: 1,
    ...(last.resume && { resume: last.resume }),
    ...(last.askedMs !== undefined && { askedMs: last.askedMs }),
    minTimeMs: Math.min(...notes.map(({ minTimeMs }) => minTimeMs)),
    maxTimeMs: Math.max(...notes.map(({ maxTimeMs }) => maxTimeMs)),
    madeMs: Math.max(...notes.map(({ madeMs }) => madeMs)),
    ...(blocksEndMs !== undefined && { blocksEndMs }),
    ...(late.length > 0 && { lateSegment: Math.max(...late) }),
  }
}
