/** Exemplars and metadata out of the fresh blocks of a bucket. Blocks of Prometheus hold neither. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Source, Told } from '#lib/storage/source.ts'
import { blocksInScope, isOwn } from '#lib/store/external-labels.ts'
import { packExemplars } from '#lib/store/pack-exemplars.ts'
import { newestMetadata, packMetadata } from '#lib/store/pack-metadata.ts'
import type { PackReader } from '#lib/store/pack-read.ts'
import { readBlocks } from '#lib/store/read-blocks.ts'
import type { StoreCache } from '#lib/store/store-cache.ts'
import { CostMeter } from './cost-meter.ts'
import { planAgain } from './plan-again.ts'

export interface FreshSourceParts {
  readonly bucket: Bucket
  readonly index: BucketIndexReader
  readonly cache: StoreCache
  readonly now: () => number
  /** Memory of this function, for what it costs. */
  readonly megabytes?: number | undefined
  /** Which packs are read, of those of the scope. */
  readonly shows?: ((pack: BlockRecord) => boolean) | undefined
}

/** Of what is older, exporters may say something else by now. */
const METADATA_MS = 6 * 3_600_000

export function freshSource(parts: FreshSourceParts): Source {
  return {
    name: 'the bucket',
    async exemplars(request, scope, signal) {
      const { startMs, endMs } = request
      const told = await readPacks(
        parts,
        { startMs, endMs, scope, signal },
        {
          choose: (packs) => blocksInScope(packs, scope),
          read: (reader) => packExemplars(reader, request),
        },
      )
      return { ...told, value: told.value.flat() }
    },
    /** A pack says nothing of whose series its metrics are, so only who owns all of it is told. */
    async metadata({ metric }, scope, signal) {
      const nowMs = parts.now()
      const times = { startMs: nowMs - METADATA_MS, endMs: Infinity }
      const told = await readPacks(
        parts,
        { ...times, scope, signal },
        {
          choose: (packs) => packs.filter((pack) => isOwn(pack, scope)),
          read: (reader) => packMetadata(reader, metric),
        },
      )
      return { ...told, value: newestMetadata(told.value) }
    },
  }
}

interface PackQuestion {
  readonly startMs: number
  readonly endMs: number
  readonly scope: Scope
  readonly signal?: AbortSignal | undefined
}

interface PackReading<T> {
  readonly choose: (packs: readonly BlockRecord[]) => readonly BlockRecord[]
  readonly read: (reader: PackReader) => Promise<T>
}

async function readPacks<T>(
  { bucket: inner, index, cache, now, megabytes, shows = () => true }: FreshSourceParts,
  { startMs, endMs, scope, signal }: PackQuestion,
  { choose, read }: PackReading<T>,
): Promise<Told<readonly T[]>> {
  const startedMs = now()
  const { bucket, counts } = countingBucket(inner)
  const attempt = async (fresh: boolean): Promise<{ results: T[]; warnings: string[] }> => {
    const found = await index.packs(startMs, endMs, { bucket, signal, fresh })
    const packs = choose(found).filter(shows)
    const reading = { partialResponse: scope.partialResponse, goneBlockFails: !fresh }
    return readBlocks(packs, (block) => read({ bucket, cache, block, signal }), reading)
  }
  const { results, warnings } = await planAgain(attempt, signal)
  const meter = new CostMeter(megabytes)
  meter.countRequests(counts)
  return { value: results, warnings, cost: meter.total(now() - startedMs, 0) }
}
