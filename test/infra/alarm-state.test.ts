/** When the alarms of the template ring: an installation that nobody uses is quiet, one whose schedule died is not. */
import { describe, expect, it } from 'vitest'

import { type AlarmState, calculate, type MetricData, stateOf } from './alarm-state.ts'
import { resourcesOf, synthesize } from './synthesized.ts'

const alarms = Object.values(
  resourcesOf(synthesize({ monthlyBudgetUsd: 50 }), 'AWS::CloudWatch::Alarm'),
).map(({ Properties }) => Properties)

function states(data: MetricData): Record<string, AlarmState> {
  return Object.fromEntries(
    alarms.map((alarm) => [String(alarm['AlarmName']).slice(5), stateOf(alarm, data)]),
  )
}

function ringing(data: MetricData): string[] {
  return Object.entries(states(data)).flatMap(([name, state]) => (state === 'ALARM' ? name : []))
}

type Minutes = (minutesAgo: number) => readonly number[]

/** Nobody asks, nobody writes; schedules run, and each run is well. */
const IDLE: Readonly<Record<string, Minutes>> = {
  'AWS/Lambda Errors PlanFunction': (ago) => (ago % 5 === 2 ? [0] : []),
  'AWS/Lambda Errors RuleFunction': () => [0],
  'AWS/Lambda Duration RuleFunction': () => [40],
}

function like(over: Readonly<Record<string, Minutes>>): MetricData {
  const all = { ...IDLE, ...over }
  return (metric, minutesAgo) => all[metric]?.(minutesAgo) ?? []
}

describe('the alarms', () => {
  it('are quiet while nobody uses the installation', () => {
    const { 'dead-jobs': dead, ...others } = states(like({}))
    expect(dead).toBe('as it was')
    expect(new Set(Object.values(others))).toEqual(new Set(['OK']))
  })

  it('hear of schedules that died', () => {
    expect(ringing(() => [])).toEqual(['plan-failing', 'rule-failing'])
  })

  it('ring when every run fails, and not when one is well', () => {
    const plan = 'AWS/Lambda Errors PlanFunction'
    const rule = 'AWS/Lambda Errors RuleFunction'
    expect(ringing(like({ [plan]: (ago) => (ago % 5 === 2 ? [1, 1] : []) }))).toEqual([
      'plan-failing',
    ])
    const once: Minutes = (ago) => (ago % 5 === 2 ? [ago < 10 ? 0 : 1] : [])
    expect(ringing(like({ [plan]: once }))).toEqual([])
    // Events of blocks that arrive fail, the schedule does not.
    expect(ringing(like({ [plan]: (ago) => (ago % 5 === 2 ? [1, 0] : []) }))).toEqual([])
    expect(ringing(like({ [rule]: () => [1] }))).toEqual(['rule-failing'])
    expect(ringing(like({ [rule]: (ago) => [ago % 7 === 0 ? 0 : 1] }))).toEqual([])
    expect(ringing(like({ [rule]: (ago) => (ago > 8 ? [0] : []) }))).toEqual(['rule-failing'])
    // A minute without a tick, and one with two.
    expect(ringing(like({ [rule]: (ago) => (ago % 2 === 0 ? [0, 0] : []) }))).toEqual([])
  })

  it.each([
    ['100 requests a minute, 4 of 100 fail', 100, 4, false],
    ['100 requests a minute, 5 of 100 fail', 100, 5, true],
    ['one request a minute, and it fails', 1, 1, true],
    ['ten requests a minute, and 4 in a thousand fail', 10, 0.04, false],
    ['two requests a minute, and one fails', 2, 1, true],
    ['20 requests a minute, none fails, and 5xx has no data', 20, undefined, false],
  ])('%s', (_, requests, failed, rings) => {
    const data = like({
      'AWS/ApiGateway Count HttpApi': () => [requests],
      ...(failed !== undefined && { 'AWS/ApiGateway 5xx HttpApi': () => [failed] }),
    })
    expect(ringing(data)).toEqual(rings ? ['api-errors'] : [])
  })

  it('wait for failures of the API to last', () => {
    const data = like({
      'AWS/ApiGateway Count HttpApi': () => [100],
      'AWS/ApiGateway 5xx HttpApi': (ago) => [ago < 5 ? 100 : 0],
    })
    expect(ringing(data)).toEqual([])
  })

  it.each([
    ['agent-silent', 'thaw SilentWriters', 5],
    ['block-set-aside', 'thaw SetAside', 5],
    ['rule-slots-missed', 'thaw MissedSlots', 5],
    ['alerts-waiting', 'thaw WaitingAlerts', 1],
    ['dead-jobs', 'AWS/SQS ApproximateNumberOfMessagesVisible JobsDeadLetters', 1],
  ])('%s rings for %s', (name, metric, everyMinutes) => {
    const data = like({ [metric]: (ago) => (ago % everyMinutes === 0 ? [1] : []) })
    expect(ringing(data)).toEqual([name])
  })

  it('hear of an authorizer that fails by what it does to requests', () => {
    // A panel that is refreshed each minute.
    const data = like({
      'AWS/Lambda Errors AuthorizeFunction': () => [1],
      'AWS/ApiGateway Count HttpApi': () => [1],
      'AWS/ApiGateway 5xx HttpApi': () => [1],
    })
    expect(ringing(data)).toEqual(['api-errors'])
  })

  it('let Alertmanagers restart', () => {
    const data = like({ 'thaw WaitingAlerts': (ago) => (ago < 4 ? [3] : []) })
    expect(ringing(data)).toEqual([])
  })

  it('let Lambda turn away some calls, not many for long', () => {
    const throttles = (each: number, minutes: number): MetricData =>
      like({ 'AWS/Lambda Throttles': (ago) => (ago < minutes ? [each] : []) })
    expect(ringing(throttles(100, 5))).toEqual([])
    expect(ringing(throttles(1, 60))).toEqual([])
    expect(ringing(throttles(2, 15))).toEqual(['throttled'])
  })

  it('hold the budget: one function of a vCPU that never stops is $60 a month', () => {
    const busy = (share: number): MetricData =>
      like({ 'AWS/Lambda Duration StoreFunction': () => [60_000 * share] })
    expect(ringing(busy(1))).toEqual(['spending'])
    expect(ringing(busy(0.7))).toEqual([])
  })
})

describe('metric arithmetic', () => {
  it('is of numbers, and without data where a metric is', () => {
    const values = new Map([
      ['a', 4],
      ['b', undefined],
    ])
    expect(calculate('(a + FILL(b, 2)) * 2 / 3', values)).toBe(4)
    expect(calculate('IF(a >= 4, 100 * a / 8, 0)', values)).toBe(50)
    expect(calculate('a + b', values)).toBeUndefined()
    expect(() => calculate('RATE(a)', values)).toThrow('expression RATE(a)')
  })
})
