/** How much compaction there is to do, by how long the blocks are that come. `test/cost/compaction.test.ts` holds it against the planner. */
import { shippedPerDay, type Workload } from './workload.ts'

/** Hours of the windows that blocks are merged in; those that come shorter are merged in the first, as those of fresh packs are. */
const WINDOWS = [2, 8, 48, 336]

export interface CompactionWork {
  /** In a day, of all agents. */
  readonly jobs: number
  /** Of these jobs, those that make a block. */
  readonly blocks: number
  /** GB that they read in a day. */
  readonly readGb: number
}

export interface CompactionShares {
  /** 5m bytes for a raw byte. */
  readonly fiveMinutes: number
  /** Blocks of 5m and 1h that are made, and what they need, in a day for each agent. */
  readonly downsamplings: number
}

/** How often a sample is merged: in each window that has two blocks or more. */
export function mergesOf({ blockHours }: Workload): number {
  return windowsOf(blockHours).length
}

export function compactionOf(workload: Workload, shares: CompactionShares): CompactionWork {
  const { agents, series, blockHours, retention } = workload
  if (series === 0) return { jobs: 0, blocks: 0, readGb: 0 }
  const raw = shippedPerDay(workload)
  const isDownsampled = retention.fiveMinuteDays > 0
  const fiveMinutes = isDownsampled ? raw * shares.fiveMinutes : 0
  // Where a longer window is whole too, its merge takes the place of that of the shorter one.
  const [first] = windowsOf(blockHours)
  const merges = first === undefined ? 0 : 24 / first
  const downsamplings = isDownsampled ? shares.downsamplings : 0
  return {
    // What was merged is deleted by a job of its own.
    jobs: agents * (2 * merges + downsamplings),
    blocks: agents * (merges + downsamplings),
    // Merged each time, read once more for 5m blocks, and those merged and read for 1h blocks.
    readGb:
      raw * (mergesOf(workload) + (isDownsampled ? 1 : 0)) +
      fiveMinutes * (1 + (retention.oneHourDays > 0 ? 1 : 0)),
  }
}

function windowsOf(blockHours: number): readonly number[] {
  return WINDOWS.filter((hours) => hours >= 2 * blockHours)
}
