/** By which labels an expression may be cut into shards of series, and how the answer follows from theirs. */
import { METADATA_LABELS } from '../execute/merge-series.ts'
import type { Aggregation, Binary, Call, Expr } from '../parse/ast.ts'
import { typeOf } from '../parse/type.ts'
import { children } from '../parse/walk.ts'
import { unwrapParens } from './expr-facts.ts'

/** Series whose values of these labels (`by`), or of all but these, are equal must stay together. */
export interface ShardLabels {
  readonly by: boolean
  readonly labels: readonly string[]
}

export interface ShardPlan extends ShardLabels {
  /** What is done where several shards have a value of one series: nothing for undefined, since none have. */
  readonly partial?: PartialAggregation | undefined
}

/** Counts add up and groups stay 1, to the bit, in any order. A sum of sums has other bits, and the greatest of 0 and -0 is the first. */
export type PartialAggregation = 'count' | 'group'

/** Undefined where no labels will do, where nothing joins series, as there is nothing to win, and for the samples of a subquery. */
export function shardPlan(expr: Expr): ShardPlan | undefined {
  if (typeOf(expr) === 'matrix') return undefined
  const { joins, shards } = shardableBy(expr)
  if (joins && shards) return shards
  const root = unwrapParens(expr)
  if (root.type !== 'aggregation' || (root.op !== 'count' && root.op !== 'group')) return undefined
  const inner = shardableBy(root.input).shards
  return inner && { ...inner, partial: root.op }
}

/**
 * By which labels the series of an expression stay together, and whether anything in it joins series.
 *
 * Every node that joins series leaves only the labels it groups or matches by; those of all nodes together remain. Labels that
 * some function writes by hand don't count, nor do the metric name, type and unit, which most functions drop.
 */
function shardableBy(expr: Expr): { joins: boolean; shards: ShardLabels | undefined } {
  const constraints: ShardLabels[] = []
  const written = new Set<string>(METADATA_LABELS)
  let joins = false
  const possible = collect(expr)
  return { joins, shards: possible ? allOf(constraints, written) : undefined }

  function collect(node: Expr): boolean {
    switch (node.type) {
      case 'aggregation':
        joins = true
        constraints.push({ by: !node.without, labels: node.grouping })
        noteWritten(labelsWrittenBy(node))
        break
      case 'binary':
        if (!node.matching) break
        joins = true
        constraints.push(matched(node))
        break
      case 'call':
        if (makesUpSeries(node)) return false
        if (NEEDS_BUCKETS.has(node.func)) {
          joins = true
          noteWritten(['le'])
        }
        noteWritten(labelsWrittenBy(node))
        break
      case 'number':
      case 'string':
      case 'vector':
      case 'matrix':
      case 'subquery':
      case 'unary':
      case 'paren':
        break
      default:
        return node satisfies never
    }
    return children(node).every(collect)
  }

  function noteWritten(labels: readonly string[]): void {
    for (const label of labels) written.add(label)
  }
}

/** Classic buckets of one histogram differ in `le`. */
const NEEDS_BUCKETS: ReadonlySet<string> = new Set([
  'histogram_quantile',
  'histogram_quantiles',
  'histogram_fraction',
])

/** They look at all series at once, at none, or at series that are not in the expression. */
const LOOKS_AT_ALL: ReadonlySet<string> = new Set([
  'absent',
  'absent_over_time',
  'scalar',
  'vector',
  'info',
])

function makesUpSeries({ func, args }: Call): boolean {
  if (LOOKS_AT_ALL.has(func)) return true
  // Without an argument these are a series without labels: every shard would have one.
  return args.length === 0 && /^(day|days|hour|minute|month|year)(_|$)/.test(func)
}

function matched({ matching }: Binary): ShardLabels {
  return { by: matching!.on, labels: matching!.labels }
}

function labelsWrittenBy(node: Aggregation | Call): readonly string[] {
  if (node.type === 'aggregation') return node.op === 'count_values' ? text(node.param) : []
  switch (node.func) {
    case 'label_replace':
    case 'label_join':
    case 'histogram_quantiles':
      return text(node.args[1])
    default:
      return []
  }
}

function text(expr: Expr | undefined): readonly string[] {
  const literal = expr && unwrapParens(expr)
  return literal?.type === 'string' ? [literal.value] : []
}

function allOf(
  constraints: readonly ShardLabels[],
  written: ReadonlySet<string>,
): ShardLabels | undefined {
  const without = new Set(written)
  let kept: Set<string> | undefined
  for (const { by, labels } of constraints) {
    if (!by) for (const label of labels) without.add(label)
    else if (kept) kept = kept.intersection(new Set(labels))
    else kept = new Set(labels)
  }
  if (!kept) return { by: false, labels: [...without].sort() }
  const labels = [...kept].filter((label) => !without.has(label)).sort()
  return labels.length > 0 ? { by: true, labels } : undefined
}
