/** A block's meta.json as the agent uses it: read, given its `thanos` section, written. Keys it doesn't know stay. */
import { CorruptError } from '#lib/model/errors.ts'

export interface BlockMeta {
  readonly ulid: string
  readonly minTime: number
  readonly maxTime: number
  readonly version: 1
  readonly stats: {
    readonly numSamples?: number | undefined
    readonly numSeries?: number | undefined
    readonly numChunks?: number | undefined
  }
  readonly compaction: {
    readonly level: number
    readonly sources?: readonly string[] | undefined
    readonly failed?: boolean | undefined
  }
  readonly thanos?: ThanosSection | undefined
}

export interface ThanosSection {
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly downsample?: { readonly resolution: number } | undefined
  readonly source?: string | undefined
}

export function parseBlockMeta(bytes: Uint8Array): BlockMeta {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as BlockMeta
  } catch (error) {
    throw new CorruptError((error as Error).message, 0)
  }
}

export function formatBlockMeta(meta: BlockMeta): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(meta, null, '\t')}\n`)
}

export interface ShippedFile {
  readonly relPath: string
  readonly size?: number | undefined
  readonly hash?: { readonly func: string; readonly value: string } | undefined
}

export interface Shipment {
  readonly externalLabels: Readonly<Record<string, string>>
  readonly source: string
  readonly files: readonly ShippedFile[]
  readonly segmentFiles: readonly string[]
  readonly uploadTimeMs: number
}

/** Labels the block has already stay; where a name is in both, the external label wins. */
export function withThanosSection(meta: BlockMeta, shipment: Shipment): BlockMeta {
  return {
    ...meta,
    thanos: {
      version: 1,
      downsample: { resolution: 0 },
      index_stats: {},
      ...meta.thanos,
      labels: { ...meta.thanos?.labels, ...shipment.externalLabels },
      source: shipment.source,
      segment_files: shipment.segmentFiles,
      files: shipment.files.map(({ relPath, size, hash }) => ({
        rel_path: relPath,
        ...(size !== undefined && { size_bytes: size }),
        ...(hash && { hash: { hashFunc: hash.func, value: hash.value } }),
      })),
      upload_time: new Date(shipment.uploadTimeMs).toISOString(),
    } as ThanosSection,
  }
}
