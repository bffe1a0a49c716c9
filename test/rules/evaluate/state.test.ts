// What a group remembers: all of it in JSON, little of it, and exactly the series that have not ended.
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import { labelsKey } from '#lib/model/labels.ts'
import { evaluateGroup } from '#lib/rules/evaluate/evaluate-group.ts'
import type { GroupState } from '#lib/rules/evaluate/group-state.ts'
import { fromJsonNumber, toJsonNumber } from '#lib/rules/evaluate/json-number.ts'
import { newGroupState } from '#lib/rules/evaluate/new-group-state.ts'
import { unpackSeries } from '#lib/rules/evaluate/series-list.ts'
import type { RuleConfig, RuleGroupConfig } from '#lib/rules/file/rule-file.ts'
import { RandomSource } from '#test/promql/random/random-source.ts'
import {
  alerting,
  depsOf,
  group,
  MINUTE,
  recording,
  sample,
  START,
  Written,
  type Answers,
} from './group-fixture.ts'

const EXPRS = ['w', 'x', 'y', 'z'] as const

function randomConfig(random: RandomSource): RuleGroupConfig {
  const rules = Array.from({ length: random.below(5) }, (): RuleConfig => {
    const expr = random.pick(EXPRS)
    const labels: Record<string, string> = random.chance(0.3) ? { by: 'rule' } : {}
    if (random.chance(0.5)) return recording(random.pick(['a', 'b']), expr, labels)
    const forMs = random.below(3) * MINUTE
    return alerting(random.pick(['A', 'B']), expr, { labels, forMs, keepFiringForMs: MINUTE })
  })
  const seen = new Set<string>()
  const unlike = rules.filter((rule) => {
    // Two of one name and labels would write each other's series, once one of them has moved.
    const key = [
      rule.type === 'recording' ? rule.record : rule.alert,
      ...Object.keys(rule.labels),
    ].join()
    return !seen.has(key) && seen.add(key)
  })
  return group(unlike, { limit: random.chance(0.3) ? 2 : 0 })
}

function randomAnswers(random: RandomSource): Answers {
  const value = (): number => random.pick([1, -0, Number.NaN, Infinity, -Infinity, 0.1])
  const answer = (expr: string) =>
    ['1', '2', '3'].flatMap((i) => (random.chance(0.5) ? [sample({ expr, i }, value())] : []))
  return Object.fromEntries(
    EXPRS.map((expr) => [
      expr,
      random.chance(0.15) ? new DomainError('execution', 'fails') : answer(expr),
    ]),
  )
}

const throughJson = (state: GroupState): GroupState => JSON.parse(JSON.stringify(state))

const remembered = ({ rules, stale }: GroupState): Set<string> =>
  new Set([stale, ...rules.map(({ series }) => series)].flatMap(unpackSeries).map(labelsKey))

describe('the state of a group', () => {
  it('goes through JSON between any two evaluations and changes of the configuration, and has the series that did not end', async () => {
    const random = new RandomSource(7)
    let endings = 0
    for (let history = 0; history < 150; history++) {
      let config = randomConfig(random)
      let state = newGroupState(config)
      const written = new Written()
      for (let i = 0; i < 12; i++) {
        while (random.chance(0.3)) {
          const next = randomConfig(random)
          state = newGroupState(next, { config, state })
          config = next
        }
        const answers = randomAnswers(random)
        const timeMs = START + i * MINUTE
        const copy = throughJson(state)
        const other = await evaluateGroup(config, timeMs, copy, depsOf(answers))
        const evaluation = await evaluateGroup(config, timeMs, state, depsOf(answers, written))
        expect(other.samples).toEqual(evaluation.samples)
        expect(other.alerts).toEqual(evaluation.alerts)
        expect(throughJson(other.state)).toEqual(throughJson(evaluation.state))
        expect(throughJson(state)).toEqual(copy)
        state = evaluation.state
        expect(written.live()).toEqual(remembered(state))
        endings += evaluation.samples.filter(({ stale }) => stale).length
      }
    }
    expect(endings).toBeGreaterThan(500)
  })

  it('is small: 10,000 series are 360 kB of JSON, a tenth of that compressed', async () => {
    const config = group([recording('job:requests:rate5m', 'x')])
    const x = Array.from({ length: 10_000 }, (_, i) =>
      sample({ job: 'api', cluster: 'eu-1', pod: `pod-${i >> 3}`, code: `${200 + (i & 7)}` }),
    )
    const { state } = await evaluateGroup(config, START, newGroupState(config), depsOf({ x }))
    const text = JSON.stringify(state)
    expect(text.length).toBeLessThan(360_000)
    expect(gzipSync(text).length).toBeLessThan(36_000)
    // The list is the same object as long as the series are.
    const next = await evaluateGroup(config, START + MINUTE, state, depsOf({ x }))
    expect(next.state.rules[0]!.series).toBe(state.rules[0]!.series)
  })

  it('has numbers that JSON has not', () => {
    for (const value of [Number.NaN, Infinity, -Infinity, -0, 0, 1.5, -1e-300]) {
      const json = JSON.stringify(toJsonNumber(value))
      expect(fromJsonNumber(JSON.parse(json) as string | number)).toBe(value)
    }
  })
})
