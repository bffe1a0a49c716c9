/** Arithmetic and comparisons between two vectors: signature by signature, each computed when its first series is asked for. */
import { DomainError } from '#lib/model/errors.ts'
import { compareUtf8, labelsKey, type Labels } from '#lib/model/labels.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { Binary } from '../parse/ast.ts'
import { ABSENT, HISTOGRAM } from '../result.ts'
import { floatOperation } from './binary-floats.ts'
import { resultLabels, staysDistinct } from './binary-labels.ts'
import { formatLabelSet } from './format-label-set.ts'
import { BinaryOperation, changesMetric } from './binary-operation.ts'
import {
  clearColumn,
  copyColumn,
  newColumn,
  setFloat,
  setHistogram,
  type Column,
  type SeriesHead,
  type VectorOperator,
} from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { drain, materialize } from './materialize.ts'
import { mergeEqualLabels } from './merge-series.ts'
import { matchLabels, membersOf, signaturesOf } from './signature.ts'

/** The series of one signature: those of the "many" side, those of the "one" side, and what may come out. */
interface Match {
  readonly ordinal: number
  readonly many: readonly number[]
  readonly one: readonly number[]
  /** Result labels by key, numbered within the match. */
  readonly outputs: Map<string, number>
  /** Output i is that of `many[i]` alone, so that a large match need not be in memory at once. */
  alone: boolean
  readonly firstOutput: number
  columns: readonly Column[] | undefined
  /** Outputs that nobody has asked for yet. */
  left: number
  /** The "one" side, where each output is made of it and one series of the "many" side. */
  shared: Column | undefined
}

interface Conflict {
  readonly step: number
  readonly index: number
  readonly other: number
}

const UNMATCHED = -1

export async function vectorBinary(
  evaluation: Evaluation,
  expr: Binary,
  left: VectorOperator,
  right: VectorOperator,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const matching = expr.matching!
  const operation = new BinaryOperation(evaluation, expr)
  const { outcome } = operation
  const swapped = matching.card === 'one-to-many'
  const oneToOne = matching.card === 'one-to-one'
  const ofFloats = floatOperation(expr, swapped)
  let many = swapped ? right : left
  let one = swapped ? left : right
  // Not swapped with the sides: with group_right, Prometheus takes fill_left for the "many" side.
  const fillOne = matching.fillRight
  const fillMany = matching.fillLeft
  const dropName = changesMetric(expr.op) || (expr.returnBool && !evaluation.delayedNameRemoval)
  const signatures = signaturesOf(many.heads, one.heads, matching)
  const manyMembers = membersOf(signatures.left, signatures.count)
  const oneMembers = membersOf(signatures.right, signatures.count)

  const loneResult = newColumn(grid.stepCount)
  let claimed = new Uint8Array(0)
  let claimedMatch: Match | undefined
  if (oneMembers.some((members) => members.length > 1)) {
    // Two series of the "one" side may meet, which is an error wherever the other side has anything at all.
    many = await materialize(evaluation, many, grid)
    one = await materialize(evaluation, one, grid)
  }
  const conflict = firstConflict()
  const heads: SeriesHead[] = []
  const owner: Match[] = []
  /** Which series of the "many" side gives an output first; then those of the other side. */
  const places: number[] = []
  const distinct =
    fillOne === undefined && fillMany === undefined && staysDistinct(many.heads, matching, dropName)
  for (let ordinal = 0; ordinal < signatures.count; ordinal++) {
    planMatch(ordinal)
    if (owner.at(-1)?.ordinal === ordinal) continue
    await drain(evaluation, many, manyMembers[ordinal]!, grid)
    await drain(evaluation, one, oneMembers[ordinal]!, grid)
  }
  if (conflict) {
    // Whatever goes wrong at an earlier step is what Prometheus meets first.
    for (const match of new Set(owner)) compute(match)
    throw duplicateError(conflict.index, conflict.other)
  }
  const results: VectorOperator = {
    heads,
    column(index) {
      const match = owner[index]!
      const output = index - match.firstOutput
      if (!match.alone) match.columns ??= compute(match)
      const column = match.alone ? computeOne(match, output) : match.columns![output]!
      if (--match.left === 0) match.columns = match.shared = undefined
      return column
    },
  }
  const ordered = grid.single ? inOrderOf(places, results) : results
  return distinct ? ordered : mergeEqualLabels(ordered)

  function planMatch(ordinal: number): void {
    const match: Match = {
      ordinal,
      many: manyMembers[ordinal]!,
      one: oneMembers[ordinal]!,
      outputs: new Map(),
      alone: false,
      firstOutput: heads.length,
      columns: undefined,
      left: 0,
      shared: undefined,
    }
    const mayBeAlone = isOneByOne(match)
    if (mayBeAlone && distinct && !conflict) {
      for (const m of match.many) addOutput(match, labelsOf(m, match.one[0]!), m)
      match.alone = true
    } else {
      for (const m of match.many) {
        for (const o of match.one) planOutput(match, m, o)
        if (fillOne !== undefined) planOutput(match, m, UNMATCHED)
      }
      if (fillMany !== undefined) for (const o of match.one) planOutput(match, UNMATCHED, o)
      match.alone = mayBeAlone && match.outputs.size === match.many.length
    }
    match.left = heads.length - match.firstOutput
  }

  /** Then nothing can be taken twice. */
  function isOneByOne({ many: members, one: other }: Match): boolean {
    if (fillOne !== undefined || fillMany !== undefined) return false
    // One-to-one, a second series of other labels is the same error as one of equal labels.
    return other.length === 1 && !(oneToOne && members.length > 1)
  }

  function computeOne(match: Match, output: number): Column {
    const shared = (match.shared ??= copyColumn(one.column(match.one[0]!)))
    const m = match.many[output]!
    const column = many.column(m)
    if (ofFloats && !column.histograms && !shared.histograms) {
      ofFloats(column, shared)
      return column
    }
    clearColumn(loneResult)
    for (let step = 0; step < grid.stepCount; step++) {
      if (column.presence[step] === ABSENT || shared.presence[step] === ABSENT) continue
      operation.at(step, m)
      combine(column, shared, step, loneResult, undefined, output, undefined)
    }
    return loneResult
  }

  function planOutput(match: Match, m: number, o: number): void {
    const labels = labelsOf(m, o)
    const key = labelsKey(labels)
    if (match.outputs.has(key)) return
    match.outputs.set(key, match.outputs.size)
    addOutput(match, labels, m === UNMATCHED ? many.heads.length + o : m)
  }

  function addOutput(match: Match, labels: Labels, place: number): void {
    heads.push({ labels, dropName: expr.returnBool })
    owner.push(match)
    places.push(place)
  }

  function outputOf(match: Match, m: number, o: number): number {
    return match.outputs.get(labelsKey(labelsOf(m, o)))!
  }

  function labelsOf(m: number, o: number): Labels {
    return resultLabels(
      sideLabels(m, o, many, one),
      sideLabels(o, m, one, many),
      matching,
      dropName,
    )
  }

  /** The labels of a series, or of the fill value that stands for it. */
  function sideLabels(
    index: number,
    other: number,
    side: VectorOperator,
    otherSide: VectorOperator,
  ): Labels {
    if (index !== UNMATCHED) return side.heads[index]!.labels
    return matchLabels(otherSide.heads[other]!.labels, matching)
  }

  function compute(match: Match): Column[] {
    const { stepCount } = grid
    const results = Array.from({ length: match.outputs.size }, () => newColumn(stepCount))
    const lastStep = conflict?.step ?? stepCount
    const oneColumns = match.one.map((index) => copyColumn(one.column(index)))
    /** Position in match.one of the sample of each step. */
    const oneAt = new Int32Array(stepCount).fill(UNMATCHED)
    for (const [position, column] of oneColumns.entries()) {
      for (let step = 0; step < stepCount; step++) {
        if (column.presence[step] === ABSENT) continue
        oneAt[step] = position
      }
    }
    /** Whether something of the many side met the signature at the step. */
    const met = new Uint8Array(stepCount)
    for (const m of match.many) {
      const column = many.column(m)
      const outputs = new Map<number, number>()
      for (let step = 0; step < lastStep; step++) {
        if (column.presence[step] === ABSENT) continue
        const position = oneAt[step]!
        if (position === UNMATCHED && fillOne === undefined) continue
        let output = outputs.get(position)
        if (output === undefined) {
          output = outputOf(match, m, position === UNMATCHED ? UNMATCHED : match.one[position]!)
          outputs.set(position, output)
        }
        const oneColumn = position === UNMATCHED ? undefined : oneColumns[position]!
        operation.at(step, m)
        combine(column, oneColumn, step, results[output]!, met, output, match)
      }
    }
    if (fillMany !== undefined) {
      for (const [position, column] of oneColumns.entries()) {
        const output = outputOf(match, UNMATCHED, match.one[position]!)
        for (let step = 0; step < lastStep; step++) {
          if (column.presence[step] === ABSENT || met[step] === 1) continue
          operation.at(step, many.heads.length + match.one[position]!)
          combine(undefined, column, step, results[output]!, undefined, output, match)
        }
      }
    }
    return results
  }

  /** Steps at which outputs of a match were taken, kept or not: a second taker is an error. */
  function combine(
    manyColumn: Column | undefined,
    oneColumn: Column | undefined,
    step: number,
    result: Column,
    met: Uint8Array | undefined,
    output: number,
    match: Match | undefined,
  ): void {
    const manyValue = manyColumn ? manyColumn.values[step]! : fillMany!
    const oneValue = oneColumn ? oneColumn.values[step]! : fillOne!
    const manyHistogram = histogramAt(manyColumn, step)
    const oneHistogram = histogramAt(oneColumn, step)
    if (swapped) operation.apply(oneValue, manyValue, oneHistogram, manyHistogram)
    else operation.apply(manyValue, oneValue, manyHistogram, oneHistogram)
    if (outcome.failed) return
    if (match) claim(match, output, step, met)
    if (!outcome.keep && !expr.returnBool) return
    if (expr.returnBool) setFloat(result, step, outcome.keep ? 1 : 0)
    else if (outcome.histogram) setHistogram(result, step, outcome.histogram)
    else setFloat(result, step, outcome.value)
  }

  function claim(match: Match, output: number, step: number, met: Uint8Array | undefined): void {
    const claims = claimsOf(match)
    const slot = oneToOne ? step : output * grid.stepCount + step
    if (claims[slot] === 1) {
      throw new DomainError(
        'execution',
        oneToOne
          ? 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'
          : 'multiple matches for labels: grouping labels must ensure unique matches',
      )
    }
    claims[slot] = 1
    if (met) met[step] = 1
  }

  function claimsOf(match: Match): Uint8Array {
    if (claimedMatch !== match) {
      claimedMatch = match
      claimed = new Uint8Array(oneToOne ? grid.stepCount : grid.stepCount * match.outputs.size)
    }
    return claimed
  }

  /** Two series of the "one" side that meet: at the earliest step, and there the earliest series. */
  function firstConflict(): Conflict | undefined {
    if (oneMembers.every((members) => members.length < 2)) return undefined
    const anyMany = new Uint8Array(grid.stepCount)
    const meets = fillOne !== undefined || fillMany !== undefined || evaluation.sharded
    for (let m = 0; m < many.heads.length; m++) {
      const { presence } = many.column(m)
      for (let step = 0; step < anyMany.length; step++) anyMany[step]! |= presence[step]!
    }
    let first: Conflict | undefined
    for (const members of oneMembers) {
      const seen = new Int32Array(members.length > 1 ? grid.stepCount : 0).fill(UNMATCHED)
      for (const index of members.length > 1 ? members : []) {
        const { presence } = one.column(index)
        for (let step = 0; step < seen.length; step++) {
          if (presence[step] === ABSENT) continue
          if (seen[step] !== UNMATCHED && (meets || anyMany[step] !== 0)) {
            const before = first?.step ?? Infinity
            if (step > before || (step === before && index > first!.index)) continue
            first = { step, index, other: seen[step]! }
          } else seen[step] = index
        }
      }
    }
    return first
  }

  function duplicateError(a: number, b: number): DomainError {
    const group = matchLabels(one.heads[a]!.labels, matching)
    const pair = [a, b].map((index) => formatLabelSet(one.heads[index]!.labels)).sort(compareUtf8)
    return new DomainError(
      'execution',
      `found duplicate series for the match group ${formatLabelSet(group)} on the ${swapped ? 'left' : 'right'} hand-side of the operation: [${pair.join(', ')}];many-to-many matching not allowed: matching labels must be unique on one side`,
    )
  }
}

/** At a single time results have an order, which picks and sums of them show: that of the "many" side. */
function inOrderOf(places: readonly number[], results: VectorOperator): VectorOperator {
  const order = [...places.keys()].sort((a, b) => places[a]! - places[b]!)
  return {
    heads: order.map((index) => results.heads[index]!),
    column: (index) => results.column(order[index]!),
  }
}

function histogramAt(column: Column | undefined, step: number): FloatHistogram | undefined {
  return column?.presence[step] === HISTOGRAM ? column.histograms!.at(step) : undefined
}
