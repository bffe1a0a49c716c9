/** What a tick has to do, as data: for each group its slots and what becomes of it, and all of that in order of time. */
import type { RuleGroupConfig } from '../file/rule-file.ts'
import type { LoadedFiles } from './load-files.ts'
import type { RuleGroupEntry, RulerState } from './ruler-state.ts'
import { dueSlots, type Grid, gridOf, resumeFrom } from './slots.ts'
import type { TickSettings } from './tick-parts.ts'

/** One group, as it is and as it will be. */
export interface GroupPlan {
  readonly file: string
  readonly name: string
  /** Undefined: it is new. */
  readonly entry: RuleGroupEntry | undefined
  /** What it is and was. */
  readonly configs: readonly RuleGroupConfig[]
  readonly events: readonly GroupEvent[]
}

export type GroupEvent =
  | { readonly type: 'evaluate'; readonly timeMs: number; readonly grid: Grid }
  /** It is new, or another one from this time on: a slot of this very time is still the old one's. */
  | {
      readonly type: 'configure'
      readonly timeMs: number
      readonly config: RuleGroupConfig
      readonly grid: Grid
    }
  | { readonly type: 'remove'; readonly timeMs: number }

export interface PlanParts {
  readonly loaded: LoadedFiles
  readonly settings: TickSettings
  readonly nowMs: number
}

export function planTick(
  state: Pick<RulerState, 'groups' | 'updatedMs'>,
  parts: PlanParts,
): GroupPlan[] {
  const { loaded } = parts
  const plans: GroupPlan[] = []
  const known = new Set<string>()
  for (const entry of state.groups) {
    const { file, config } = entry
    known.add(keyOf(file, config.name))
    const changed = loaded.changed.get(file)
    const next = changed ? changed.groups.find(({ name }) => name === config.name) : config
    const atMs = Math.min(changed?.modifiedMs ?? parts.nowMs, parts.nowMs)
    if (loaded.removed.has(file)) plans.push(removedPlan(entry, parts.nowMs, parts, []))
    else if (!next) plans.push(removedPlan(entry, atMs, parts, slotsOf(entry, atMs, parts)))
    else if (sameConfig(config, next))
      plans.push(planOf(entry, [config], slotsOf(entry, parts.nowMs, parts)))
    else plans.push(changedPlan(entry, next, atMs, parts))
  }
  for (const [file, { groups, modifiedMs }] of loaded.changed) {
    for (const config of groups) {
      if (known.has(keyOf(file, config.name))) continue
      // Whatever their file says of its time: what is before has been.
      const atMs = Math.min(Math.max(modifiedMs, state.updatedMs), parts.nowMs)
      plans.push(newPlan(file, config, atMs, parts))
    }
  }
  return plans
}

/** Of all groups, in the order in which they take place. Those of a group keep theirs. */
export function inOrder(plans: readonly GroupPlan[]): { plan: GroupPlan; event: GroupEvent }[] {
  return plans
    .flatMap((plan) => plan.events.map((event) => ({ plan, event })))
    .sort((a, b) => a.event.timeMs - b.event.timeMs)
}

function planOf(
  entry: RuleGroupEntry,
  configs: readonly RuleGroupConfig[],
  events: readonly GroupEvent[],
): GroupPlan {
  const { file, config } = entry
  return { file, name: config.name, entry, configs, events }
}

function removedPlan(
  entry: RuleGroupEntry,
  atMs: number,
  { nowMs }: PlanParts,
  slots: readonly GroupEvent[],
): GroupPlan {
  const timeMs = Math.max(
    atMs,
    (evaluatedMs(entry, nowMs) ?? -Infinity) + 1,
    ...slots.map((slot) => slot.timeMs + 1),
  )
  return planOf(entry, [entry.config], [...slots, { type: 'remove', timeMs }])
}

function changedPlan(
  entry: RuleGroupEntry,
  config: RuleGroupConfig,
  atMs: number,
  parts: PlanParts,
): GroupPlan {
  const before = slotsOf(entry, atMs, parts)
  const timeMs = Math.max(atMs, evaluatedMs(entry, parts.nowMs) ?? -Infinity)
  const events = [...before, ...configured(entry.file, config, timeMs, parts)]
  return planOf(entry, [entry.config, config], events)
}

function newPlan(file: string, config: RuleGroupConfig, atMs: number, parts: PlanParts): GroupPlan {
  const events = configured(file, config, atMs, parts)
  return { file, name: config.name, entry: undefined, configs: [config], events }
}

/** Its slots after `timeMs` behind it. */
function configured(
  file: string,
  config: RuleGroupConfig,
  timeMs: number,
  { nowMs, settings }: PlanParts,
): GroupEvent[] {
  const grid = gridOf(file, config.name, config.intervalMs ?? settings.evalIntervalMs)
  const slots = dueSlots(grid, {
    fromMs: timeMs + 1,
    toMs: nowMs,
    nowMs,
    catchUpMs: settings.catchUpMs,
  })
  return [{ type: 'configure', timeMs, config, grid }, ...slots.map((slot) => evaluate(slot, grid))]
}

function slotsOf(
  entry: RuleGroupEntry,
  toMs: number,
  { nowMs, settings }: PlanParts,
): GroupEvent[] {
  const { file, config, nextMs } = entry
  const intervalMs = config.intervalMs ?? settings.evalIntervalMs
  const grid = gridOf(file, config.name, intervalMs)
  const fromMs = resumeFrom(nextMs, nowMs, intervalMs)
  const { catchUpMs } = settings
  return dueSlots(grid, { fromMs, toMs, nowMs, catchUpMs }).map((slot) => evaluate(slot, grid))
}

function evaluate(timeMs: number, grid: Grid): GroupEvent {
  return { type: 'evaluate', timeMs, grid }
}

/** None that a clock far ahead said. */
function evaluatedMs(
  { state, nextMs, intervalMs }: RuleGroupEntry,
  nowMs: number,
): number | undefined {
  const { evaluatedMs: timeMs } = state
  return timeMs !== undefined && resumeFrom(nextMs, nowMs, intervalMs) === nextMs
    ? timeMs
    : undefined
}

/** Both were made by the same reader, so their keys are in the same order. */
function sameConfig(a: RuleGroupConfig, b: RuleGroupConfig): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function keyOf(file: string, name: string): string {
  return `${file};${name}`
}
