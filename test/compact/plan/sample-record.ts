/** Records of blocks as the bucket index has them, in hours. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { labelsFrom } from '#lib/model/labels.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

export function sampleRecord(
  id: string,
  fromHour: number,
  toHour: number,
  over: Partial<BlockRecord> = {},
): BlockRecord {
  return {
    id,
    minTimeMs: fromHour * HOUR_MS,
    maxTimeMs: toHour * HOUR_MS,
    labels: labelsFrom({ cluster: 'a' }),
    resolutionMs: 0,
    level: 1,
    sources: [id],
    source: 'sidecar',
    seriesCount: 1,
    sampleCount: 1,
    chunkCount: 1,
    indexSize: 100,
    segmentSizes: [100],
    seriesMaxSize: 0,
    chunkMaxSize: 0,
    hasTombstones: false,
    uploadTimeMs: 0,
    metaEtag: '',
    marks: {},
    ...over,
  }
}
