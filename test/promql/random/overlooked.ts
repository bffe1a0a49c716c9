/** Whether Prometheus goes on where two series have equal labels, so that thaw is right to refuse. */
import type { Expr } from '#lib/promql/parse/ast.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { visit } from '#lib/promql/parse/walk.ts'
import type { EngineOptions } from '#lib/promql/options.ts'
import type { ApiAnswer, Ask } from '#test/e2e/support/ask.ts'
import type { RandomQuery } from './generate.ts'
import { isEqualLabelset } from './rules.ts'
import { DELAYED_NAME_REMOVAL } from './thaw.ts'

/** What Prometheus says of a series with both kinds where one evaluation stands for all steps. */
const BOTH_PINNED = 'unexpected number of samples'

/** See KINDS_TOGETHER and EQUAL_INSIDE. */
export async function isOverlooked(
  { params }: RandomQuery,
  answer: ApiAnswer,
  oracle: Ask,
  features: EngineOptions['features'],
): Promise<boolean> {
  if (answer.error === BOTH_PINNED) return true
  const { query } = params
  const delayed = features.has(DELAYED_NAME_REMOVAL)
  // As a range, so that a series can show both kinds.
  const { time = '', start = time, end = time, step = '1' } = params
  const shows = async (part: string): Promise<boolean> =>
    showsBothKinds(await oracle('query_range', { query: part, start, end, step }))
  if (delayed && Number(start) === Number(end)) {
    for (const part of partsOf(query, features, isUnchecked)) {
      const alone = await oracle('query', { query: part, time: start })
      if (isEqualLabelset(alone) || (await shows(part))) return true
    }
  }
  const parts = partsOf(query, features, mergesSeries)
  for (const part of delayed ? [query, ...parts] : parts) {
    if (await shows(part)) return true
  }
  return false
}

function partsOf(
  query: string,
  features: EngineOptions['features'],
  wanted: (node: Expr) => boolean,
): string[] {
  const parts: string[] = []
  visit(parseExpr(query, { features }), (node) => {
    if (wanted(node)) parts.push(query.slice(node.position.start, node.position.end))
  })
  return parts
}

function isUnchecked(node: Expr): boolean {
  return node.type === 'binary' || (node.type === 'call' && node.func === 'histogram_quantiles')
}

function mergesSeries(node: Expr): boolean {
  if (node.type === 'call') return /^label_(join|replace)$/.test(node.func)
  return node.type === 'unary' && node.op === '-'
}

function showsBothKinds({ data }: ApiAnswer): boolean {
  interface Series {
    readonly values?: readonly (readonly [number, string])[]
    readonly histograms?: readonly (readonly [number, object])[]
  }
  const { resultType, result } = (data ?? {}) as { resultType?: string; result?: readonly Series[] }
  if (resultType !== 'matrix') return false
  return result!.some(({ values = [], histograms = [] }) => {
    const times = new Set(values.map(([time]) => time))
    return histograms.some(([time]) => times.has(time))
  })
}
