/** What a run is worth: numbers by what went wrong at the time, as JSON and as text. */
import type { Disturbed, HourResult } from './hour-run.ts'
import type { SeenSample } from './visibility.ts'
import { isEqual } from './raw-samples.ts'
import type { WindowCheck } from './windows.ts'

/** What was going on between the scrape of a sample and the first answer that had it; the worst counts. */
export type Circumstance =
  | 'outage'
  | 'disk full'
  | 'agent killed'
  | 'prometheus restarted'
  | 'undisturbed'

export interface Delays {
  readonly samples: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly overBound: number
}

export interface HourSummary {
  readonly minutes: number
  readonly boundMs: number
  readonly delays: Readonly<Record<Circumstance | 'all', Delays>>
  readonly catchUpMs: number | undefined
  readonly vanished: number
  readonly invented: number
  readonly otherValues: number
  readonly dueWindows: { readonly looks: number; readonly samples: number; readonly late: number }
  readonly lateUndisturbed: number
  readonly neverSettled: number
  readonly past: { readonly looks: number; readonly samples: number; readonly wrong: number }
  readonly seams: SeamSummary
  readonly final: FinalSummary
  readonly agent: { readonly maxRssMb: number; readonly cpuMsPerMinute: number }
  readonly freshObjects: { readonly max: number; readonly last: number }
  readonly thawQueryMs: { readonly p50: number; readonly p99: number }
  readonly thawFailures: readonly string[]
  readonly examples: readonly string[]
  readonly problems: readonly string[]
  readonly clean: boolean
}

interface SeamSummary {
  readonly blocks: number
  readonly looks: number
  readonly samples: number
  readonly wrong: number
  readonly lateBehindOutage: number
}

interface FinalSummary {
  readonly series: number
  readonly samples: number
  readonly missing: number
  readonly extra: number
  readonly otherValue: number
  readonly queries: number
  readonly values: number
  readonly close: number
  readonly differences: readonly string[]
}

const MAX_EXAMPLES = 30

export function summarise(result: HourResult): HourSummary {
  const { visibility, due, past, seams, disturbed, boundMs, final, usage } = result
  const delays = delaysOf(visibility.seen, disturbed, boundMs)
  const late = due.first.filter(({ difference }) => !isEqual(difference))
  const lateUndisturbed = late.filter(
    ({ startMs, askedMs }) => circumstance(startMs, askedMs, disturbed) === 'undisturbed',
  )
  const pastWrong = past.filter(({ difference }) => !isEqual(difference))
  const seamWrong = seams.checks.filter(
    ({ check: { difference }, behind }) =>
      difference.extra + difference.otherValue > 0 || (difference.missing > 0 && !behind),
  )
  const total = (key: 'samples' | 'missing' | 'extra' | 'otherValue'): number =>
    final.windows.reduce((sum, { difference }) => sum + difference[key], 0)
  const seamSummary = {
    blocks: seams.blocks.length,
    looks: seams.checks.length,
    samples: samplesOf(seams.checks.map(({ check }) => check)),
    wrong: seamWrong.length,
    lateBehindOutage: seams.checks.filter((one) => one.behind && one.check.difference.missing > 0)
      .length,
  }
  const examples = [
    ...visibility.vanished.map((text) => `vanished: ${text}`).slice(0, 5),
    ...visibility.invented.map((text) => `not in prometheus: ${text}`).slice(0, 5),
    ...visibility.otherValues.slice(0, 5),
    ...[...lateUndisturbed, ...due.unsettled, ...pastWrong].flatMap(describe),
    ...seamWrong.flatMap(({ check, block }) => describe(check).map((text) => `${block}: ${text}`)),
    ...final.windows.filter(({ difference }) => !isEqual(difference)).flatMap(describe),
    ...final.differences,
  ].slice(0, MAX_EXAMPLES)
  const wrong =
    visibility.vanished.length +
    visibility.invented.length +
    visibility.otherValues.length +
    due.unsettled.length +
    pastWrong.length +
    seamWrong.length +
    total('missing') +
    total('extra') +
    total('otherValue') +
    final.differences.length
  return {
    minutes: (result.endMs - result.startMs) / 60_000,
    boundMs,
    delays,
    catchUpMs: result.catchUpMs,
    vanished: visibility.vanished.length,
    invented: visibility.invented.length,
    otherValues: visibility.otherValues.length,
    dueWindows: { looks: due.first.length, samples: samplesOf(due.first), late: late.length },
    lateUndisturbed: lateUndisturbed.length,
    neverSettled: due.unsettled.length,
    past: { looks: past.length, samples: samplesOf(past), wrong: pastWrong.length },
    seams: seamSummary,
    final: {
      series: final.series,
      samples: total('samples'),
      missing: total('missing'),
      extra: total('extra'),
      otherValue: total('otherValue'),
      queries: final.queries,
      values: final.values,
      close: final.close,
      differences: final.differences,
    },
    agent: agentUsage(result),
    freshObjects: {
      max: Math.max(0, ...usage.map(({ freshObjects }) => freshObjects)),
      last: usage.at(-1)?.freshObjects ?? 0,
    },
    thawQueryMs: {
      p50: quantile(visibility.queryMs, 0.5),
      p99: quantile(visibility.queryMs, 0.99),
    },
    thawFailures: visibility.failures.thaw.slice(0, 20),
    examples,
    problems: result.problems,
    clean: wrong === 0 && delays.undisturbed.overBound === 0 && lateUndisturbed.length === 0,
  }
}

export function circumstance(
  fromMs: number,
  toMs: number,
  disturbed: readonly Disturbed[],
): Circumstance {
  const meanwhile = disturbed.filter((one) => one.fromMs <= toMs && one.toMs >= fromMs)
  const types = new Set(meanwhile.map(({ what }) => what.type))
  if (types.has('bucket')) return 'outage'
  if (types.has('disk')) return 'disk full'
  if (types.has('agent')) return 'agent killed'
  return types.has('prometheus') ? 'prometheus restarted' : 'undisturbed'
}

function delaysOf(
  seen: readonly SeenSample[],
  disturbed: readonly Disturbed[],
  boundMs: number,
): HourSummary['delays'] {
  const by: Record<Circumstance | 'all', number[]> = {
    all: [],
    undisturbed: [],
    'agent killed': [],
    'prometheus restarted': [],
    'disk full': [],
    outage: [],
  }
  for (const { timestampMs, seenMs } of seen) {
    const delay = seenMs - timestampMs
    by.all.push(delay)
    by[circumstance(timestampMs, seenMs, disturbed)].push(delay)
  }
  const entries = Object.entries(by).map(([name, delays]) => [
    name,
    {
      samples: delays.length,
      p50Ms: quantile(delays, 0.5),
      p99Ms: quantile(delays, 0.99),
      maxMs: quantile(delays, 1),
      overBound: delays.filter((delay) => delay > boundMs).length,
    },
  ])
  return Object.fromEntries(entries) as HourSummary['delays']
}

/** 0 for no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
}

function samplesOf(checks: readonly WindowCheck[]): number {
  return checks.reduce((sum, { difference }) => sum + difference.samples, 0)
}

function describe({ startMs, endMs, askedMs, difference }: WindowCheck): string[] {
  if (isEqual(difference)) return []
  const { samples, missing, extra, otherValue, examples } = difference
  const time = (ms: number): string => new Date(ms).toISOString().slice(11, 23)
  const head = `(${time(startMs)}, ${time(endMs)}] asked ${time(askedMs)}: ${missing} missing, ${extra} too many, ${otherValue} other of ${samples}`
  return [head, ...examples.slice(0, 3)]
}

/** Processor time of an agent that was killed is lost with it, but for the last look. */
function agentUsage({ usage, startMs, endMs }: HourResult): HourSummary['agent'] {
  const cpuOf = new Map<number, number>()
  let maxKb = 0
  for (const { agent, agentPid } of usage) {
    if (agent === undefined || agentPid === undefined) continue
    cpuOf.set(agentPid, agent.cpuMs)
    maxKb = Math.max(maxKb, agent.peakKb)
  }
  const cpuMs = [...cpuOf.values()].reduce((sum, ms) => sum + ms, 0)
  return { maxRssMb: maxKb / 1024, cpuMsPerMinute: cpuMs / ((endMs - startMs) / 60_000) }
}

export function textOf(summary: HourSummary): string {
  const { delays, final, seams, past, dueWindows } = summary
  const s = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  const lines = Object.entries(delays).map(
    ([name, one]) =>
      `  ${name.padEnd(22)}${String(one.samples).padStart(8)} samples   p50 ${s(one.p50Ms)}   p99 ${s(one.p99Ms)}   max ${s(one.maxMs)}   over ${s(summary.boundMs)}: ${one.overBound}`,
  )
  return `${summary.clean ? 'CLEAN' : 'NOT CLEAN'}: ${summary.minutes.toFixed(1)} minutes
from scrape to thaw's answer, by what went wrong meanwhile:
${lines.join('\n')}
  after the outage all was there within ${summary.catchUpMs === undefined ? '–' : s(summary.catchUpMs)}
watched each second: ${summary.vanished} vanished, ${summary.invented} not in Prometheus, ${summary.otherValues} other values; ${past.looks} looks back at ${past.samples} samples, ${past.wrong} wrong
all series as they become due: ${dueWindows.looks} looks at ${dueWindows.samples} samples, late ${dueWindows.late} (undisturbed ${summary.lateUndisturbed}), never there ${summary.neverSettled}
seams: ${seams.blocks} blocks, ${seams.looks} looks at ${seams.samples} samples, ${seams.wrong} wrong, ${seams.lateBehindOutage} late behind the outage
at the end: ${final.series} series, ${final.samples} samples: ${final.missing} missing, ${final.extra} doubled or too many, ${final.otherValue} other values
  ${final.queries} queries, ${final.values} values equal, ${final.close} answers but for last bits, ${final.differences.length} different
agent: at most ${summary.agent.maxRssMb.toFixed(0)} MB resident, ${(summary.agent.cpuMsPerMinute / 1000).toFixed(2)} s of processor a minute; fresh objects at most ${summary.freshObjects.max}, at the end ${summary.freshObjects.last}
thaw: p50 ${summary.thawQueryMs.p50} ms, p99 ${summary.thawQueryMs.p99} ms, ${summary.thawFailures.length} failures
${[...summary.problems, ...summary.thawFailures.slice(0, 5), ...summary.examples].map((text) => `! ${text}\n`).join('')}`
}
