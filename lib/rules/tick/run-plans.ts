/** Does what is planned: in the order of time where it matters, side by side where it does not, as far as the time goes. */
import pLimit from 'p-limit'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import { labelsToRecord } from '#lib/model/labels.ts'
import { evaluateGroup } from '../evaluate/evaluate-group.ts'
import { newGroupState, staleSamplesOf } from '../evaluate/new-group-state.ts'
import type { EvaluateDeps, GroupEvaluation, ResultSample } from '../evaluate/contract.ts'
import { groupAccess, mustWait } from './dependencies.ts'
import { type GroupEvent, type GroupPlan, inOrder } from './plan-tick.ts'
import { queryUntil } from './query-until.ts'
import { groupKey, type RuleGroupEntry } from './ruler-state.ts'
import { gridOf, slotsBetween } from './slots.ts'
import type { TickParts } from './tick-parts.ts'

export interface RunOptions {
  /** No evaluation begins after it. */
  readonly cutMs: number
  /** Those that run are given up. */
  readonly cut: AbortSignal
}

export interface PlansRun {
  readonly groups: readonly RuleGroupEntry[]
  /** In the order of the plan, as are alerts. */
  readonly samples: readonly ResultSample[]
  readonly alerts: readonly OutgoingAlert[]
  readonly evaluations: number
  readonly rules: number
  /** What did not fit, and files of which something did not. */
  readonly left: number
  readonly unfinishedFiles: ReadonlySet<string>
  readonly problems: readonly string[]
}

interface Outcome {
  readonly samples: readonly ResultSample[]
  readonly alerts: readonly OutgoingAlert[]
}

/** Of one group. */
interface Course {
  readonly plan: GroupPlan
  entry: RuleGroupEntry | undefined
  /** The end of its last event, which holds up later ones where it is false. */
  last: Promise<boolean>
  /** Others whose earlier events come first. */
  waitsFor: readonly Course[]
}

export async function runPlans(
  plans: readonly GroupPlan[],
  parts: TickParts,
  options: RunOptions,
): Promise<PlansRun> {
  const courses = plans.map((plan): Course => ({
    plan,
    entry: plan.entry,
    last: Promise.resolve(true),
    waitsFor: [],
  }))
  waitForEachOther(courses.filter(({ plan }) => plan.events.length > 0))
  const byPlan = new Map(courses.map((course) => [course.plan, course]))
  const events = inOrder(plans)
  const outcomes = Array.from<Outcome | undefined>({ length: events.length })
  const limit = pLimit(parts.settings.groupConcurrency)
  const problems: string[] = []
  const beganMs = parts.now()

  async function evaluate(
    course: Course,
    { timeMs, grid }: GroupEvent & { type: 'evaluate' },
  ): Promise<Outcome> {
    const entry = course.entry!
    // What begins early has had all the time there is: its rules fail, so that the next tick does not end at the same place.
    const hadItsTime = parts.now() - beganMs <= (options.cutMs - beganMs) / 3
    const { state, samples, alerts, warnings } = await evaluated(entry, timeMs, hadItsTime)
    course.entry = {
      ...entry,
      intervalMs: grid.intervalMs,
      queryOffsetMs: entry.config.queryOffsetMs ?? parts.settings.queryOffsetMs,
      state,
      missed: entry.missed + slotsBetween(grid, entry.nextMs, timeMs),
      nextMs: timeMs + grid.intervalMs,
    }
    problems.push(...warnings.map((warning) => `${groupKey(entry)}: ${warning}`))
    return { samples, alerts }
  }

  async function evaluated(
    entry: RuleGroupEntry,
    timeMs: number,
    hadItsTime: boolean,
  ): Promise<GroupEvaluation> {
    try {
      return await evaluateGroup(entry.config, timeMs, entry.state, deps(hadItsTime))
    } catch (error) {
      if (isKind(error, 'canceled') || options.cut.aborted) throw error
      // A group whose state makes it fail must not do so for ever.
      problems.push(`${groupKey(entry)} begins anew: ${String(error)}`)
      return { state: newGroupState(entry.config), samples: [], alerts: [], warnings: [] }
    }
  }

  function deps(hadItsTime: boolean): EvaluateDeps {
    const { reads, settings, now } = parts
    const { evalIntervalMs, ruleConcurrency, externalLabels, ...others } = settings
    return {
      ...others,
      query: queryUntil(reads.query, options.cut),
      write: (samples) => reads.write(samples),
      intervalMs: evalIntervalMs,
      externalLabels: labelsToRecord(externalLabels),
      restore: reads.restore,
      concurrency: ruleConcurrency,
      clockMs: now,
      ...(!hadItsTime && { signal: options.cut }),
    }
  }

  function configure(course: Course, event: GroupEvent & { type: 'configure' }): Outcome {
    const { file } = course.plan
    const { config, grid, timeMs } = event
    const { entry } = course
    const before = entry && gridOf(file, config.name, entry.intervalMs)
    course.entry = {
      file,
      config,
      intervalMs: grid.intervalMs,
      queryOffsetMs: config.queryOffsetMs ?? parts.settings.queryOffsetMs,
      nextMs: timeMs + 1,
      missed: before ? entry.missed + slotsBetween(before, entry.nextMs, timeMs + 1) : 0,
      state: newGroupState(config, entry),
    }
    return NOTHING
  }

  function remove(course: Course, timeMs: number): Outcome {
    const { state, queryOffsetMs } = course.entry!
    course.entry = undefined
    const others = courses.flatMap(({ entry }) => entry?.state ?? [])
    const samples = staleSamplesOf(state, others, timeMs - queryOffsetMs)
    parts.reads.write(samples)
    return { samples, alerts: [] }
  }

  function outcomeOf(course: Course, event: GroupEvent): Outcome | Promise<Outcome> {
    if (event.type === 'configure') return configure(course, event)
    if (event.type === 'remove') return remove(course, event.timeMs)
    return limit(() => {
      if (options.cut.aborted || parts.now() >= options.cutMs)
        throw new DomainError('canceled', 'no time is left')
      return evaluate(course, event)
    })
  }

  async function take(course: Course, event: GroupEvent, place: number): Promise<boolean> {
    const own = course.last
    // A group that is new is so, though there is no time to evaluate it: its slots are not forgotten.
    const others = event.type === 'configure' ? [] : course.waitsFor
    const before = await Promise.all([own, ...others.map(({ last }) => last)])
    if (before.includes(false)) return false
    try {
      outcomes[place] = await outcomeOf(course, event)
      return true
    } catch (error) {
      if (isKind(error, 'canceled') || options.cut.aborted) return false
      throw error
    }
  }

  for (const [place, { plan, event }] of events.entries()) {
    const course = byPlan.get(plan)!
    course.last = take(course, event, place)
  }
  const finished = await Promise.all(courses.map(({ last }) => last))
  const done = outcomes.filter((outcome) => outcome !== undefined)
  const evaluations = events.filter(({ event }, i) => event.type === 'evaluate' && outcomes[i])
  return {
    groups: courses.flatMap(({ entry }) => entry ?? []),
    samples: done.flatMap(({ samples }) => samples),
    alerts: done.flatMap(({ alerts }) => alerts),
    evaluations: evaluations.length,
    rules: evaluations.reduce((sum, { plan }) => sum + ruleCount(plan, byPlan), 0),
    left: outcomes.length - done.length,
    unfinishedFiles: new Set(plans.filter((_, i) => !finished[i]).map(({ file }) => file)),
    problems,
  }
}

function waitForEachOther(courses: readonly Course[]): void {
  const accesses = courses.map(({ plan }) => groupAccess(plan.configs))
  for (const [i, course] of courses.entries()) {
    course.waitsFor = courses.filter((_, j) => j !== i && mustWait(accesses[i]!, accesses[j]!))
  }
}

const NOTHING: Outcome = { samples: [], alerts: [] }

function ruleCount(plan: GroupPlan, courses: ReadonlyMap<GroupPlan, Course>): number {
  return (courses.get(plan)!.entry ?? plan.entry)?.config.rules.length ?? 0
}
