/** Thanos's deletion requests: which series lose which times. */
import { parse } from 'yaml'
import { DomainError } from '#lib/model/errors.ts'
import { type Labels, labelValue } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { parseMetricSelector } from '#lib/promql/parse/parse.ts'
import { type CompiledMatcher, compileMatcher } from '#lib/regex/matcher.ts'
import type { Interval } from '#lib/tsdb/chunk/columns.ts'

export interface DeletionRequest {
  readonly matchers: readonly Matcher[]
  /** None: the whole series. */
  readonly intervals: readonly Interval[]
  readonly requestId: string
}

const FIELDS = new Set(['matchers', 'intervals', 'request_id'])

/** A list of `{matchers: '{job="a"}', intervals: [{mint: 0, maxt: 10}]}`, times in ms, both included. Throws `invalid`. */
export function parseDeletionRequests(yaml: string, where: string): readonly DeletionRequest[] {
  try {
    const list: unknown = parse(yaml)
    if (list === null || list === undefined) return []
    if (!Array.isArray(list)) throw invalid('write a list of requests')
    return (list as unknown[]).map(requestOf)
  } catch (cause) {
    throw new DomainError('invalid', `${where}: ${(cause as Error).message}`, { cause })
  }
}

function requestOf(value: unknown): DeletionRequest {
  const fields = mapOf(value, 'a request')
  const unknown = Object.keys(fields).find((name) => !FIELDS.has(name))
  if (unknown !== undefined) throw invalid(`there is no field ${unknown}`)
  const text = fields['matchers']
  if (typeof text !== 'string') throw invalid(`write matchers as a selector such as '{job="a"}'`)
  const intervals = fields['intervals'] ?? []
  if (!Array.isArray(intervals)) throw invalid('write intervals as a list')
  return {
    matchers: parseMetricSelector(text),
    intervals: (intervals as unknown[]).map(intervalOf),
    requestId: requestIdOf(fields['request_id'] ?? ''),
  }
}

function requestIdOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw invalid('request_id is no text')
}

function intervalOf(value: unknown): Interval {
  const { mint, maxt } = mapOf(value, 'an interval')
  const isTime = (time: unknown): time is number => Number.isSafeInteger(time)
  if (!isTime(mint) || !isTime(maxt) || mint > maxt) {
    throw invalid('an interval has mint and maxt in milliseconds, mint not above maxt')
  }
  return { minTimeMs: mint, maxTimeMs: maxt }
}

/** As in the `rewrites` of a block's meta.json, where Go wrote its own structures. */
export function deletionRequestToJson(request: DeletionRequest): Record<string, unknown> {
  const { matchers, intervals, requestId } = request
  return {
    matchers: matchers.map(({ type, name, value }) => ({
      Type: MATCH_TYPES.indexOf(type),
      Name: name,
      Value: value,
    })),
    ...(intervals.length > 0 && {
      intervals: intervals.map(({ minTimeMs, maxTimeMs }) => ({
        Mint: minTimeMs,
        Maxt: maxTimeMs,
      })),
    }),
    ...(requestId !== '' && { request_id: requestId }),
  }
}

const MATCH_TYPES = ['=', '!=', '=~', '!~']

/** What a series loses: all of it, or these times, ascending and apart from each other. */
export type Deletions = (labels: Labels) => 'all' | readonly Interval[]

const NOTHING: readonly Interval[] = []

/** As Thanos does, a matcher says nothing of a series that does not have its label. */
export function deletionsOf(requests: readonly DeletionRequest[]): Deletions {
  const compiled = requests.map(({ matchers, intervals }) => ({
    matchers: matchers.map(compileMatcher),
    intervals,
  }))
  return (labels) => {
    let found: readonly Interval[] = NOTHING
    for (const { matchers, intervals } of compiled) {
      if (!matchers.every((matcher) => selects(matcher, labels))) continue
      if (intervals.length === 0) return 'all'
      found = [...found, ...intervals]
    }
    return found.length < 2 ? found : joinIntervals(found)
  }
}

function selects({ name, matches }: CompiledMatcher, labels: Labels): boolean {
  const value = labelValue(labels, name)
  return value !== '' && matches(value)
}

/** Ascending, those that touch or overlap made one. */
export function joinIntervals(intervals: readonly Interval[]): readonly Interval[] {
  const apart: Interval[] = []
  for (const next of intervals.toSorted((a, b) => a.minTimeMs - b.minTimeMs)) {
    const last = apart.at(-1)
    if (!last || next.minTimeMs > last.maxTimeMs + 1) apart.push(next)
    else {
      const maxTimeMs = Math.max(last.maxTimeMs, next.maxTimeMs)
      apart[apart.length - 1] = { minTimeMs: last.minTimeMs, maxTimeMs }
    }
  }
  return apart
}

function mapOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw invalid(`write ${what} as a map`)
}

function invalid(message: string): DomainError {
  return new DomainError('invalid', message)
}
