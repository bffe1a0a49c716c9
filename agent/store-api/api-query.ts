/** Parameters of Prometheus's HTTP API. */
import { quoteGo } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'

export interface ApiQuery {
  readonly matchers?: readonly Matcher[]
  /** Milliseconds, closed interval. */
  readonly start?: number
  readonly end?: number
  /** 0 for none. */
  readonly limit?: number
}

export function apiQuery({ matchers = [], start, end, limit = 0 }: ApiQuery): URLSearchParams {
  const query = new URLSearchParams()
  if (matchers.length > 0) query.set('match[]', selectorText(matchers))
  if (start !== undefined) query.set('start', seconds(start))
  if (end !== undefined) query.set('end', seconds(end))
  if (limit > 0) query.set('limit', String(limit))
  return query
}

/** `{__name__="up",job=~"a|b"}` */
export function selectorText(matchers: readonly Matcher[]): string {
  const texts = matchers.map(({ name, type, value }) => `${nameText(name)}${type}${quoteGo(value)}`)
  return `{${texts.join(',')}}`
}

/** Names of other characters are quoted, which Prometheus understands from 3.0 on. */
function nameText(name: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quoteGo(name)
}

/** A time that Prometheus reads; what is beyond all of its times becomes the first or the last. */
function seconds(ms: number): string {
  const { MIN_SAFE_INTEGER, MAX_SAFE_INTEGER } = Number
  return String(Math.min(Math.max(ms, MIN_SAFE_INTEGER), MAX_SAFE_INTEGER) / 1000)
}
