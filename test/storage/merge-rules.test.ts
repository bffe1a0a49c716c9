import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { ZERO_TIME } from '#lib/model/precise-time.ts'
import { askRules } from '#lib/storage/ask-sources.ts'
import type { Alert, AlertingRule, Rule, RuleGroup, RuleRequest } from '#lib/storage/rules.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { at, SCOPE, telling, TENANT } from './telling.ts'

const ALL_RULES: RuleRequest = {
  type: 'all',
  matcherSets: [],
  ruleNames: [],
  groupNames: [],
  files: [],
}
const rule = (name: string, labels: Record<string, string> = {}, seconds = 0): Rule => ({
  type: 'recording',
  name,
  query: 'up',
  labels: labelsFrom(labels),
  health: 'ok',
  lastError: '',
  evaluationSeconds: 0.1,
  lastEvaluation: at(seconds),
})
const alert = (labels: Record<string, string>): Alert => ({
  labels: labelsFrom(labels),
  annotations: [],
  state: 'firing',
  value: '1e+00',
})
const alerting = (more: Partial<AlertingRule>): AlertingRule => ({
  ...rule('Down'),
  type: 'alerting',
  state: 'inactive',
  holdSeconds: 60,
  keepFiringSeconds: 0,
  annotations: [],
  alerts: [],
  ...more,
})
const group = (file: string, name: string, ...rules: Rule[]): RuleGroup => ({
  name,
  file,
  rules,
  intervalSeconds: 60,
  limit: 0,
  evaluationSeconds: 0,
  lastEvaluation: ZERO_TIME,
})

describe('rules', () => {
  const ask = async (
    answers: readonly (readonly RuleGroup[])[],
    request: Partial<RuleRequest> = {},
    scope: Partial<Scope> = {},
  ): Promise<readonly RuleGroup[]> => {
    const sources = telling('rules', answers)
    return (await askRules(sources, { ...ALL_RULES, ...request }, { ...SCOPE, ...scope })).value
  }

  it('of the same file and group are one group, in the order they are evaluated', async () => {
    const answers = [
      [group('f', 'z', rule('b'), rule('a')), group('f', 'a', rule('x'))],
      [group('f', 'z', rule('c', { replica: '1' }), rule('b', { replica: '1' })), group('e', 'z')],
    ]
    expect(await ask(answers)).toEqual([
      group('f', 'a', rule('x')),
      group('f', 'z', rule('b'), rule('a'), rule('c')),
    ])
  })

  it('that a group has twice are there twice, of however many sources', async () => {
    const twice = group('f', 'g', rule('a', {}, 1), rule('b'), rule('a', {}, 2))
    expect(await ask([[twice]])).toEqual([twice])
    expect(await ask([[twice], [twice]])).toEqual([twice])
    const replicas = group('f', 'g', rule('a', { replica: '1' }), rule('a', { replica: '2' }))
    expect(await ask([[replicas]])).toEqual([group('f', 'g', rule('a'))])
  })

  it('that several have are shown as the one that fires, else the one evaluated last', async () => {
    const pending = alerting({ state: 'pending', lastEvaluation: at(9) })
    const firing = alerting({ state: 'firing', lastEvaluation: at(1) })
    const late = alerting({ state: 'firing', lastEvaluation: at(2) })
    const groups = [pending, firing, late].map((one) => [group('f', 'g', one)])
    expect(await ask(groups)).toEqual([group('f', 'g', late)])
    expect(await ask(groups.toReversed())).toEqual([group('f', 'g', late)])
    const recorded = [rule('r', {}, 1), rule('r', {}, 3), rule('r', {}, 2)]
    expect(await ask(recorded.map((one) => [group('f', 'g', one)]))).toEqual([
      group('f', 'g', rule('r', {}, 3)),
    ])
  })

  it('differ by type, labels, expression and how long they hold', async () => {
    const different: Rule[] = [
      rule('r'),
      rule('r', { a: '1' }),
      { ...rule('r'), query: 'down' },
      alerting({ name: 'r' }),
      alerting({ name: 'r', holdSeconds: 61 }),
    ]
    expect(await ask([different.map((one) => group('f', 'g', one))])).toEqual([
      group('f', 'g', ...different),
    ])
  })

  it('lose their replica labels, and their alerts too', async () => {
    const one = alerting({ alerts: [alert({ b: '1', replica: '1' }), alert({ a: '1' })] })
    const [shown] = await ask([[group('f', 'g', one)]])
    expect(shown!.rules).toEqual([alerting({ alerts: [alert({ a: '1' }), alert({ b: '1' })] })])
    expect(
      await ask([[group('f', 'g', rule('r', { replica: '1' }))]], {}, { dedup: false }),
    ).toEqual([group('f', 'g', rule('r', { replica: '1' }))])
  })

  it.each<[Partial<RuleRequest>, string[]]>([
    [{ type: 'alert' }, ['Down']],
    [{ type: 'record' }, ['a', 'b']],
    [{ ruleNames: ['b', 'Down'] }, ['Down', 'b']],
    [{ groupNames: ['g'] }, ['Down', 'a']],
    [{ files: ['nope'] }, []],
    [{ files: ['f', 'e'], groupNames: ['h'] }, ['b']],
    [{ matcherSets: [[{ type: '=', name: 'a', value: '1' }]] }, ['a']],
    [
      {
        matcherSets: [
          [{ type: '=', name: 'a', value: '1' }],
          [{ type: '=~', name: 'a', value: '2|3' }],
        ],
      },
      ['a', 'b'],
    ],
  ])('are filtered by %j', async (request, expected) => {
    const groups = [
      group('f', 'g', alerting({}), rule('a', { a: '1' })),
      group('f', 'h', rule('b', { a: '2' })),
    ]
    const found = await ask([groups], request)
    expect(found.flatMap(({ rules }) => rules.map(({ name }) => name))).toEqual(expected)
  })

  it('of others are not shown, nor their alerts', async () => {
    const own = alerting({
      labels: ['tenant_id', 'a'],
      alerts: [alert({ tenant_id: 'a' }), alert({ tenant_id: 'b' }), alert({})],
    })
    const others = [rule('r'), rule('s', { tenant_id: 'b' })]
    const found = await ask([[group('f', 'g', ...others, own)]], {}, { enforced: [TENANT] })
    expect(found).toEqual([group('f', 'g', { ...own, alerts: [alert({ tenant_id: 'a' })] })])
  })
})
