/** How the memory of a process is shared out: what threads take anyhow, caches, and queries that run at one time. */
import { DomainError } from '#lib/model/errors.ts'
import type { QueryLimits } from '#lib/promql/query-limits.ts'

export interface MemoryNeeds {
  /** Bytes that the process may have in all. */
  readonly limitBytes: number
  /** Threads for slices besides the main one. */
  readonly workers: number
  readonly compact: boolean
  readonly rule: boolean
}

export interface MemoryPlan {
  /** Of all threads together: blocks that are read again and again. */
  readonly cacheBytes: number
  /** Answers that are kept. */
  readonly keptBytes: number
  readonly ruleCacheBytes: number
  /** Requests for data that run at one time, of all tenants; the others wait. */
  readonly concurrency: number
  /** What one query may take, as limits of queries. */
  readonly query: Pick<QueryLimits, 'maxBytes' | 'maxSamples' | 'maxSeries'>
  /** Of an answer before compression. */
  readonly maxAnswerBytes: number
  /** Of the heap of each thread, in MiB. */
  readonly threadHeapMiB: number
  /** From here on requests are refused. */
  readonly refuseBytes: number
}

const MiB = 1024 * 1024

/** Program, HTTP server and heap of the main thread at rest, with what garbage collection leaves for a while. */
const MAIN_BYTES = 150 * MiB
/** The same of a thread for slices. */
const WORKER_BYTES = 50 * MiB
/** A job streams its blocks, whatever their size. */
const COMPACT_BYTES = 200 * MiB
const RULE_BYTES = 100 * MiB
/** A query that may take less than this is refused too often. */
const LEAST_QUERY_BYTES = 48 * MiB
const MOST_CONCURRENCY = 20
const MOST_CACHE_BYTES = 1024 * MiB

/** A float with its time, the columns that it is joined and written from, and its text. */
const SAMPLE_BYTES = 48
/** Labels, and what is found and merged of them. */
const SERIES_BYTES = 1024

/** Throws 'invalid' where nothing is left for queries. */
export function planMemory({ limitBytes, workers, compact, rule }: MemoryNeeds): MemoryPlan {
  const fixed =
    MAIN_BYTES + workers * WORKER_BYTES + (compact ? COMPACT_BYTES : 0) + (rule ? RULE_BYTES : 0)
  // Refused is before the limit: requests that run go on growing.
  const refuseBytes = Math.floor(limitBytes * 0.9)
  const rest = refuseBytes - fixed
  const least = Math.ceil((fixed + 2 * LEAST_QUERY_BYTES) / 0.9 / MiB)
  if (rest < 2 * LEAST_QUERY_BYTES) {
    throw new DomainError(
      'invalid',
      `--memory.limit: ${Math.floor(limitBytes / MiB)}MiB are too little for what is to run here, give ${least}MiB, or fewer --query.workers`,
    )
  }
  const cacheBytes = Math.min(Math.floor(rest / 4), MOST_CACHE_BYTES)
  const keptBytes = Math.min(Math.floor(rest / 16), 64 * MiB)
  const ruleCacheBytes = rule ? Math.min(Math.floor(rest / 16), 256 * MiB) : 0
  const forQueries = rest - cacheBytes - keptBytes - ruleCacheBytes
  // With more memory both grow: how many run, and what each may take.
  const places = Math.floor(Math.sqrt(forQueries / LEAST_QUERY_BYTES))
  const concurrency = Math.min(Math.max(1, places), MOST_CONCURRENCY)
  const each = forQueries / concurrency
  return {
    cacheBytes,
    keptBytes,
    ruleCacheBytes,
    concurrency,
    query: {
      // As chunks are read, then decoded, then joined: not all at the same time at their most.
      maxBytes: Math.floor(each / 2),
      maxSamples: Math.floor(each / SAMPLE_BYTES),
      maxSeries: Math.floor(each / SERIES_BYTES),
    },
    maxAnswerBytes: Math.floor(each / 4),
    threadHeapMiB: Math.max(64, Math.floor(rest / 2 / MiB)),
    refuseBytes,
  }
}

/** The tighter of both; 0 is no limit. */
export function tighter(limits: QueryLimits, { query }: Pick<MemoryPlan, 'query'>): QueryLimits {
  const least = (a: number, b: number): number => (a === 0 ? b : Math.min(a, b))
  return {
    ...limits,
    maxBytes: least(limits.maxBytes, query.maxBytes),
    maxSamples: least(limits.maxSamples, query.maxSamples),
    maxSeries: least(limits.maxSeries, query.maxSeries),
  }
}
