/** The days of the simulated year as figures: columns for the chart, and a table for the docs. */
import type { JobType } from '#lib/compact/jobs/job.ts'
import { costOf, type DayCost } from './year-cost.ts'
import type { ChartPanel, ChartSeries } from './year-chart.ts'
import type { YearDay } from './simulated-year.ts'

const RESOLUTIONS = [
  { name: 'raw', key: '0', color: '#4e79a7' },
  { name: '5 minutes', key: '300000', color: '#f28e2b' },
  { name: '1 hour', key: '3600000', color: '#59a14f' },
] as const
const GOING = { name: 'marked for deletion', color: '#a0a0a0' }
const ALL_RAW = { name: 'all that came, kept raw', color: '#c0504d' }

const JOBS: readonly {
  readonly name: string
  readonly types: readonly JobType[]
  readonly color: string
}[] = [
  { name: 'compactions', types: ['compact', 'cut', 'part', 'finish'], color: '#4e79a7' },
  { name: 'downsamplings', types: ['downsample'], color: '#f28e2b' },
  { name: 'marks and deletions', types: ['mark', 'delete', 'delete-objects'], color: '#a0a0a0' },
]
const COSTS: readonly { readonly name: keyof DayCost; readonly color: string }[] = [
  { name: 'storage', color: '#4e79a7' },
  { name: 'requests', color: '#f28e2b' },
  { name: 'functions', color: '#59a14f' },
]
/** Jobs come in bursts: costs and counts are those of the last days. */
const WINDOW_DAYS = 14

export class YearTable {
  readonly scale: number
  readonly #days: YearDay[] = []
  readonly #costs: DayCost[] = []

  constructor(scale: number) {
    this.scale = scale
  }

  get length(): number {
    return this.#days.length
  }

  add(day: YearDay): void {
    this.#days.push(day)
    this.#costs.push(costOf(day, this.scale))
  }

  column(value: (day: YearDay) => number): number[] {
    return this.#days.map(value)
  }

  /** Mean of the days until then, USD a month. */
  cost(name: keyof DayCost): number[] {
    return smooth(this.#costs.map((cost) => cost[name]))
  }

  /** Jobs a day, mean of the days until then. */
  jobs(types: readonly JobType[]): number[] {
    return smooth(this.column(({ jobs }) => jobs.filter(({ type }) => types.includes(type)).length))
  }

  markdown(): string {
    const days = [30, 90, 180, 270, 365].filter((day) => day <= this.length)
    const all = days.length > 0 ? days : [this.length]
    const rows = all.map((n) => {
      const { blocks, going, uploadedBytes, jobs } = this.#days[n - 1]!
      const gb = (bytes: number): string => ((bytes * this.scale) / 1e9).toFixed(2)
      const of = (key: string): string => {
        const { count = 0, bytes = 0 } = blocks[key] ?? {}
        return `${count} / ${gb(bytes)}`
      }
      const usd = COSTS.map(({ name }) => this.cost(name)[n - 1]!)
      const sum = usd.reduce((a, b) => a + b, 0)
      return `| ${[n, ...RESOLUTIONS.map(({ key }) => of(key)), `${going.count} / ${gb(going.bytes)}`, gb(uploadedBytes), jobs.length, ...usd.map(dollars), dollars(sum)].join(' | ')} |`
    })
    return [
      '| day | raw: blocks / GB | 5 minutes | 1 hour | marked | all that came, GB | jobs that day | storage, USD a month | requests | functions | together |',
      '|---|---|---|---|---|---|---|---|---|---|---|',
      ...rows,
    ].join('\n')
  }
}

function dollars(usd: number): string {
  return usd.toFixed(2)
}

export function yearPanels(table: YearTable): ChartPanel[] {
  const held = (of: 'count' | 'bytes', factor: number): ChartSeries[] => [
    ...RESOLUTIONS.map(({ name, key, color }) => ({
      name,
      color,
      values: table.column(({ blocks }) => (blocks[key]?.[of] ?? 0) * factor),
    })),
    { ...GOING, values: table.column(({ going }) => going[of] * factor) },
  ]
  const uploaded = table.column(({ uploadedBytes }) => uploadedBytes * table.scale)
  return [
    {
      title: 'In the bucket, GB',
      areas: held('bytes', table.scale),
      lines: [{ ...ALL_RAW, values: uploaded }],
      format: (bytes) => String(Number((bytes / 1e9).toPrecision(3))),
    },
    { title: 'Blocks', areas: held('count', 1), format: String },
    {
      title: 'Jobs a day',
      areas: JOBS.map(({ name, types, color }) => ({ name, color, values: table.jobs(types) })),
      format: String,
    },
    {
      title: 'USD a month',
      areas: COSTS.map(({ name, color }) => ({ name, color, values: table.cost(name) })),
      format: (usd) => usd.toFixed(2),
    },
  ]
}

function smooth(values: readonly number[]): number[] {
  return values.map((_, day) => {
    const some = values.slice(Math.max(0, day - WINDOW_DAYS + 1), day + 1)
    return some.reduce((sum, value) => sum + value, 0) / some.length
  })
}
