/** Whether the late samples of a pack are in blocks. */
import { join } from 'node:path'
import { listSegments } from './log-files.ts'
import type { PackNote } from './pack-note.ts'

/** Prometheus removes the segment of its log of late samples when it has made blocks of them. */
export async function isLateInBlocks(
  tsdbPath: string,
  { lateSegment }: PackNote,
): Promise<boolean> {
  if (lateSegment === undefined) return true
  const segments = await listSegments(join(tsdbPath, 'wbl'))
  return [...segments.keys()].every((segment) => segment > lateSegment)
}
