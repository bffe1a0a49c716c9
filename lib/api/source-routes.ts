/** query_exemplars and metadata: what sources know beside samples. */
import { DomainError } from '#lib/model/errors.ts'
import { findSelectors } from '#lib/promql/parse/walk.ts'
import { askExemplars, askMetadata } from '#lib/storage/ask-sources.ts'
import type { ExemplarSeries } from '#lib/storage/exemplars.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Source, Told } from '#lib/storage/source.ts'
import { cappedWarnings } from './annotations.ts'
import { jsonAnswer, NO_CONTENT, type Answer } from './answer.ts'
import { optionalTime, timeoutMs, type Call } from './call.ts'
import { withDeadline } from '#lib/promql/deadline.ts'
import { parseExpression } from './expression.ts'
import { JsonBytes, NUMBER_ROOM } from './json-bytes.ts'
import { optionalNumber } from './params.ts'
import { costHeaders } from './query-cost.ts'
import { readScope } from './scope-params.ts'
import { documentAnswer } from './write-document.ts'
import { writeLabels, writeStrings } from './write-labels.ts'

/** Asks all sources of a call, for as long as it may take. */
export async function askSources<Request, T>(
  call: Call,
  request: Request,
  ask: (
    sources: readonly Source[],
    request: Request,
    scope: Scope,
    signal: AbortSignal,
  ) => Promise<Told<T>>,
): Promise<Told<T>> {
  const scope = readScope(call, 0)
  return await withDeadline(timeoutMs(call), call.client, async (signal) =>
    ask((await call.parts.sources?.()) ?? [], request, scope, signal),
  )
}

/** An empty list, and not an error, keeps Grafana's exemplar switch usable where there are none. */
export async function queryExemplars(call: Call): Promise<Answer> {
  const startMs = optionalTime(call, 'start', -Infinity)
  const endMs = optionalTime(call, 'end', Infinity)
  if (endMs < startMs) {
    throw new DomainError('invalid', 'end timestamp must not be before start timestamp')
  }
  const expr = parseExpression(call.form.get('query'), call.parts.engine.features)
  const matcherSets = findSelectors(expr).map(({ selector }) => selector.matchers)
  if (matcherSets.length === 0) return NO_CONTENT
  const told = await askSources(call, { matcherSets, startMs, endMs }, askExemplars)
  const body = writeExemplarsAnswer(told, call.parts.limits.maxAnswerBytes)
  return { ...jsonAnswer(body, told.warnings.length === 0), headers: headersOf(told) }
}

function headersOf({ cost }: Told<unknown>): Answer['headers'] {
  return cost && costHeaders(cost)
}

function writeExemplarsAnswer(
  { value: series, warnings }: Told<readonly ExemplarSeries[]>,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const out = new JsonBytes(maxBytes)
  out.ascii('{"status":"success","data":[')
  for (const [i, { labels, exemplars }] of series.entries()) {
    out.ascii(i > 0 ? ',{"seriesLabels":' : '{"seriesLabels":')
    writeLabels(out, labels)
    for (const [j, exemplar] of exemplars.entries()) {
      out.ascii(j > 0 ? ',{"labels":' : ',"exemplars":[{"labels":')
      writeLabels(out, exemplar.labels)
      out.reserve(2 * NUMBER_ROOM + 24)
      out.rawAscii(',"value":')
      out.rawQuotedFloat(exemplar.value)
      out.rawAscii(',"timestamp":')
      out.rawTimestamp(exemplar.timestampMs)
      out.rawAscii('}')
    }
    out.ascii(']}')
  }
  out.ascii(']')
  writeStrings(out, 'warnings', cappedWarnings(warnings))
  out.ascii('}')
  return out.bytes()
}

export async function metadata(call: Call): Promise<Answer> {
  const { form, parts } = call
  const limit = optionalNumber(form.get('limit'), 'limit')
  const limitPerMetric = optionalNumber(form.get('limit_per_metric'), 'limit_per_metric')
  const metric = form.get('metric') || undefined
  const told = await askSources(call, { metric, limit, limitPerMetric }, askMetadata)
  const data = new Map(
    [...told.value].map(([name, entries]) => [
      name,
      entries.map(({ type, unit, help }) => ({ type, unit, help })),
    ]),
  )
  const answer = documentAnswer(data, told.warnings, parts.limits.maxAnswerBytes)
  return { ...answer, headers: headersOf(told) }
}
