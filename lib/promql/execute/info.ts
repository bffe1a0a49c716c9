/** info(): adds data labels of info series that share instance and job with a series. */
import { DomainError } from '#lib/model/errors.ts'
import {
  keepLabels,
  labelsFromPairs,
  labelsKey,
  labelValue,
  mergeLabels,
  METRIC_NAME,
  type Labels,
} from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import type { AtModifier, Call, Expr } from '../parse/ast.ts'
import { children } from '../parse/walk.ts'
import { ABSENT, HISTOGRAM } from '../result.ts'
import {
  copyColumn,
  isEmpty,
  newColumn,
  setFloat,
  setRow,
  storedColumns,
  type Column,
  type SeriesHead,
  type VectorOperator,
} from './column.ts'
import type { EvalGrid, Evaluation } from './evaluation.ts'
import { formatLabelSet } from './format-label-set.ts'
import { pickNewest } from './instant-selector.ts'
import { mergeEqualLabels } from './merge-series.ts'

/** Labels that say which target a series is of. */
const IDENTIFYING: ReadonlySet<string> = new Set(['instance', 'job'])
const NONE = -1

interface BaseSeries {
  readonly head: SeriesHead
  readonly column: Column
  /** It is an info series itself and stays as it is. */
  readonly untouched: boolean
}

/** Info series of one metric and one target: at each step the index of the newest, or NONE. */
interface InfoGroup {
  readonly newest: Int32Array
}

export async function infoCall(
  evaluation: Evaluation,
  call: Call,
  input: VectorOperator,
  grid: EvalGrid,
): Promise<VectorOperator> {
  const selector = call.args[1]
  const matchers = selector?.type === 'vector' ? selector.matchers : []
  const nameMatchers = infoNameMatchers(matchers.filter(({ name }) => name === METRIC_NAME))
  const dataMatchers = matchers.filter(({ name }) => name !== METRIC_NAME)
  const base = await baseSeries(evaluation, input, nameMatchers, grid)
  const { labels: infoLabels, groups, names } = await infoSeries()
  const dataNames = new Set(dataMatchers.map(({ name }) => name))
  const mayBeMissing = dataMatchers.map(compileMatcher).every(({ matchesEmpty }) => matchesEmpty)
  const heads: SeriesHead[] = []
  const columns: Column[] = []
  for (const { head, column, untouched } of base) {
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    if (untouched) {
      heads.push(head)
      columns.push(column)
    } else enrich(head, column)
  }
  evaluation.hold(columns.length * grid.stepCount)
  return mergeEqualLabels(storedColumns(heads, columns))

  async function infoSeries(): Promise<{
    labels: readonly Labels[]
    groups: Map<string, InfoGroup>
    names: ReadonlySet<string>
  }> {
    const targets = targetMatchers(base)
    if (targets.length === 0) return { labels: [], groups: new Map(), names: new Set() }
    const reference = infoReference(call.args[0]!, grid)
    const { lookbackMs } = evaluation.options
    const lastMs = reference.startMs + (grid.stepCount - 1) * reference.stepMs
    const set = await evaluation.select({
      matchers: [...targets, ...dataMatchers, ...nameMatchers],
      startMs: reference.startMs - lookbackMs + 1,
      endMs: lastMs,
      hints: { ...NO_HINTS, stepMs: grid.stepMs, func: 'info' },
    })
    const anyBase = new Uint8Array(grid.stepCount)
    for (const { column } of base) {
      for (let i = 0; i < anyBase.length; i++) anyBase[i]! |= column.presence[i]!
    }
    const times: (Float64Array | undefined)[] = []
    const found = new Map<string, InfoGroup>()
    const metricNames = new Set<string>()
    for (const [index, labels] of set.labels.entries()) {
      if (evaluation.due(grid.stepCount)) await evaluation.pause()
      const samples = set.samples(index)
      const column = newColumn(grid.stepCount)
      pickNewest(samples, grid.stepCount, reference, lookbackMs, 'value', column)
      if (isEmpty(column)) continue
      if (column.presence.includes(HISTOGRAM)) {
        throw new DomainError(
          'execution',
          `this should be an info metric, with float samples: ${formatLabelSet(labels)}`,
        )
      }
      pickNewest(samples, grid.stepCount, reference, lookbackMs, 'timestamp', column)
      times[index] = column.values
      const name = labelValue(labels, METRIC_NAME)
      metricNames.add(name)
      const key = targetKey(name, labels)
      let group = found.get(key)
      if (!group) {
        found.set(key, (group = { newest: new Int32Array(grid.stepCount).fill(NONE) }))
      }
      for (let step = 0; step < grid.stepCount; step++) {
        if (column.presence[step] === ABSENT) continue
        const other = group.newest[step]!
        const time = column.values[step]!
        const otherTime = other === NONE ? -Infinity : times[other]![step]!
        if (otherTime < time) group.newest[step] = index
        else if (otherTime === time && anyBase[step] !== 0) {
          const shown = (of: number) =>
            `${formatLabelSet(set.labels[of]!)} @ ${Math.round(time * 1000)}`
          throw new DomainError(
            'execution',
            `found duplicate series for info metric: existing ${shown(other)}, new ${shown(index)}`,
          )
        }
      }
    }
    return { labels: set.labels, groups: found, names: metricNames }
  }

  /** One output per combination of info series that a series meets over time. */
  function enrich(head: SeriesHead, column: Column): void {
    const own = [...names].flatMap((name) => groups.get(targetKey(name, head.labels)) ?? [])
    const outputs = new Map<string, Column | undefined>()
    for (let step = 0; step < grid.stepCount; step++) {
      const kind = column.presence[step]
      if (kind === ABSENT) continue
      const met = own.map(({ newest }) => newest[step]!).filter((index) => index !== NONE)
      const key = met.join()
      if (!outputs.has(key)) outputs.set(key, open(head, met))
      const output = outputs.get(key)
      if (!output) continue
      if (kind === HISTOGRAM) setRow(output, step, column.histograms!, step)
      else setFloat(output, step, column.values[step]!)
    }
  }

  /** Undefined when a data label is demanded that no info series gives. */
  function open(head: SeriesHead, met: readonly number[]): Column | undefined {
    if (met.length === 0 && !mayBeMissing) return undefined
    const data = dataLabels(
      head.labels,
      met.map((index) => infoLabels[index]!),
      dataNames,
    )
    const column = newColumn(grid.stepCount)
    heads.push({ labels: mergeLabels(head.labels, data), dropName: head.dropName })
    columns.push(column)
    return column
  }
}

/** Without a positive matcher on the name, the usual info metrics are meant. */
function infoNameMatchers(matchers: readonly Matcher[]): readonly Matcher[] {
  if (matchers.length === 0) return [{ type: '=', name: METRIC_NAME, value: 'target_info' }]
  if (matchers.some(({ type }) => type === '=' || type === '=~')) return matchers
  return [{ type: '=~', name: METRIC_NAME, value: '.+_info' }, ...matchers]
}

async function baseSeries(
  evaluation: Evaluation,
  input: VectorOperator,
  nameMatchers: readonly Matcher[],
  grid: EvalGrid,
): Promise<BaseSeries[]> {
  const compiled = nameMatchers.map(compileMatcher)
  const base: BaseSeries[] = []
  for (const [index, head] of input.heads.entries()) {
    if (evaluation.due(grid.stepCount)) await evaluation.pause()
    const column = copyColumn(input.column(index))
    if (isEmpty(column)) continue
    const name = labelValue(head.labels, METRIC_NAME)
    base.push({ head, column, untouched: compiled.every(({ matches }) => matches(name)) })
  }
  return base
}

/** Regular expressions for the values of the identifying labels that occur. */
function targetMatchers(base: readonly BaseSeries[]): Matcher[] {
  const matchers: Matcher[] = []
  for (const name of IDENTIFYING) {
    const values = new Set<string>()
    for (const { head, untouched } of base) {
      const value = labelValue(head.labels, name)
      if (!untouched && value !== '') values.add(value)
    }
    if (values.size === 0) continue
    const value = [...values]
      .map((text) => text.replace(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`))
      .join('|')
    matchers.push({ type: '=~', name, value })
  }
  return matchers
}

function targetKey(name: string, labels: Labels): string {
  return labelsKey([name, ...keepLabels(labels, IDENTIFYING)])
}

/** Labels that the series already has win; two info series must not disagree. */
function dataLabels(own: Labels, infos: readonly Labels[], wanted: ReadonlySet<string>): Labels {
  const data = new Map<string, string>()
  for (const labels of infos) {
    for (let i = 0; i < labels.length; i += 2) {
      const name = labels[i]!
      const value = labels[i + 1]!
      if (name === METRIC_NAME || (wanted.size > 0 && !wanted.has(name))) continue
      const other = data.get(name)
      if (other !== undefined && other !== value) {
        throw new DomainError('execution', `conflicting label: ${name}`)
      }
      if (labelValue(own, name) === '') data.set(name, value)
    }
  }
  return labelsFromPairs(data)
}

/** The time at which info series are looked up follows @ and offset of the first selector in the argument. */
function infoReference(arg: Expr, grid: EvalGrid): { startMs: number; stepMs: number } {
  const found = firstSelector(arg)
  const offset = found?.offsetMs ?? 0
  if (found?.atMs !== undefined) return { startMs: found.atMs - offset, stepMs: 0 }
  return { startMs: grid.startMs - offset, stepMs: grid.stepMs }
}

/** Offsets add up outwards until an @ fixes the time. */
function firstSelector(expr: Expr): { atMs: number | undefined; offsetMs: number } | undefined {
  if (expr.type === 'vector') return { atMs: pinnedMs(expr.at), offsetMs: expr.offset.ms }
  for (const child of children(expr)) {
    const found = firstSelector(child)
    if (!found) continue
    if (expr.type !== 'subquery' || found.atMs !== undefined) return found
    return { atMs: pinnedMs(expr.at), offsetMs: found.offsetMs + expr.offset.ms }
  }
  return undefined
}

function pinnedMs(at: AtModifier | undefined): number | undefined {
  return at?.type === 'timestamp' ? at.ms : undefined
}
