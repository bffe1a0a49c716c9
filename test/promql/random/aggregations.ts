/** Random aggregations. */
import type { AggregationOp } from '#lib/promql/parse/ast.ts'
import { type Kind, LABEL_NAMES } from './catalogue.ts'
import type { Grammar } from './generate.ts'

export const AGGREGATIONS: readonly AggregationOp[] = [
  'sum',
  'avg',
  'count',
  'min',
  'max',
  'group',
  'stddev',
  'stdvar',
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
]

export function aggregation(all: Grammar, depth: number, kind: Kind): string {
  const { random } = all
  const op = random.pick(AGGREGATIONS)
  // Keywords are the same in capitals.
  const written = random.chance(0.03) ? op.toUpperCase() : op
  // Histograms are summed and averaged, and ignored by most of the others.
  const input = all.vector(depth - 1, kind)
  const by = random.weighted([
    [2, ''],
    [4, ` by (${grouping(all)})`],
    [2, ` without (${grouping(all)})`],
  ])
  const param = paramOf(all, op, depth)
  const args = param === '' ? input : `${param}, ${input}`
  return by !== '' && random.chance(0.2) ? `${written}(${args})${by}` : `${written}${by} (${args})`
}

export function grouping({ random }: Pick<Grammar, 'random'>): string {
  const names = random.chance(0.6)
    ? random.some(['job', 'instance'], 2)
    : random.some(LABEL_NAMES, 3)
  return names.map((name) => (/^\w+$/.test(name) ? name : JSON.stringify(name))).join(', ')
}

function paramOf(all: Grammar, op: AggregationOp, depth: number): string {
  const { random } = all
  const scalar = (usual: readonly string[]): string =>
    random.chance(0.1) ? all.scalar(depth - 1) : random.pick(usual)
  switch (op) {
    case 'topk':
    case 'bottomk':
    case 'limitk':
      return scalar(['1', '2', '3', '5', '0', '100', '1.9', '-1'])
    case 'limit_ratio':
      return scalar(['0.5', '-0.5', '0.3', '1', '-1', '0', '0.9', '1.5', '-0.1'])
    case 'quantile':
      return scalar(['0.5', '0', '1', '0.9', '0.25', '-1', '2', 'NaN'])
    case 'count_values':
      return random.pick(['"value"', '"job"', '"le"', '"label.ä"', '"__name__"'])
    default:
      return ''
  }
}
