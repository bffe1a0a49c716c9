/** One group of unit tests: its series are appended, its rules evaluated and its expectations checked, step by step, as promtool does. */
import { DomainError } from '#lib/model/errors.ts'
import { goDuration } from '#lib/model/go-duration.ts'
import { compareLabels, quoteGo } from '#lib/model/labels.ts'
import { evaluate } from '#lib/promql/engine.ts'
import { testExpression } from '#lib/promql/histogram/test-expression.ts'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions, type Feature } from '#lib/promql/options.ts'
import { formatDuration } from '#lib/promql/parse/literals.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { parseMetric, parseSeriesDescription } from '#lib/promql/parse/series-description.ts'
import type { EvaluateDeps, VectorSample } from '../evaluate/contract.ts'
import { evaluateGroup } from '../evaluate/evaluate-group.ts'
import type { GroupState } from '../evaluate/group-state.ts'
import { newGroupState } from '../evaluate/new-group-state.ts'
import type { RuleGroupConfig } from '../file/rule-file.ts'
import { instantVector } from '../reads/instant-vector.ts'
import { checkAlerts, type TestedGroup } from './check-alerts.ts'
import { sameSamples, samplesText, type ShownSample } from './expectations.ts'
import { GrowingStorage } from './growing-storage.ts'
import { SeriesInput } from './input-series.ts'
import type { ExpressionTest, TestGroup } from './unit-test-file.ts'

export interface TestSettings {
  /** Between evaluations. */
  readonly intervalMs: number
  readonly fuzzyCompare: boolean
  /** In the order of evaluation. */
  readonly groups: readonly RuleGroupConfig[]
  readonly features: ReadonlySet<Feature>
  /** Alerts that differ are told as a difference. */
  readonly diff: boolean
  readonly clockMs: () => number
  readonly signal?: AbortSignal | undefined
}

export interface TestOutcome {
  /** What failed, in promtool's words; none where all is well. */
  readonly failures: readonly string[]
  /** With all that was appended. */
  readonly storage: GrowingStorage
}

/** Failures are the outcome, as are series that can't be read. */
export async function runTestGroup(test: TestGroup, settings: TestSettings): Promise<TestOutcome> {
  const storage = new GrowingStorage()
  try {
    return { failures: await failuresOf(test, settings, storage), storage }
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind === 'canceled') throw error
    return { failures: [error.message], storage }
  }
}

async function failuresOf(
  test: TestGroup,
  settings: TestSettings,
  storage: GrowingStorage,
): Promise<string[]> {
  const input = new SeriesInput(test)
  const nameless = test.alerts.find(({ alert }) => alert === '')
  if (nameless) {
    const where = test.name === '' ? '' : ` (in TestGroup ${test.name})`
    const at = formatDuration(nameless.atMs)
    return [
      `an item under alert_rule_test misses required attribute alertname at eval_time ${at}${where}`,
    ]
  }
  const options: EngineOptions = {
    ...DEFAULT_ENGINE_OPTIONS,
    defaultSubqueryStepMs: settings.intervalMs,
    features: settings.features,
  }
  const ask = (expr: string, timeMs: number): Promise<VectorSample[]> =>
    instantQuery(storage, expr, timeMs, options, settings.signal)
  const deps: EvaluateDeps = {
    query: async (expr, timeMs) => ({ samples: await ask(expr, timeMs), warnings: [] }),
    write(samples) {
      for (const sample of samples) storage.append(sample.labels, sample)
    },
    intervalMs: test.intervalMs,
    queryOffsetMs: 0,
    externalLabels: test.externalLabels,
    externalUrl: test.externalUrl,
    resendDelayMs: 0,
    forGracePeriodMs: 0,
    forOutageToleranceMs: 0,
    clockMs: settings.clockMs,
    signal: settings.signal,
  }
  const groups: TestedGroup[] = settings.groups.map((config) => ({
    config,
    state: newGroupState(config),
  }))
  const failures: string[] = []
  const lastMs = test.startMs + latest(test)
  for (let timeMs = test.startMs; timeMs <= lastMs; timeMs += settings.intervalMs) {
    input.appendUntil(timeMs, storage)
    const errors: string[] = []
    for (const group of groups) {
      const { state } = await evaluateGroup(group.config, timeMs, group.state, deps)
      group.state = state
      errors.push(...errorsOf(group.config, state, timeMs))
    }
    failures.push(...errors)
    if (errors.length > 0) return failures
    failures.push(...checkAlerts(test, groups, timeMs - test.startMs, settings))
  }
  for (const expression of test.expressions) {
    failures.push(...(await checkExpression(expression, test, settings, ask)))
  }
  return failures
}

function latest({ alerts, expressions }: TestGroup): number {
  return Math.max(0, ...alerts.map(({ atMs }) => atMs), ...expressions.map(({ atMs }) => atMs))
}

function errorsOf({ rules }: RuleGroupConfig, state: GroupState, timeMs: number): string[] {
  return state.rules.flatMap(({ lastError }, i) => {
    if (lastError === '') return []
    const rule = rules[i]!
    const name = rule.type === 'recording' ? rule.record : rule.alert
    return [`    rule: ${name}, time: ${goDuration(timeMs)}, err: ${lastError}`]
  })
}

async function instantQuery(
  storage: GrowingStorage,
  text: string,
  timeMs: number,
  options: EngineOptions,
  signal: AbortSignal | undefined,
): Promise<VectorSample[]> {
  const expr = parseExpr(text, options)
  const grid = { startMs: timeMs, stepMs: 0, stepCount: 1 }
  const { value } = await evaluate({ expr, text, grid, whole: grid, storage, options, signal })
  return instantVector(value)
}

async function checkExpression(
  { expr, atMs, expected }: ExpressionTest,
  test: TestGroup,
  { fuzzyCompare }: TestSettings,
  ask: (expr: string, timeMs: number) => Promise<VectorSample[]>,
): Promise<string[]> {
  const where = `    expr: ${quoteGo(expr)}, time: ${formatDuration(atMs)},`
  let got: ShownSample[]
  let wanted: ShownSample[]
  try {
    got = (await ask(expr, test.startMs + atMs)).map(({ labels, value, histogram }) => ({
      labels,
      value,
      histogram: histogram ? testExpression(histogram) : '',
    }))
    wanted = expected.map(expectedSample)
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind === 'canceled') throw error
    return [`${where} err: ${error.message}`]
  }
  got.sort((a, b) => compareLabels(a.labels, b.labels))
  wanted.sort((a, b) => compareLabels(a.labels, b.labels))
  if (sameSamples(wanted, got, fuzzyCompare)) return []
  return [`${where}\n        exp: ${samplesText(wanted)}\n        got: ${samplesText(got)}`]
}

function expectedSample(sample: ExpressionTest['expected'][number]): ShownSample {
  try {
    const labels = parseMetric(sample.labels)
    return { labels, value: sample.value, histogram: expectedHistogram(sample.histogram) }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    const message = `labels ${quoteGo(sample.labels)}: ${error.message}`
    throw new DomainError(error.kind, message, { cause: error })
  }
}

function expectedHistogram(text: string): string {
  if (text === '') return ''
  const { values } = parseSeriesDescription(`{} ${text}`)
  if (values.length !== 1) {
    throw new DomainError('invalid', `expected 1 value, got ${values.length}`)
  }
  const histogram = values[0]?.histogram
  if (histogram) return testExpression(histogram)
  throw new DomainError('invalid', `expected histogram, got ${values[0]?.value.toFixed(6) ?? '_'}`)
}
