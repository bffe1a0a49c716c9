/** Runs a scenario through `evaluateGroup`, over a storage that grows as time goes. */
import { readFileSync } from 'node:fs'
import { labelValue } from '#lib/model/labels.ts'
import { FEATURES, DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import type { EvaluateDeps, ResultSample, RuleQuery } from '#lib/rules/evaluate/contract.ts'
import { evaluateGroup } from '#lib/rules/evaluate/evaluate-group.ts'
import type { GroupState } from '#lib/rules/evaluate/group-state.ts'
import { newGroupState, staleSamplesOf } from '#lib/rules/evaluate/new-group-state.ts'
import { lastSamples } from '#lib/rules/evaluate/restore-alerts.ts'
import { parseRuleFile, type RuleGroupConfig } from '#lib/rules/file/rule-file.ts'
import { instantVector } from '#lib/rules/reads/instant-vector.ts'
import { GrowingStorage } from './growing-storage.ts'
import type { Phase, Scenario } from './scenario.ts'
import { SCRAPE_MS, scrapedSeries } from './series.ts'

export interface Replayed {
  readonly evaluations: number
  readonly rules: number
  /** Everything rules wrote, and what was scraped. */
  readonly storage: GrowingStorage
  /** Sorted. */
  readonly sent: readonly (readonly [timeMs: number, text: string])[]
  readonly errors: readonly (readonly [timeMs: number, text: string])[]
}

export interface ReplayOptions {
  /** Done with every state after each evaluation: to show that JSON holds all of it. */
  readonly between?: (state: GroupState) => GroupState
  readonly concurrency?: number
}

interface Group {
  readonly config: RuleGroupConfig
  state: GroupState
}

interface Event {
  readonly timeMs: number
  readonly name: string
  /** Of a group that is gone; of others, `group` is evaluated. */
  readonly gone?: Group
}

export async function replay(scenario: Scenario, options: ReplayOptions = {}): Promise<Replayed> {
  const { between = (state) => state, concurrency = 8 } = options
  const storage = new GrowingStorage()
  const scrape = scraper(scenario, storage)
  const deps = depsOf(scenario, storage, concurrency)
  const sent: [number, string][] = []
  const errors: [number, string][] = []
  const totals = { evaluations: 0, rules: 0 }
  let groups = new Map<string, Group>()
  for (const phase of scenario.phases) {
    const before = phase.kind === 'reload' ? groups : new Map<string, Group>()
    groups = loaded(phase, before)
    for (const { timeMs, name, gone } of eventsOf(scenario, phase, groups, before)) {
      scrape(timeMs)
      if (gone) {
        const others = [...groups.values()].map(({ state }) => state)
        const storedMs = phase.fromMs - offsetOf(gone.config, scenario)
        deps.write(staleSamplesOf(gone.state, others, storedMs))
        continue
      }
      const group = groups.get(name)!
      const { state, alerts } = await evaluateGroup(group.config, timeMs, group.state, deps)
      group.state = between(state)
      totals.evaluations++
      totals.rules += state.rules.length
      sent.push(...alerts.map((alert): [number, string] => [timeMs, alertText(alert)]))
      for (const [rule, { lastError }] of state.rules.entries()) {
        if (lastError !== '') errors.push([timeMs, `${name} ${rule} ${lastError}`])
      }
    }
  }
  return { ...totals, storage, sent: sorted(sent), errors: sorted(errors) }
}

/** Of one time, those of any order in the order of their text. */
export function sorted<T extends readonly [number, string]>(lines: readonly T[]): T[] {
  return lines.toSorted(([a, x], [b, y]) => a - b || (x < y ? -1 : x > y ? 1 : 0))
}

export function alertText(alert: OutgoingAlert): string {
  const { labels, annotations, startsAtMs, endsAtMs, generatorUrl } = alert
  const record = (of: Readonly<Record<string, string>>) =>
    Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([record(labels), record(annotations), startsAtMs, endsAtMs, generatorUrl])
}

function loaded({ file }: Phase, before: ReadonlyMap<string, Group>): Map<string, Group> {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  return new Map(
    parseRuleFile(text).groups.map((config) => [
      config.name,
      { config, state: newGroupState(config, before.get(config.name)) },
    ]),
  )
}

function offsetOf(config: RuleGroupConfig, { queryOffsetMs }: Scenario): number {
  return config.queryOffsetMs ?? queryOffsetMs
}

function eventsOf(
  { phaseOf, intervalMs }: Scenario,
  { fromMs, toMs }: Phase,
  groups: ReadonlyMap<string, Group>,
  before: ReadonlyMap<string, Group>,
): Event[] {
  const events: Event[] = []
  for (const [name, { config }] of groups) {
    const step = config.intervalMs ?? intervalMs
    let timeMs = fromMs - (fromMs % step) + phaseOf[name]!
    while (timeMs < fromMs) timeMs += step
    for (; timeMs < toMs; timeMs += step) events.push({ timeMs, name })
  }
  for (const [name, gone] of before) {
    // As Prometheus: two intervals later.
    const timeMs = fromMs + 2 * (gone.config.intervalMs ?? intervalMs)
    if (!groups.has(name)) events.push({ timeMs, name, gone })
  }
  const rank = ({ gone }: Event): number => (gone ? 0 : 1)
  return events.sort(
    (a, b) => a.timeMs - b.timeMs || rank(a) - rank(b) || (a.name < b.name ? -1 : 1),
  )
}

function scraper({ startMs }: Scenario, storage: GrowingStorage): (untilMs: number) => void {
  const all = scrapedSeries()
  let k = 0
  return (untilMs) => {
    for (; startMs + k * SCRAPE_MS <= untilMs; k++) {
      for (const { labels, sample } of all) {
        const scraped = sample(k)
        if (scraped) storage.append(labels, { timeMs: startMs + k * SCRAPE_MS, ...scraped })
      }
    }
  }
}

function depsOf(scenario: Scenario, storage: GrowingStorage, concurrency: number): EvaluateDeps {
  return {
    query: instantQuery(storage, scenario.delayedNames),
    write: (samples: readonly ResultSample[]) => {
      for (const sample of samples) storage.append(sample.labels, sample)
    },
    intervalMs: scenario.intervalMs,
    queryOffsetMs: scenario.queryOffsetMs,
    externalLabels: scenario.externalLabels,
    externalUrl: scenario.externalUrl,
    resendDelayMs: scenario.resendDelayMs,
    forGracePeriodMs: scenario.graceMs,
    forOutageToleranceMs: scenario.outageMs,
    restore: lastSamples(storage),
    concurrency,
    clockMs: () => 0,
  }
}

function instantQuery(storage: GrowingStorage, delayedNames: boolean): RuleQuery {
  const delayed = 'promql-delayed-name-removal'
  const features = new Set(FEATURES.filter((feature) => feature === delayed && delayedNames))
  const options = { ...DEFAULT_ENGINE_OPTIONS, features }
  return async (text, timeMs) => {
    const grid = { startMs: timeMs, stepMs: 0, stepCount: 1 }
    const expr = parseExpr(text, options)
    const outcome = await evaluate({ expr, text, grid, whole: grid, storage, options })
    return { samples: instantVector(outcome.value), warnings: [] }
  }
}

/** Series that rules wrote, by their labels as text. */
export function writtenSeries(storage: GrowingStorage): ReturnType<GrowingStorage['all']> {
  const scraped = new Set(scrapedSeries().map(({ labels }) => labels.join()))
  return storage
    .all()
    .filter(({ labels }) => !scraped.has(labels.join()) && labelValue(labels, '__name__') !== '')
}
