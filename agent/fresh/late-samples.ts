/** Whether the late samples of a pack are in blocks. */
import { join } from 'node:path'
import type { MadeBlock } from './covered.ts'
import { listSegments } from './log-files.ts'
import type { PackNote } from './pack-note.ts'

/**
 * Whether the pack may have late samples that none of the blocks `there`, in the bucket, has. Prometheus removes the segment of its log of
 * late samples when it has made blocks of them; then all local blocks of that time that were made since must be there.
 */
export async function hasLateSamples(
  tsdbPath: string,
  { minTimeMs, maxTimeMs }: { readonly minTimeMs: number; readonly maxTimeMs: number },
  { madeMs, lateSegment }: PackNote,
  local: readonly MadeBlock[],
  there: readonly MadeBlock[],
): Promise<boolean> {
  if (lateSegment === undefined) return false
  const segments = await listSegments(join(tsdbPath, 'wbl'))
  if ([...segments.keys()].some((segment) => segment <= lateSegment)) return true
  const found = new Set(there.map(({ ulid }) => ulid))
  return local.some(
    (block) =>
      block.madeMs > madeMs &&
      block.minTimeMs <= maxTimeMs &&
      block.maxTimeMs > minTimeMs &&
      !found.has(block.ulid),
  )
}
