/** and, or, unless: series of one side masked by where the other side has any of the same signature. */
import type { Binary } from '../parse/ast.ts'
import { ABSENT } from '../result.ts'
import { copyColumn, isEmpty, type Column, type VectorOperator } from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { mergeEqualLabels } from './merge-series.ts'
import { signaturesOf } from './signature.ts'

export async function setOperation(
  evaluation: Evaluation,
  expr: Binary,
  left: VectorOperator,
  right: VectorOperator,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const signatures = signaturesOf(left.heads, right.heads, expr.matching!)
  if (expr.op === 'or') return union()
  const present = await presenceOf(right, signatures.right)
  const wanted = expr.op === 'and'
  return {
    heads: left.heads,
    column(index) {
      const column = left.column(index)
      mask(column, present[signatures.left[index]!], wanted)
      return column
    },
  }

  /** Where any series of a signature has a sample; undefined where there is no such series. */
  async function presenceOf(
    operator: VectorOperator,
    ordinals: Int32Array,
    keep?: (column: Column, index: number) => void,
  ): Promise<(Uint8Array | undefined)[]> {
    const all: (Uint8Array | undefined)[] = Array.from({ length: signatures.count })
    for (let index = 0; index < operator.heads.length; index++) {
      if (evaluation.due(grid.stepCount)) await evaluation.pause()
      const column = operator.column(index)
      if (isEmpty(column)) continue
      const any = (all[ordinals[index]!] ??= new Uint8Array(grid.stepCount))
      for (let step = 0; step < any.length; step++) any[step]! |= column.presence[step]!
      keep?.(column, index)
    }
    return all
  }

  async function union(): Promise<VectorOperator> {
    const kept: (Column | undefined)[] = []
    const leftPresent = await presenceOf(left, signatures.left, (column, index) => {
      kept[index] = copyColumn(column)
      evaluation.hold(grid.stepCount)
    })
    const leftIndexes = [...kept.keys()].filter((index) => kept[index])
    const heads = [...leftIndexes.map((index) => left.heads[index]!), ...right.heads]
    return mergeEqualLabels({
      heads,
      column(index) {
        if (index < leftIndexes.length) return kept[leftIndexes[index]!]!
        const rightIndex = index - leftIndexes.length
        const column = right.column(rightIndex)
        mask(column, leftPresent[signatures.right[rightIndex]!], false)
        return column
      },
    })
  }
}

/** Keeps the steps where `present` has something (`wanted`) or has nothing. */
function mask(column: Column, present: Uint8Array | undefined, wanted: boolean): void {
  const { presence } = column
  for (let step = 0; step < presence.length; step++) {
    const matched = present !== undefined && present[step] !== ABSENT
    if (matched !== wanted) presence[step] = ABSENT
  }
}
