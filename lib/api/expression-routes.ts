/** format_query, parse_query and query_exemplars: what can be said of an expression without reading samples. */
import { DomainError } from '#lib/model/errors.ts'
import { astToJson, type Json } from '#lib/promql/parse/ast-json.ts'
import { prettyPrint } from '#lib/promql/parse/print.ts'
import { findSelectors } from '#lib/promql/parse/walk.ts'
import { dataAnswer, NO_CONTENT, type Answer } from './answer.ts'
import { optionalTime, type Call } from './call.ts'
import { parseExpression, parseQueryText } from './expression.ts'

export function formatQuery({ form, parts }: Call): Answer {
  return dataAnswer(prettyPrint(parseQueryText(form.get('query'), parts.engine.features)))
}

export function parseQuery({ form, parts }: Call): Answer {
  const tree = astToJson(parseQueryText(form.get('query'), parts.engine.features))
  return dataAnswer(withSortedKeys(tree))
}

/** Prometheus builds the tree of maps, and its encoder writes the keys of maps in order. */
function withSortedKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(withSortedKeys)
  if (value === null || typeof value !== 'object') return value
  const sorted: Record<string, Json> = {}
  for (const [key, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    sorted[key] = withSortedKeys(member)
  }
  return sorted
}

/** thaw's blocks hold no exemplars. An empty list, and not an error, keeps Grafana's exemplar switch usable. */
export function queryExemplars(call: Call): Answer {
  const startMs = optionalTime(call, 'start', -Infinity)
  const endMs = optionalTime(call, 'end', Infinity)
  if (endMs < startMs) {
    throw new DomainError('invalid', 'end timestamp must not be before start timestamp')
  }
  const expr = parseExpression(call.form.get('query'), call.parts.engine.features)
  return findSelectors(expr).length > 0 ? dataAnswer([]) : NO_CONTENT
}
