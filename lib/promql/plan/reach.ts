/** Which samples each selector of an expression needs, and what a storage is told about it. */
import type { ClosedInterval, SelectHints, SelectRequest } from '#lib/storage/storage.ts'
import type { Expr, Subquery, VectorSelector } from '../parse/ast.ts'
import type { EngineOptions } from '../options.ts'
import type { StepGrid } from '../result.ts'

export interface SelectorReach {
  readonly selector: VectorSelector
  readonly request: SelectRequest
}

interface AskedReach extends SelectorReach {
  readonly asked: ClosedInterval
}

/** Evaluation times [startMs, endMs] of a subexpression, and what is above it. */
interface Scope {
  readonly startMs: number
  readonly endMs: number
  /** The same as Prometheus has it: not aligned to the steps of subqueries, to the end that was asked for. */
  readonly asked: ClosedInterval
  readonly stepMs: number
  readonly func: string
  readonly grouping: readonly string[]
  readonly by: boolean
}

/** `expr` must be resolved. In the order of the query's text. */
export function selectorReaches(
  expr: Expr,
  grid: StepGrid,
  options: EngineOptions,
): readonly SelectorReach[] {
  const reaches: AskedReach[] = []
  const { startMs } = grid
  const endMs = startMs + (grid.stepCount - 1) * grid.stepMs
  collect(expr, {
    startMs,
    endMs,
    asked: { startMs, endMs: grid.endMs ?? endMs },
    stepMs: grid.stepMs,
    func: '',
    grouping: [],
    by: false,
  })
  const query = {
    startMs: Math.min(...reaches.map(({ asked }) => asked.startMs)),
    endMs: Math.max(...reaches.map(({ asked }) => asked.endMs)),
  }
  return reaches.map(({ selector, request, asked }) => {
    const hints = { ...request.hints, asked: { selector: asked, query } }
    return { selector, request: { ...request, hints } }
  })

  function collect(node: Expr, scope: Scope): void {
    switch (node.type) {
      case 'number':
      case 'string':
        return
      case 'vector':
        reaches.push(reachOf(node, 0, scope, options))
        return
      case 'matrix':
        reaches.push(reachOf(node.selector, node.range.ms, scope, options))
        return
      case 'subquery':
        collect(node.input, subqueryScope(node, scope))
        return
      case 'aggregation': {
        const inner = {
          ...scope,
          func: node.op,
          grouping: node.grouping,
          by: !node.without,
        }
        if (node.param) collect(node.param, inner)
        collect(node.input, inner)
        return
      }
      case 'call':
        for (const [index, arg] of node.args.entries()) {
          // The second argument of info() only looks like a selector.
          if (node.func === 'info' && index > 0) continue
          collect(arg, { ...scope, func: node.func, grouping: [], by: false })
        }
        return
      case 'binary':
        for (const side of [node.left, node.right]) {
          collect(side, { ...scope, func: '', grouping: [], by: false })
        }
        return
      case 'unary':
      case 'paren':
        // Grouping is only told for what is directly inside an aggregation.
        collect(node.input, { ...scope, grouping: [], by: false })
        return
      default:
        return node satisfies never
    }
  }
}

function atMs(node: VectorSelector | Subquery): number | undefined {
  if (!node.at) return undefined
  if (node.at.type !== 'timestamp') throw new Error('bug: unresolved @ modifier')
  return node.at.ms
}

function subqueryScope(subquery: Subquery, scope: Scope): Scope {
  const at = atMs(subquery)
  const grid = subqueryGrid(subquery, at ?? scope.startMs, at ?? scope.endMs)
  return {
    ...scope,
    startMs: grid.startMs,
    endMs: grid.startMs + Math.max(0, grid.stepCount - 1) * grid.stepMs,
    asked: {
      startMs: (at ?? scope.asked.startMs) - subquery.offset.ms - subquery.range.ms,
      endMs: (at ?? scope.asked.endMs) - subquery.offset.ms,
    },
    stepMs: grid.stepMs,
    grouping: [],
    by: false,
  }
}

/** The multiples of the subquery's step in (first − range, last], both moved by the offset. */
export function subqueryGrid(subquery: Subquery, firstMs: number, lastMs: number): StepGrid {
  const stepMs = subquery.step?.ms ?? 0
  if (!(stepMs > 0)) throw new Error('bug: unresolved subquery step')
  const after = firstMs - subquery.offset.ms - subquery.range.ms
  const startMs = (Math.floor(after / stepMs) + 1) * stepMs
  const endMs = lastMs - subquery.offset.ms
  return { startMs, stepMs, stepCount: Math.max(0, Math.floor((endMs - startMs) / stepMs) + 1) }
}

function reachOf(
  selector: VectorSelector,
  rangeMs: number,
  scope: Scope,
  options: EngineOptions,
): AskedReach {
  const at = atMs(selector)
  const extended = selector.anchored || selector.smoothed
  let back = rangeMs
  if (rangeMs === 0 || extended) back += options.lookbackMs
  const ahead = selector.smoothed ? options.lookbackMs : 0
  const hints: SelectHints = {
    stepMs: scope.stepMs,
    rangeMs,
    windowMs: back,
    func: scope.func,
    grouping: scope.grouping,
    by: scope.by,
    limit: 0,
    labelsOnly: false,
  }
  const reached = ({ startMs, endMs }: ClosedInterval): ClosedInterval => ({
    startMs: (at ?? startMs) - back + 1 - selector.offset.ms,
    endMs: (at ?? endMs) + ahead - selector.offset.ms,
  })
  return {
    selector,
    asked: reached(scope.asked),
    request: { matchers: selector.matchers, ...reached(scope), hints },
  }
}
