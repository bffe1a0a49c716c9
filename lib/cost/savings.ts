/** What would make a month cheaper, by how much: the same estimate with one thing turned. */
import { ASSUMPTIONS } from './assumptions.ts'
import { totalUsd } from './cost-lines.ts'
import { estimate, type EstimateParts } from './estimate.ts'
import type { Workload } from './workload.ts'

export interface Saving {
  /** What to turn. */
  readonly knob: string
  /** What is given up. */
  readonly gives: string
  /** A month. */
  readonly usd: number
}

/** Less is not worth a thought. */
const LEAST_USD = 0.01
const RAW_DAYS = 30
const SLOW_SECONDS = 60

/** The largest first. What a bucket holds and what a log says is as it is: nothing is said of that. */
export function savings(workload: Workload, parts: EstimateParts): Saving[] {
  const usual = totalUsd(estimate(workload, parts))
  const found: Saving[] = []
  const turn = (knob: string, gives: string, other: Partial<Workload>, month = parts): void => {
    const usd = usual - totalUsd(estimate({ ...workload, ...other }, month))
    if (usd >= LEAST_USD) found.push({ knob, gives, usd })
  }
  const { retention, freshSeconds, refreshesPerDay } = workload
  if (retention.rawDays > RAW_DAYS && !parts.held) {
    turn(
      `--retention.resolution-raw=${RAW_DAYS}d of the compactor (retentionRawDays)`,
      'single samples of older times; those of 5 minutes stay',
      { retention: { ...retention, rawDays: RAW_DAYS } },
    )
  }
  if (freshSeconds > 0 && freshSeconds < SLOW_SECONDS) {
    turn(`--fresh.interval=${SLOW_SECONDS}s of agents`, 'queries see samples a little later', {
      freshSeconds: SLOW_SECONDS,
    })
  }
  if (!parts.queries) {
    turn('dashboards that are refreshed half as often', 'panels are a little older', {
      refreshesPerDay: refreshesPerDay / 2,
    })
  }
  const { assumed } = parts
  const urgent = ASSUMPTIONS['month.urgent-alarms'].value
  turn(
    '"alarms": "urgent" of the stack',
    'alarms that can wait until the morning',
    {},
    {
      ...parts,
      assumed: (name) =>
        name === 'month.alarms' ? Math.min(urgent, assumed(name)) : assumed(name),
    },
  )
  return found.sort((a, b) => b.usd - a.usd)
}

/** Of an installation that nobody writes to and nobody asks: what the rest comes on top of. */
export function idleUsd(workload: Workload, parts: EstimateParts): number {
  const idle = { ...workload, agents: 0, series: 0, rules: 0, queriesPerDay: 0, refreshesPerDay: 0 }
  const { assumed, prices } = parts
  return totalUsd(estimate(idle, { assumed, prices }))
}
