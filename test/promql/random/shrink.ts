/** Makes a query that shows a difference smaller while it still shows one. */
import { type Expr, type ValueType } from '#lib/promql/parse/ast.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { typeOf } from '#lib/promql/parse/type.ts'
import { visit } from '#lib/promql/parse/walk.ts'
import type { EngineOptions } from '#lib/promql/options.ts'

const MAX_TRIES = 120

export async function shrink(
  query: string,
  features: EngineOptions['features'],
  stillDiffers: (query: string) => Promise<boolean>,
): Promise<string> {
  let smallest = query
  let tries = 0
  for (;;) {
    let better: string | undefined
    for (const candidate of candidates(smallest, features)) {
      if (tries++ >= MAX_TRIES) return smallest
      if (await stillDiffers(candidate)) {
        better = candidate
        break
      }
    }
    if (better === undefined) return smallest
    smallest = better
  }
}

/** Shorter queries, shortest first: a part alone, or a part in the place of what it is in. */
function candidates(query: string, features: EngineOptions['features']): string[] {
  const nodes: { start: number; end: number; type: ValueType }[] = []
  let root: Expr
  try {
    root = parseExpr(query, { features })
  } catch {
    return []
  }
  visit(root, (node) => nodes.push({ ...node.position, type: typeOf(node) }))
  const found = new Set<string>()
  for (const outer of nodes) {
    for (const inner of nodes) {
      const within = inner.start >= outer.start && inner.end <= outer.end
      if (
        !within ||
        inner.type !== outer.type ||
        inner.end - inner.start === outer.end - outer.start
      ) {
        continue
      }
      const part = query.slice(inner.start, inner.end)
      found.add(query.slice(0, outer.start) + part + query.slice(outer.end))
    }
    if (outer.type !== 'string') found.add(query.slice(outer.start, outer.end))
  }
  for (const simpler of [
    / offset [^()\s,]+/,
    / @ [^\s,)]+/,
    /\{[^{}]*\}/,
    / (by|without) \([^()]*\)/,
  ]) {
    const text = query.replace(simpler, '')
    if (text !== query) found.add(text)
  }
  found.delete(query)
  return [...found]
    .filter((text) => text.length < query.length && valid(text, features))
    .sort((a, b) => a.length - b.length)
}

function valid(query: string, features: EngineOptions['features']): boolean {
  try {
    parseExpr(query, { features })
    return true
  } catch {
    return false
  }
}
