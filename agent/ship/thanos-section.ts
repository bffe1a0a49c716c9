/** What the shipper writes into a block's meta.json: whose block it is, what it consists of, and when it came. */
import type { BlockMeta, ThanosFile } from '#lib/tsdb/block/meta.ts'

export interface Shipment {
  readonly externalLabels: Readonly<Record<string, string>>
  readonly source: string
  /** Sorted by path. */
  readonly files: readonly ThanosFile[]
  readonly segmentFiles: readonly string[]
  readonly uploadTimeMs: number
}

/** What the section had before stays. Labels of both are kept; where a name is in both, the external label wins. */
export function withThanosSection(meta: BlockMeta, shipment: Shipment): BlockMeta {
  return {
    ...meta,
    thanos: {
      ...meta.thanos,
      version: 1,
      labels: { ...meta.thanos?.labels, ...shipment.externalLabels },
      downsample: meta.thanos?.downsample ?? { resolution: 0 },
      source: shipment.source,
      segment_files: shipment.segmentFiles,
      files: shipment.files,
      upload_time: new Date(shipment.uploadTimeMs).toISOString(),
    },
  }
}
