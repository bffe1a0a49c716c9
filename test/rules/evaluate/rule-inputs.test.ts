import { describe, expect, it } from 'vitest'
import { inputsOfRules } from '#lib/rules/evaluate/rule-inputs.ts'
import { alerting, recording } from './group-fixture.ts'

describe('inputsOfRules', () => {
  it('finds the earlier rules whose names selectors may have', () => {
    const rules = [
      recording('a', 'later'),
      recording('b', 'sum(a)'),
      recording('later', '{__name__=~"a|c"} + b'),
      recording('d', '{job="x"}'),
      recording('e', 'up'),
    ]
    expect(inputsOfRules(rules)).toEqual([[], [0], [0, 1], [0, 1, 2], []])
  })

  it('knows which alerts ALERTS may have, and that templates query', () => {
    const rules = [
      alerting('A', 'x'),
      alerting('B', 'x'),
      recording('a', 'ALERTS{alertname="B"}'),
      recording('b', 'ALERTS_FOR_STATE'),
      alerting('C', 'x', { annotations: { summary: '{{ query "a" }}' } }),
    ]
    expect(inputsOfRules(rules)).toEqual([[], [], [1], [0, 1], [0, 1, 2, 3]])
  })
})
