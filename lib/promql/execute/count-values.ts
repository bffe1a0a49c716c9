/** count_values(): a series for each value that occurs, counting how often. */
import { DomainError } from '#lib/model/errors.ts'
import { METRIC_NAME, quoteGo, setLabel } from '#lib/model/labels.ts'
import type { Aggregation } from '../parse/ast.ts'
import { ABSENT, FLOAT, HISTOGRAM } from '../result.ts'
import { formatHistogram } from '../histogram/format.ts'
import { formatPlain } from '../function/float-math.ts'
import { newColumn, storedColumns, type Column, type VectorOperator } from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { GroupIndex, type Grouping } from './grouping.ts'

export async function countValues(
  evaluation: Evaluation,
  aggregation: Aggregation,
  label: string,
  input: VectorOperator,
  grid: EvalGrid,
): Promise<VectorOperator> {
  if (label === '' || !label.isWellFormed()) {
    // The parser keeps a byte that is no UTF-8 as a lone surrogate.
    const shown = quoteGo(label).replace(/\\udc([89a-f][0-9a-f])/g, String.raw`\x$1`)
    throw new DomainError('execution', `invalid label name ${shown}`)
  }
  const names = new Set(aggregation.grouping)
  names.add(aggregation.without ? METRIC_NAME : label)
  const grouping: Grouping = { without: aggregation.without, names }
  const index = new GroupIndex(grouping)
  const columns: Column[] = []
  for (const [i, { labels }] of input.heads.entries()) {
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    const column = input.column(i)
    const groups = new Map<string, number>()
    for (let step = 0; step < grid.stepCount; step++) {
      const kind = column.presence[step]
      if (kind === ABSENT) continue
      const text =
        kind === HISTOGRAM
          ? formatHistogram(column.histograms!.at(step)!)
          : formatPlain(column.values[step]!)
      let group = groups.get(text)
      if (group === undefined) {
        group = index.of(setLabel(labels, label, text))
        groups.set(text, group)
      }
      const counts = (columns[group] ??= newColumn(grid.stepCount))
      counts.values[step]!++
      counts.presence[step] = FLOAT
    }
  }
  evaluation.hold(columns.length * grid.stepCount)
  return storedColumns(
    index.labels.map((labels) => ({ labels, dropName: false })),
    columns,
  )
}
