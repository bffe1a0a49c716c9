/** What the bucket holds, as Prometheus tells it of its database and Thanos of its stores: status/tsdb, blocks, stores. */
import { DomainError } from '#lib/model/errors.ts'
import { labelsToRecord, labelsKey } from '#lib/model/labels.ts'
import { parseMetricSelector } from '#lib/promql/parse/parse.ts'
import type { NameCount, StoredBlock, StoreStatus } from '#lib/storage/inventory.ts'
import { BUCKET_ADDRESS } from '#lib/storage/scope.ts'
import { dataAnswer, type Answer } from './answer.ts'
import { timeoutMs, withParam, type Call } from './call.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import { parseInteger } from './params.ts'
import { readScope } from './scope-params.ts'

const DEFAULT_NAMES = 10
const MAX_NAMES = 10_000

export async function tsdbStatus(call: Call): Promise<Answer> {
  const limit = namesLimit(call.form.get('limit'))
  const matchers = withParam('match[]', () =>
    call.form.all('match[]').flatMap((text) => [...parseMetricSelector(text)]),
  )
  const scope = readScope(call, 0)
  const found = await withDeadline(timeoutMs(call), call.client, (signal) =>
    call.parts.backend.cardinality({ matchers, limit }, scope, signal),
  )
  const data = {
    headStats: {
      numSeries: found.seriesCount,
      numLabelPairs: found.labelPairCount,
      chunkCount: found.chunkCount,
      minTime: found.minTimeMs ?? 0,
      maxTime: found.maxTimeMs ?? 0,
    },
    seriesCountByMetricName: statsOf(found.seriesByMetric),
    labelValueCountByLabelName: statsOf(found.valuesByLabel),
    memoryInBytesByLabelName: statsOf(found.bytesByLabel),
    seriesCountByLabelValuePair: statsOf(found.seriesByPair),
  }
  return dataAnswer(data, found.warnings)
}

function namesLimit(text: string): number {
  if (text === '') return DEFAULT_NAMES
  let limit = 0
  try {
    limit = parseInteger(text)
  } catch {
    // Said below.
  }
  if (limit < 1) throw new DomainError('invalid', 'limit must be a positive number')
  if (limit > MAX_NAMES) {
    throw new DomainError('invalid', `limit must not exceed ${MAX_NAMES}`)
  }
  return limit
}

function statsOf(counts: readonly NameCount[]): unknown[] {
  return counts.map(({ name, count }) => ({ name, value: count }))
}

export async function tsdbBlocks(call: Call): Promise<Answer> {
  const blocks = (await allBlocks(call)).filter(({ visible }) => visible)
  return dataAnswer({ blocks: blocks.map(prometheusMeta) })
}

/** `view=loaded` has only what queries see. */
export async function bucketBlocks(call: Call): Promise<Answer> {
  const loaded = call.form.fromUrl('view') === 'loaded'
  const blocks = (await allBlocks(call)).filter(({ visible }) => visible || !loaded)
  return dataAnswer({
    label: '',
    blocks: blocks.map(thanosMeta),
    refreshedAt: new Date(call.parts.now()).toISOString(),
    err: null,
  })
}

/** The bucket, and the StoreAPIs that are asked besides, by what they are. */
export async function stores(call: Call): Promise<Answer> {
  const blocks = (await allBlocks(call)).filter(({ visible }) => visible)
  const endpoints = await call.parts.endpoints?.()
  const all: [string, object][] = endpoints?.map((one) => [one.componentType, storeJson(one)]) ?? []
  // Where nobody named a bucket, the one that is never filled is nothing to show.
  if (!endpoints || blocks.length > 0) all.push(['store', bucketJson(call, blocks)])
  const byType = Map.groupBy(all, ([type]) => type)
  const data = [...byType].map(([type, some]) => [type, some.map(([, json]) => json)] as const)
  return dataAnswer(Object.fromEntries(data))
}

function storeJson(store: StoreStatus): object {
  const { address, lastCheckMs, lastError = null, labelSets, minTimeMs, maxTimeMs } = store
  return {
    name: address,
    lastCheck: new Date(lastCheckMs).toISOString(),
    lastError,
    labelSets: labelSets.map(labelsToRecord),
    minTime: Math.max(Number.MIN_SAFE_INTEGER, minTimeMs),
    maxTime: Math.min(Number.MAX_SAFE_INTEGER, maxTimeMs),
  }
}

function bucketJson(call: Call, blocks: readonly StoredBlock[]): object {
  const labelSets = new Map(blocks.map(({ labels }) => [labelsKey(labels), labelsToRecord(labels)]))
  return {
    name: BUCKET_ADDRESS,
    lastCheck: new Date(call.parts.now()).toISOString(),
    lastError: null,
    labelSets: [...labelSets.values()],
    minTime: Math.min(Number.MAX_SAFE_INTEGER, ...blocks.map(({ minTimeMs }) => minTimeMs)),
    maxTime: Math.max(Number.MIN_SAFE_INTEGER, ...blocks.map(({ maxTimeMs }) => maxTimeMs)),
  }
}

/** As with Thanos's `--disable-admin-operations`: whoever may query may not delete. */
export function markBlock(): Answer {
  throw new DomainError('invalid', 'Admin operations are disabled')
}

async function allBlocks(call: Call): Promise<readonly StoredBlock[]> {
  return await withDeadline(timeoutMs(call), call.client, (signal) =>
    call.parts.backend.blocks(readScope(call, 0), signal),
  )
}

function prometheusMeta(block: StoredBlock): object {
  const { id, minTimeMs, maxTimeMs, sampleCount, seriesCount, chunkCount, level, sources } = block
  return {
    ulid: id,
    minTime: minTimeMs,
    maxTime: maxTimeMs,
    stats: { numSamples: sampleCount, numSeries: seriesCount, numChunks: chunkCount },
    compaction: { level, sources },
    version: 1,
  }
}

function thanosMeta(block: StoredBlock): object {
  const { labels, resolutionMs, source } = block
  return {
    ...prometheusMeta(block),
    thanos: {
      labels: labelsToRecord(labels),
      downsample: { resolution: resolutionMs },
      source,
    },
  }
}
