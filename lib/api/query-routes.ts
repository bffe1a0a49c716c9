/** query and query_range: parameters to a grid and a scope, the backend's columns to JSON. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'
import type { CoarserBlocks, Scope } from '#lib/promql/backend.ts'
import type { EngineOptions } from '#lib/promql/options.ts'
import type { Expr } from '#lib/promql/parse/ast.ts'
import { describeType } from '#lib/promql/parse/check.ts'
import { typeOf } from '#lib/promql/parse/type.ts'
import type { StepGrid } from '#lib/promql/result.ts'
import { describeAnalysis } from './analysis.ts'
import { jsonAnswer, type Answer } from './answer.ts'
import { costHeaders, describeStats } from './query-cost.ts'
import { logAnswer, logFailure } from './query-log.ts'
import { cappedInfos, cappedWarnings, TRUNCATED } from './annotations.ts'
import { limitParam, optionalTime, requiredTime, timeoutMs, withParam, type Call } from './call.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import { parseQueryText } from './expression.ts'
import { invalidParam, parseDuration } from './params.ts'
import { isTruncated, writeQueryAnswer } from './write-json.ts'
import { dynamicLookbackMs, readQueryScope } from './scope-params.ts'

const MAX_POINTS = 11_000

/** Thanos's query UI leaves the step out and means about this many points. */
const DEFAULT_POINTS = 250

export async function queryInstant(call: Call): Promise<Answer> {
  return await answerQuery(call, instantForm(call))
}

export async function queryRange(call: Call): Promise<Answer> {
  return await answerQuery(call, rangeForm(call))
}

export interface QueryForm {
  readonly grid: StepGrid
  readonly limit: number
  readonly timeout: number
  readonly range: boolean
}

export function instantForm(call: Call): QueryForm {
  const limit = limitParam(call)
  const timeMs = optionalTime(call, 'time', call.parts.now())
  const timeout = timeoutMs(call)
  const grid: StepGrid = { startMs: timeMs, stepMs: 0, stepCount: 1 }
  return { grid, limit, timeout, range: false }
}

export function rangeForm(call: Call): QueryForm {
  const limit = limitParam(call)
  const startMs = requiredTime(call, 'start')
  const endMs = requiredTime(call, 'end')
  if (endMs < startMs) {
    throw invalidParam('end', 'end timestamp must not be before start time')
  }
  const exactStepMs = readStep(call, endMs - startMs)
  const stepMs = Math.floor(exactStepMs)
  // Below a millisecond Prometheus divides by zero.
  if (stepMs <= 0) {
    throw invalidParam(
      'step',
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    )
  }
  if (endMs - startMs >= (MAX_POINTS + 1) * exactStepMs) {
    throw new DomainError(
      'invalid',
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    )
  }
  const timeout = timeoutMs(call)
  const stepCount = Math.floor((endMs - startMs) / stepMs) + 1
  return {
    grid: {
      startMs,
      stepMs,
      stepCount,
      ...((endMs - startMs) % stepMs === 0 ? {} : { endMs }),
    },
    limit,
    timeout,
    range: true,
  }
}

function readStep({ form, parts }: Call, rangeMs: number): number {
  const text = form.get('step')
  const { defaultStepMs } = parts.limits
  if (text === '' && defaultStepMs !== undefined) {
    const seconds = Math.floor(Math.floor(rangeMs / 1000) / DEFAULT_POINTS)
    return Math.max(seconds * 1000, defaultStepMs)
  }
  return withParam('step', () => parseDuration(text))
}

export interface PreparedQuery {
  readonly text: string
  readonly expr: Expr
  readonly scope: Scope
  readonly options: EngineOptions
  readonly coarser: readonly CoarserBlocks[]
}

export function prepareQuery(call: Call, { grid, range }: QueryForm): PreparedQuery {
  const { form, parts } = call
  const lookback = readLookback(call)
  const scope = readQueryScope(call, grid.stepMs)
  const text = form.get('query')
  const expr = parseQueryText(text, parts.engine.features)
  const type = typeOf(expr)
  if (range && type !== 'vector' && type !== 'scalar') {
    throw invalidParam(
      'query',
      `invalid expression type ${quoteGo(describeType(type))} for range query, must be Scalar or instant Vector`,
    )
  }
  const lookbackFor = (maxSourceResolutionMs: number): number =>
    lookback ?? dynamicLookbackMs(parts.engine.lookbackMs, maxSourceResolutionMs)
  const options = { ...parts.engine, lookbackMs: lookbackFor(scope.maxSourceResolutionMs) }
  const fallsBack =
    range && parts.scope.requestDownsampled && form.get('max_source_resolution') === 'auto'
  const coarser = DOWNSAMPLED_MS.filter((ms) => fallsBack && ms > scope.maxSourceResolutionMs).map(
    (ms) => ({ maxSourceResolutionMs: ms, lookbackMs: lookbackFor(ms) }),
  )
  return { text, expr, scope, options, coarser }
}

/** The resolutions Thanos's compactor makes. */
const DOWNSAMPLED_MS = [300_000, 3_600_000]

async function answerQuery(call: Call, query: QueryForm): Promise<Answer> {
  const { form, parts } = call
  const { grid, limit, timeout, range } = query
  const startedMs = parts.now()
  const { text, scope, options, coarser } = prepareQuery(call, query)
  const analyze = ['true', '1'].includes(form.get('analyze'))
  const preparedMs = parts.now()
  let begunMs = preparedMs
  const logged = () => ({
    text,
    tenant: call.tenant,
    token: call.caller?.id,
    grid,
    milliseconds: parts.now() - startedMs,
    queueMs: begunMs - preparedMs,
  })
  const run = (signal: AbortSignal) => {
    begunMs = parts.now()
    const request = { text, grid, scope, options, coarser, ...(analyze && { analyze }) }
    return parts.backend.query(request, signal).catch(blameQuery)
  }
  const queue = parts.queue && ((signal: AbortSignal) => parts.queue!.enter(call.tenant, signal))
  const answer = await withDeadline(timeout, call.client, run, queue).catch((error: unknown) => {
    logFailure(parts.queryLog, logged(), error)
    throw error
  })
  const doneMs = parts.now()
  logAnswer(parts.queryLog, logged(), answer)

  const statsParam = form.get('stats')
  const warnings = [
    ...answer.warnings,
    ...(isTruncated(answer, limit) ? [TRUNCATED] : []),
    ...statsWarning(statsParam),
    ...answer.annotations.warnings,
  ]
  const timings = {
    prepareSeconds: (preparedMs - startedMs) / 1000,
    queueSeconds: (begunMs - preparedMs) / 1000,
    evalSeconds: (doneMs - begunMs) / 1000,
  }
  const body = writeQueryAnswer(answer, {
    range,
    limit,
    warnings: cappedWarnings(warnings),
    infos: cappedInfos(answer.annotations.infos),
    maxBytes: parts.limits.maxAnswerBytes,
    pieceBytes: parts.limits.pieceBytes,
    ...(statsParam === '' ? {} : { stats: describeStats(answer, timings) }),
    ...(answer.analysis && { analysis: describeAnalysis(answer.analysis) }),
  })
  const headers = costHeaders(answer.cost)
  return { ...jsonAnswer(body, answer.warnings.length === 0), headers }
}

/** A duration that comes out wrong is only found when the times are known; its message starts with a place in the query. */
function blameQuery(error: unknown): never {
  if (
    error instanceof DomainError &&
    error.kind === 'invalid' &&
    /^\d+:\d+: /.test(error.message)
  ) {
    throw invalidParam('query', error.message)
  }
  throw error
}

function readLookback(call: Call): number | undefined {
  const text = call.form.get('lookback_delta')
  if (text === '') return undefined
  try {
    const ms = parseDuration(text)
    // What is not positive means the default, as in Prometheus.
    return ms > 0 ? ms : undefined
  } catch (error) {
    if (error instanceof DomainError && error.kind === 'invalid') {
      throw new DomainError('invalid', `error parsing lookback delta duration: ${error.message}`)
    }
    throw error
  }
}

function statsWarning(value: string): string[] {
  if (value === '' || value === 'true' || value === 'all') return []
  return [
    `value ${quoteGo(value)} for parameter "stats" is deprecated and will be rejected in the next major release, use "true" or "all"`,
  ]
}
