/** An extent: the whole answer for some steps in a row, and what it was made of. */
import type {
  Annotations,
  QueryOutcome,
  QueryStats,
  QueryValue,
  StepGrid,
} from '#lib/promql/result.ts'
import { ABSENT, HISTOGRAM } from '#lib/promql/result.ts'
import type { StepRun } from './cut.ts'
import { joinOutcomes } from './join.ts'

export interface Extent {
  readonly grid: StepGrid
  /** `blocksKey` of the blocks its steps may read: with any other set of blocks it says nothing. */
  readonly blocks: string
  /** Vector or scalar. Its columns are shared by all who are answered from it. */
  readonly value: QueryValue
  readonly annotations: Annotations
}

const NOTHING_READ: QueryStats = { samplesRead: 0, peakSamples: 0, seriesRead: 0 }

export function isAnnotated({ annotations }: Pick<Extent, 'annotations'>): boolean {
  return annotations.warnings.length > 0 || annotations.infos.length > 0
}

/** As if it had been evaluated. */
export function outcomeOf({ grid, value, annotations }: Omit<Extent, 'blocks'>): QueryOutcome {
  return { grid, value, annotations, warnings: [], stats: NOTHING_READ }
}

/** The steps of a run, or every so many of them; views of the same columns where it can be. Series without a sample are left out. */
export function takeSteps(value: QueryValue, { first, count }: StepRun, every = 1): QueryValue {
  const take = <T extends Float64Array | Uint8Array>(column: T): T => {
    const run = column.subarray(first, first + count)
    return (every === 1 ? run : run.filter((_, i) => i % every === 0)) as T
  }
  switch (value.type) {
    case 'scalar':
      return { type: 'scalar', values: take(value.values) }
    case 'vector':
      return {
        type: 'vector',
        series: value.series.flatMap(({ labels, values, presence, histograms }) => {
          const present = take(presence)
          if (present.every((kind) => kind === ABSENT)) return []
          const own = present.includes(HISTOGRAM)
            ? histograms?.pick(
                Array.from(present, (__, i) => first + i * every),
                present.length,
              )
            : undefined
          return [{ labels, values: take(values), presence: present, histograms: own }]
        }),
      }
    case 'string':
    case 'matrix':
      throw new Error('bug: a value without steps has no extent')
    default:
      return value satisfies never
  }
}

/** Two runs of steps, the second right behind the first. */
export function joinExtents(first: Extent, second: Extent, blocks: string): Extent {
  const { startMs, stepMs, stepCount } = first.grid
  const grid = { startMs, stepMs, stepCount: stepCount + second.grid.stepCount }
  const { value, annotations } = joinOutcomes(grid, [
    { run: { first: 0, count: stepCount }, outcome: outcomeOf(first) },
    { run: { first: stepCount, count: second.grid.stepCount }, outcome: outcomeOf(second) },
  ])
  return { grid, blocks, value, annotations }
}

/** With columns of its own: what is kept must not hold on to the larger answer it was cut from. */
export function ownCopy(extent: Extent): Extent {
  const { value } = extent
  if (value.type === 'scalar')
    return { ...extent, value: { ...value, values: value.values.slice() } }
  if (value.type !== 'vector') return extent
  const series = value.series.map((one) => ({
    ...one,
    values: one.values.slice(),
    presence: one.presence.slice(),
    histograms: one.histograms?.gather([...one.presence.keys()]),
  }))
  return { ...extent, value: { type: 'vector', series } }
}

/** About. */
export function memoryOf({ value }: Extent): number {
  if (value.type === 'scalar') return 256 + value.values.byteLength
  let bytes = 256
  for (const { labels, values, histograms } of value.type === 'vector' ? value.series : []) {
    bytes += 128 + values.length * 9
    for (const text of labels) bytes += 16 + text.length
    if (histograms) bytes += histograms.buckets.byteLength + values.length * 48
  }
  return bytes
}
