/** Label names, label values and series over the blocks of a bucket, part by part. */
import pLimit from 'p-limit'
import { chooseBlocks } from '#lib/blocks/choose-blocks.ts'
import type { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { isKind } from '#lib/model/errors.ts'
import type { QueryBackend, QueryCost } from '#lib/promql/backend.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { LabelRequest } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { blocksInScope } from '#lib/store/external-labels.ts'
import type { StoreCache } from '#lib/store/store-cache.ts'
import { CostMeter } from './cost-meter.ts'
import type { LabelCache, PricedFindings } from './label-cache.ts'
import { partName } from './label-cache.ts'
import type { LabelFindings, LabelPart, LabelQuestion } from './label-parts.ts'
import { askStorage, joinFindings, labelParts } from './label-parts.ts'
import { usdOf } from './prices.ts'

export interface LabelQueriesParts {
  readonly bucket: Bucket
  readonly cache: StoreCache
  readonly index: BucketIndexReader
  readonly now: () => number
  readonly megabytes?: number | undefined
  /** Without it every part is asked of its blocks. */
  readonly labelCache?: LabelCache | undefined
}

/** Parts asked at one time; each asks many blocks at one time. */
const PARTS_AT_ONCE = 8

interface Asked {
  readonly question: LabelQuestion
  readonly request: LabelRequest
  readonly scope: Scope
  readonly signal?: AbortSignal | undefined
}

type Answered = LabelFindings & { readonly cost: QueryCost }

export function labelQueries(
  parts: LabelQueriesParts,
): Pick<QueryBackend, 'labelNames' | 'labelValues' | 'series'> {
  return {
    labelNames: (request, scope, signal) =>
      answer(parts, { question: { kind: 'names' }, request, scope, signal }),
    labelValues: (name, request, scope, signal) =>
      answer(parts, { question: { kind: 'values', name }, request, scope, signal }),
    series: (request, scope, signal) =>
      answer(parts, { question: { kind: 'series' }, request, scope, signal }),
  }
}

async function answer(parts: LabelQueriesParts, asked: Asked): Promise<Answered> {
  const startedMs = parts.now()
  const meter = new CostMeter(parts.megabytes)
  const { bucket, counts } = countingBucket(parts.bucket)
  const counting = { ...parts, bucket }
  const findings = await attempt(counting, asked, false).catch((error: unknown) => {
    if (!isKind(error, 'not-found') || asked.signal?.aborted) throw error
    // A block went between the index and its reading. The index of now knows better.
    return attempt(counting, asked, true)
  })
  meter.countRequests(counts)
  return { ...findings, cost: meter.total(parts.now() - startedMs, 0) }
}

async function attempt(
  { bucket, cache, index, labelCache }: LabelQueriesParts,
  { question, request, scope, signal }: Asked,
  again: boolean,
): Promise<LabelFindings> {
  const { startMs, endMs, limit } = request
  const visible = await index.blocks(startMs, endMs, { bucket, signal, fresh: again })
  const inScope = blocksInScope(visible, scope)
  // Series are read from the coarsest blocks, which is to be known before the blocks are parted.
  const blocks = question.kind === 'series' ? chooseBlocks(inScope, request, Infinity) : inScope
  const all = labelParts(blocks, request)
  const atOnce = pLimit(PARTS_AT_ONCE)
  const ask = async (part: LabelPart): Promise<PricedFindings> => {
    const { blocks } = part
    const counting = countingBucket(bucket)
    const storage = blockStorage({
      bucket: counting.bucket,
      cache,
      blocks,
      scope,
      goneBlockFails: !again,
    })
    const found = await askStorage(storage, question, part.request, signal)
    return {
      findings: found,
      usd: usdOf({ ...counting.counts, functions: 0, functionGbSeconds: 0 }),
    }
  }
  const findings = await Promise.all(
    all.map((part) =>
      atOnce(async () => {
        if (!labelCache || !part.timeless) return (await ask(part)).findings
        return labelCache.answer(bucket, partName(question, part, scope), () => ask(part), signal)
      }),
    ),
  )
  return joinFindings(findings, limit)
}
