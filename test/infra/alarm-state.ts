/**
 * Whether an alarm of a template rings, for data of each minute: periods that end now, statistics, metric arithmetic and what missing data
 * means. CloudWatch also looks at older data where some of a period is missing; here a period without data counts as the alarm says.
 */
import type { Resource } from './synthesized.ts'

/** What was counted in a minute, by `namespace name` and, where it has any, the value of its first dimension; minutes ago, 0 the last. */
export type MetricData = (metric: string, minutesAgo: number) => readonly number[]

export type AlarmState = 'OK' | 'ALARM' | 'as it was'

interface MetricOf {
  readonly Namespace: string
  readonly MetricName: string
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[]
}

interface Query {
  readonly Id: string
  readonly Expression?: string
  readonly MetricStat?: {
    readonly Metric: MetricOf
    readonly Period: number
    readonly Stat: string
  }
}

interface AlarmProperties extends MetricOf {
  readonly Period: number
  readonly Statistic: string
  readonly Metrics?: readonly Query[]
  readonly EvaluationPeriods: number
  readonly Threshold: number
  readonly TreatMissingData: 'breaching' | 'notBreaching' | 'ignore'
}

export function stateOf(properties: Resource['Properties'], data: MetricData): AlarmState {
  const alarm = properties as unknown as AlarmProperties
  const { EvaluationPeriods, Threshold, TreatMissingData: missing } = alarm
  const periods = Array.from({ length: EvaluationPeriods }, (_, i) => valueOf(alarm, data, i))
  if (missing === 'ignore' && periods.every((value) => value === undefined)) return 'as it was'
  const isBreaching = (value: number | undefined): boolean =>
    value === undefined ? missing === 'breaching' : value >= Threshold
  return periods.every(isBreaching) ? 'ALARM' : 'OK'
}

/** Of the period that ended so many before. */
function valueOf(alarm: AlarmProperties, data: MetricData, before: number): number | undefined {
  const { Metrics, Period, Statistic } = alarm
  if (!Metrics) return statistic(data, alarm, { period: Period, stat: Statistic, before })
  const values = new Map<string, number | undefined>()
  for (const { Id, MetricStat } of Metrics) {
    if (!MetricStat) continue
    const { Metric, Period: period, Stat: stat } = MetricStat
    values.set(Id, statistic(data, Metric, { period, stat, before }))
  }
  const { Expression = '' } = Metrics.find(({ Expression: text }) => text !== undefined)!
  return calculate(Expression, values)
}

function statistic(
  data: MetricData,
  { Namespace, MetricName, Dimensions = [] }: MetricOf,
  { period, stat, before }: { period: number; stat: string; before: number },
): number | undefined {
  const of = Dimensions[0] ? ` ${idOf(Dimensions[0].Value)}` : ''
  const minutes = Array.from({ length: period / 60 }, (_, i) => before * (period / 60) + i)
  const points = minutes.flatMap((minute) => data(`${Namespace} ${MetricName}${of}`, minute))
  if (points.length === 0) return undefined
  if (stat === 'Sum') return points.reduce((sum, point) => sum + point, 0)
  if (stat === 'Minimum') return Math.min(...points)
  if (stat === 'Maximum') return Math.max(...points)
  throw new Error(`statistic ${stat}`)
}

/** Of what is named, without the hash. */
function idOf(value: unknown): string {
  const { Ref, 'Fn::GetAtt': attribute } = value as {
    Ref?: string
    'Fn::GetAtt'?: [string, string]
  }
  return (Ref ?? attribute![0]).replace(/[0-9A-F]{8}$/, '')
}

/** As CloudWatch does it with FILL, IF and operators; a metric without data makes the whole be without. */
export function calculate(
  expression: string,
  values: ReadonlyMap<string, number | undefined>,
): number | undefined {
  let isMissing = false
  const numbers = expression
    .replaceAll(/FILL\((\w+), (\d+)\)/g, (_, id: string, fill: string) =>
      String(values.get(id) ?? fill),
    )
    .replaceAll(/IF\(([^,]+), ([^,]+), ([^,]+)\)/g, '(($1) ? ($2) : ($3))')
    .replaceAll(/\b[a-z]\w*/g, (id) => {
      isMissing ||= values.get(id) === undefined
      return String(values.get(id) ?? 0)
    })
  if (!/^[\d\s.()*/+>=?:-]+$/.test(numbers)) throw new Error(`expression ${expression}`)
  // oxlint-disable-next-line no-implied-eval -- numbers and operators, as was just seen.
  const result = new Function(`return ${numbers}`)() as number
  return isMissing ? undefined : result
}
