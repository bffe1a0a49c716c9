/** A QueryBackend that answers with literal columns and remembers what it was asked. */
import type { QueryAnswer, QueryBackend, QueryRequest, Scope } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import type { QueryValue, StepGrid } from '#lib/promql/result.ts'
import type { Cardinality, CardinalityRequest, StoredBlock } from '#lib/storage/inventory.ts'
import { memoryStorage, type MemorySeries } from '#lib/storage/memory-storage.ts'
import type { LabelRequest, SelectRequest, SeriesSet } from '#lib/storage/storage.ts'
import type { Labels } from '#lib/model/labels.ts'
import { apiApp } from '#lib/api/app.ts'
import { DEFAULT_LIMITS, DEFAULT_SCOPE, type ApiParts } from '#lib/api/parts.ts'
import type { Hono } from 'hono'

export interface Asked {
  readonly queries: QueryRequest[]
  readonly labels: Array<{ name?: string; request: LabelRequest; scope: Scope }>
  readonly selects: Array<{ request: SelectRequest; scope: Scope }>
  readonly cardinalities: Array<{ request: CardinalityRequest; scope: Scope }>
}

export interface Canned {
  readonly values?: (request: QueryRequest) => QueryValue
  readonly labelValues?: readonly string[]
  readonly series?: readonly Labels[]
  readonly stored?: readonly MemorySeries[]
  /** Instead of those. */
  readonly set?: SeriesSet
  readonly cardinality?: Partial<Cardinality>
  readonly blocks?: readonly StoredBlock[]
  readonly warnings?: readonly string[]
  readonly annotations?: { readonly warnings: readonly string[]; readonly infos: readonly string[] }
  readonly fails?: unknown
}

export const NOW_MS = 1_700_000_000_000

export function emptyVector(): QueryValue {
  return { type: 'vector', series: [] }
}

export function constant(value: number, { stepCount }: StepGrid): QueryValue {
  return { type: 'scalar', values: new Float64Array(stepCount).fill(value) }
}

export function testApp(
  canned: Canned = {},
  parts: Partial<ApiParts> = {},
): { app: Hono; asked: Asked } {
  const asked: Asked = { queries: [], labels: [], selects: [], cardinalities: [] }
  const warnings = canned.warnings ?? []
  const backend: QueryBackend = {
    async query(request): Promise<QueryAnswer> {
      asked.queries.push(request)
      if (canned.fails !== undefined) throw canned.fails
      return {
        grid: request.grid,
        value: (canned.values ?? emptyVector)(request),
        annotations: { warnings: [], infos: [], ...canned.annotations, places: {} },
        warnings,
        stats: { samplesRead: 7, peakSamples: 5, seriesRead: 3 },
        cost: {
          slices: 1,
          invokes: 0,
          gets: 4,
          lists: 1,
          puts: 2,
          bytes: 18_432,
          functionMs: 12,
          functionGbSeconds: 0.012,
          steps: request.grid.stepCount,
          cachedSteps: 0,
          shared: false,
          usd: 0.0000123,
        },
      }
    },
    async labelNames(request, scope) {
      asked.labels.push({ request, scope })
      if (canned.fails !== undefined) throw canned.fails
      return { values: canned.labelValues ?? [], warnings }
    },
    async labelValues(name, request, scope) {
      asked.labels.push({ name, request, scope })
      if (canned.fails !== undefined) throw canned.fails
      return { values: canned.labelValues ?? [], warnings }
    },
    async series(request, scope) {
      asked.labels.push({ request, scope })
      if (canned.fails !== undefined) throw canned.fails
      return { series: canned.series ?? [], warnings }
    },
    async select(request, scope) {
      asked.selects.push({ request, scope })
      if (canned.fails !== undefined) throw canned.fails
      const set = canned.set ?? (await memoryStorage(canned.stored ?? []).select(request))
      return { ...set, warnings }
    },
    async cardinality(request, scope) {
      asked.cardinalities.push({ request, scope })
      if (canned.fails !== undefined) throw canned.fails
      return { ...NO_CARDINALITY, ...canned.cardinality, warnings }
    },
    async blocks() {
      if (canned.fails !== undefined) throw canned.fails
      return canned.blocks ?? []
    },
  }
  const app = apiApp({
    backend,
    now: () => NOW_MS,
    build: {
      version: '3.14.0',
      revision: 'thaw',
      branch: 'HEAD',
      buildUser: '',
      buildDate: '',
      goVersion: '',
    },
    startedMs: NOW_MS,
    engine: DEFAULT_ENGINE_OPTIONS,
    scope: DEFAULT_SCOPE,
    limits: DEFAULT_LIMITS,
    ...parts,
  })
  return { app, asked }
}

const NO_CARDINALITY: Cardinality = {
  seriesCount: 0,
  chunkCount: 0,
  labelPairCount: 0,
  minTimeMs: undefined,
  maxTimeMs: undefined,
  seriesByMetric: [],
  valuesByLabel: [],
  bytesByLabel: [],
  seriesByPair: [],
  warnings: [],
}

/** Answers nothing, ever. */
export function hangingBackend(): QueryBackend {
  const never = (): Promise<never> => new Promise(() => {})
  return {
    query: never,
    labelNames: never,
    labelValues: never,
    series: never,
    select: never,
    cardinality: never,
    blocks: never,
  }
}

export function form(text: string, method = 'POST'): RequestInit {
  return { method, body: text, headers: { 'content-type': 'application/x-www-form-urlencoded' } }
}
