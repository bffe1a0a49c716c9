/** One entry for each query, answered or not, for the log of whoever runs the server. */
import type { QueryAnswer } from '#lib/promql/backend.ts'
import type { StepGrid } from '#lib/promql/result.ts'
import { describeCost } from './query-cost.ts'
import { errorMessage, errorStatus } from './status.ts'

export interface QueryLogEntry {
  readonly query: string
  readonly tenant: string
  /** Id of the caller's token, where there is a door. */
  readonly token?: string | undefined
  /** Of the first and last step, as ISO 8601; a step of 0 is an instant query. */
  readonly start: string
  readonly end: string
  readonly stepSeconds: number
  readonly seconds: number
  /** Of them in the queue. */
  readonly queueSeconds: number
  /** Longer than `--query-frontend.log-queries-longer-than`, where that is set. */
  readonly slow: boolean
  readonly status: number
  readonly error?: string | undefined
  readonly warnings?: number | undefined
  readonly samples?: number | undefined
  readonly series?: number | undefined
  readonly cost?: Readonly<Record<string, number | boolean>> | undefined
}

export interface QueryLog {
  readonly write: (entry: QueryLogEntry) => void
  /** 0: no query is slow. */
  readonly slowMs: number
}

export interface LoggedQuery {
  readonly text: string
  readonly tenant: string
  readonly token?: string | undefined
  readonly grid: StepGrid
  readonly milliseconds: number
  readonly queueMs: number
}

export function logAnswer(
  log: QueryLog | undefined,
  query: LoggedQuery,
  answer: QueryAnswer,
): void {
  log?.write({
    ...entryOf(log, query),
    status: 200,
    warnings: answer.warnings.length,
    samples: answer.stats.samplesRead,
    series: answer.stats.seriesRead,
    cost: describeCost(answer.cost),
  })
}

export function logFailure(log: QueryLog | undefined, query: LoggedQuery, error: unknown): void {
  const { status } = errorStatus(error)
  log?.write({ ...entryOf(log, query), status, error: errorMessage(error) })
}

function entryOf(
  { slowMs }: QueryLog,
  { text, tenant, token, grid, milliseconds, queueMs }: LoggedQuery,
): Omit<QueryLogEntry, 'status'> {
  const endMs = grid.startMs + (grid.stepCount - 1) * grid.stepMs
  return {
    query: text,
    tenant,
    ...(token !== undefined && { token }),
    start: isoTime(grid.startMs),
    end: isoTime(endMs),
    stepSeconds: grid.stepMs / 1000,
    seconds: milliseconds / 1000,
    queueSeconds: queueMs / 1000,
    slow: slowMs > 0 && milliseconds > slowMs,
  }
}

/** A time that no calendar has is shown in milliseconds. */
function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}
