/** Which answers have an order that counts, and what of it. */
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { unwrapParens } from '#lib/promql/plan/expr-facts.ts'
import type { ApiAnswer } from '#test/e2e/support/ask.ts'
import type { RandomQuery } from './generate.ts'
import { comparesBothWays } from './rules.ts'
import { DELAYED_NAME_REMOVAL, FEATURES } from './thaw.ts'

/** `series`: each has its place. `values`: each value has; series of equal values may change places. */
export type Order = 'series' | 'values' | 'none'

export function orderOf({ path, params }: RandomQuery, answer: ApiAnswer): Order {
  if (path !== 'query' || answer.status === 'error') return 'none'
  const features = new Set([...FEATURES, DELAYED_NAME_REMOVAL])
  const root = unwrapParens(parseExpr(params.query, { features }))
  if (root.type === 'aggregation') {
    const picks = root.op === 'topk' || root.op === 'bottomk'
    return picks && !root.without && root.grouping.length === 0 ? 'values' : 'none'
  }
  if (root.type !== 'call') return 'none'
  switch (root.func) {
    case 'sort':
    case 'sort_desc':
      return 'values'
    case 'sort_by_label':
    case 'sort_by_label_desc': {
      const names = root.args.slice(1).map((arg) => (arg.type === 'string' ? arg.value : ''))
      return comparesBothWays(names, labelsOf(answer)) ? 'none' : 'series'
    }
    default:
      return 'none'
  }
}

function labelsOf({ data }: ApiAnswer): readonly Readonly<Record<string, string>>[] {
  const { result = [] } = (data ?? {}) as {
    result?: readonly { readonly metric: Readonly<Record<string, string>> }[]
  }
  return result.map(({ metric }) => metric)
}
