/** format_query and parse_query: what can be said of an expression without reading samples. */
import { astToJson, type Json } from '#lib/promql/parse/ast-json.ts'
import { prettyPrint } from '#lib/promql/parse/print.ts'
import { dataAnswer, type Answer } from './answer.ts'
import type { Call } from './call.ts'
import { parseQueryText } from './expression.ts'

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
