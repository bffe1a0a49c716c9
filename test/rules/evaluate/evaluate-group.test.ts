import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import { formatLabels } from '#lib/model/labels.ts'
import type { GroupEvaluation, ResultSample } from '#lib/rules/evaluate/contract.ts'
import { evaluateGroup } from '#lib/rules/evaluate/evaluate-group.ts'
import { newGroupState, staleSamplesOf } from '#lib/rules/evaluate/new-group-state.ts'
import { unpackSeries } from '#lib/rules/evaluate/series-list.ts'
import type { RuleGroupConfig } from '#lib/rules/file/rule-file.ts'
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

const text = ({ labels, timeMs, value, stale }: ResultSample): string =>
  `${formatLabels(labels)} ${stale ? 'stale' : value} @${timeMs - START}`

/** Evaluations a minute apart, each with its answers. */
async function run(config: RuleGroupConfig, ...answers: Answers[]): Promise<GroupEvaluation[]> {
  const evaluations: GroupEvaluation[] = []
  let state = newGroupState(config)
  for (const [i, each] of answers.entries()) {
    const evaluation = await evaluateGroup(config, START + i * MINUTE, state, depsOf(each))
    evaluations.push(evaluation)
    state = evaluation.state
  }
  return evaluations
}

const texts = (evaluations: readonly GroupEvaluation[]): string[][] =>
  evaluations.map(({ samples }) => samples.map(text))

describe('recording rules', () => {
  it('set the name and the labels, an empty value of which deletes', async () => {
    const rule = recording('r:x', 'x', { a: '', b: 'rule' })
    const given = [sample({ __name__: 'x', a: '1', b: '2', c: '3' }, 5)]
    expect(texts(await run(group([rule]), { x: given }))).toEqual([['r:x{b="rule", c="3"} 5 @0']])
  })

  it('end series that vanish, at the time results have', async () => {
    const config = group([recording('r', 'x')], { queryOffsetMs: 5000 })
    const runs = await run(config, { x: [sample({ a: '1' }), sample({ a: '2' })] }, {}, {})
    expect(texts(runs)).toEqual([
      ['r{a="1"} 1 @-5000', 'r{a="2"} 1 @-5000'],
      ['r{a="1"} stale @55000', 'r{a="2"} stale @55000'],
      [],
    ])
  })

  it('leave what they wrote as it is while they fail', async () => {
    const failing = { x: new DomainError('execution', 'no') }
    const runs = await run(group([recording('r', 'x')]), { x: [sample({})] }, failing, {})
    expect(texts(runs)).toEqual([['r 1 @0'], [], ['r stale @120000']])
    expect(runs.map(({ state }) => [state.rules[0]!.health, state.rules[0]!.lastError])).toEqual([
      ['ok', ''],
      ['err', 'no'],
      ['ok', ''],
    ])
    expect(runs[2]!.state.counters).toEqual({
      iterations: 3,
      evaluations: 3,
      failures: 1,
      withWarnings: 0,
    })
  })

  it.each([
    [
      'the same labels twice',
      recording('r', 'x', { a: '' }),
      'vector contains metrics with the same labelset after applying rule labels',
    ],
    ['more than the limit', recording('r', 'x'), 'exceeded limit of 2 with 3 series'],
  ])('fail with %s', async (_, rule, error) => {
    const x = ['1', '2', '3'].map((a) => sample({ a }))
    const [evaluation] = await run(group([rule], { limit: 2 }), { x })
    expect(evaluation!.samples).toEqual([])
    expect(evaluation!.state.rules[0]).toMatchObject({ health: 'err', lastError: error })
  })

  it('see what those before them wrote, though queries run at the same time', async () => {
    const config = group([
      recording('slow', 'x'),
      recording('other', 'y'),
      recording('reads', 'slow + 1'),
    ])
    const begun: string[] = []
    const done: string[] = []
    const deps = depsOf({})
    await evaluateGroup(config, START, newGroupState(config), {
      ...deps,
      query: async (expr) => {
        begun.push(expr)
        await new Promise((resolve) => setTimeout(resolve, expr === 'x' ? 20 : 1))
        done.push(expr)
        return { samples: [sample({})], warnings: [] }
      },
    })
    expect(begun).toEqual(['x', 'y', 'slow + 1'])
    expect(done).toEqual(['y', 'x', 'slow + 1'])
  })

  it('write one series once: a second value of the same time is an error', async () => {
    const config = group([recording('r', 'x'), recording('r', 'y')])
    const [evaluation] = await run(config, { x: [sample({}, 1)], y: [sample({}, 2_000_000)] })
    expect(evaluation!.samples.map(text)).toEqual(['r 1 @0'])
    expect(evaluation!.state.rules.map(({ lastError }) => lastError)).toEqual([
      '',
      `duplicate sample for timestamp ${START}; overrides not allowed: existing 1, new value 2e+06`,
    ])
  })
})

describe('incomplete answers', () => {
  const x = { samples: [sample({})], warnings: ['half'] }

  it('fail a rule that may not have them', async () => {
    const [evaluation] = await run(group([recording('r', 'x')]), { x })
    expect(evaluation!.state.rules[0]).toMatchObject({ health: 'err', lastError: 'half' })
    expect(evaluation!.warnings).toEqual([])
  })

  it('are counted and told where they are allowed', async () => {
    const config = group([recording('r', 'x')], { partialResponse: 'warn' })
    const [evaluation] = await run(config, { x })
    expect(evaluation!.samples.map(text)).toEqual(['r 1 @0'])
    expect(evaluation!.state.counters.withWarnings).toBe(1)
    expect(evaluation!.warnings).toEqual(['half'])
  })
})

describe('alerting rules', () => {
  it('write ALERTS and since when, and send firing ones until they are gone', async () => {
    const config = group([alerting('A', 'x', { forMs: MINUTE, labels: { severity: 'page' } })])
    const x = [sample({ __name__: 'x', i: '1' }, 7)]
    const runs = await run(config, { x }, { x }, {}, {})
    const labels = 'alertname="A", '
    const rest = 'i="1", severity="page"'
    const since = `ALERTS_FOR_STATE{${labels}${rest}} ${START / 1000}`
    expect(texts(runs)).toEqual([
      [`ALERTS{${labels}alertstate="pending", ${rest}} 1 @0`, `${since} @0`],
      [
        `ALERTS{${labels}alertstate="firing", ${rest}} 1 @60000`,
        `${since} @60000`,
        `ALERTS{${labels}alertstate="pending", ${rest}} stale @60000`,
      ],
      [
        `ALERTS{${labels}alertstate="firing", ${rest}} stale @120000`,
        `ALERTS_FOR_STATE{${labels}${rest}} stale @120000`,
      ],
      [],
    ])
    const firing = {
      labels: { alertname: 'A', i: '1', severity: 'page' },
      annotations: {},
      startsAtMs: START + MINUTE,
      generatorUrl: 'http://ruler/graph?g0.expr=x&g0.tab=1',
    }
    expect(runs.map(({ alerts }) => alerts)).toEqual([
      [],
      [{ ...firing, endsAtMs: START + 5 * MINUTE }],
      [{ ...firing, endsAtMs: START + 2 * MINUTE }],
      [],
    ])
  })

  it('forget what is active when there are more than the limit', async () => {
    const config = group([alerting('A', 'x')], { limit: 1 })
    const one = [sample({ i: '1' })]
    const runs = await run(config, { x: one }, { x: [...one, sample({ i: '2' })] }, {})
    expect(runs[1]!.state.rules[0]).toMatchObject({
      health: 'err',
      lastError: 'exceeded limit of 1 with 2 alerts',
      alerts: [],
    })
    expect(runs.map(({ samples }) => samples.length)).toEqual([2, 0, 2])
    expect(runs.map(({ alerts }) => alerts.length)).toEqual([1, 0, 0])
  })

  it('expand templates of labels and annotations; one that fails says so', async () => {
    const rule = alerting('A', 'x', {
      labels: { who: '{{ $labels.i }}-{{ $externalLabels.cluster }}', gone: '{{ $labels.none }}' },
      annotations: { good: '{{ $value }} at {{ $externalURL }}', bad: '{{ humanize "x" }}' },
    })
    const [evaluation] = await run(group([rule]), { x: [sample({ i: '1', gone: 'y' }, 1.5)] })
    const [alert] = evaluation!.alerts
    expect(alert!.labels).toEqual({ alertname: 'A', i: '1', who: '1-c' })
    expect(alert!.annotations['good']).toBe('1.5 at http://ruler')
    expect(alert!.annotations['bad']).toMatch(/^<error expanding template: .*humanize.*>$/)
  })

  it('write one of two alerts whose labels come to one series, as an empty label shows its template', async () => {
    const t = '{{ $labels.t }}'
    const x = [sample({ i: '1' }), sample({ i: '1', t })]
    const [evaluation] = await run(group([alerting('A', 'x', { labels: { t } })]), { x })
    expect(evaluation!.alerts.map(({ labels }) => labels)).toEqual([
      { alertname: 'A', i: '1' },
      { alertname: 'A', i: '1', t },
    ])
    expect(evaluation!.samples.map(text)).toEqual([
      `ALERTS{alertname="A", alertstate="firing", i="1", t="${t}"} 1 @0`,
      `ALERTS_FOR_STATE{alertname="A", i="1", t="${t}"} ${START / 1000} @0`,
    ])
    expect(evaluation!.state.rules[0]!.health).toBe('ok')
  })

  it('fail when two elements come to the same labels', async () => {
    const config = group([alerting('A', 'x', { labels: { i: 'same' } })])
    const [evaluation] = await run(config, { x: [sample({ i: '1' }), sample({ i: '2' })] })
    expect(evaluation!.state.rules[0]!.lastError).toBe(
      'vector contains metrics with the same labelset after applying alert labels',
    )
  })
})

describe('groups', () => {
  it('wait for two evaluations, then go on from ALERTS_FOR_STATE', async () => {
    const config = group([
      alerting('A', 'x', { forMs: 20 * MINUTE, labels: { s: 'p' } }),
      alerting('JustLong', 'y', { forMs: 10 * MINUTE }),
      alerting('Short', 'y', { forMs: 9 * MINUTE }),
    ])
    const asked: unknown[] = []
    const labels = ['__name__', 'ALERTS_FOR_STATE', 'alertname', 'A', 'i', '1', 's', 'p']
    const answers = { x: [sample({ i: '1' }), sample({ i: '2' })], y: [sample({})] }
    const deps = depsOf(answers, new Written(), {
      restore: async (of, fromMs, toMs) => {
        asked.push([of, fromMs - START, toMs - START])
        // 4 minutes pending, 5 minutes ago.
        const timeMs = START - 4 * MINUTE
        const value = (START - 8 * MINUTE) / 1000
        const stored = [...labels, 'stored', 'elsewhere']
        return [{ labels: stored, timeMs, value, stale: false }]
      },
      restoreIgnoredLabels: ['stored'],
    })
    let state = newGroupState(config)
    const counts: number[] = []
    for (let i = 0; i < 3; i++) {
      const evaluation = await evaluateGroup(config, START + i * MINUTE, state, deps)
      state = evaluation.state
      counts.push(evaluation.samples.length)
    }
    expect(counts).toEqual([0, 0, 8])
    expect(asked).toEqual([
      [['__name__', 'ALERTS_FOR_STATE', 'alertname', 'A', 's', 'p'], -59 * MINUTE, MINUTE],
      [['__name__', 'ALERTS_FOR_STATE', 'alertname', 'JustLong'], -59 * MINUTE, MINUTE],
    ])
    const rule = state.rules[0]!
    expect(rule.type === 'alerting' && rule.alerts.map(({ activeAtMs }) => activeAtMs)).toEqual([
      START - 3 * MINUTE,
      START,
    ])
  })

  it('end the series of rules that went, and of groups nobody took over', async () => {
    const before = group([recording('a', 'x'), recording('b', 'x'), recording('b', 'y')])
    const after = group([recording('b', 'z'), recording('c', 'x')])
    const answers = { x: [sample({})], y: [sample({ y: '1' })] }
    const [first] = await run(before, answers)
    const state = newGroupState(after, { config: before, state: first!.state })
    expect(state.rules.map(({ series }) => unpackSeries(series).map(formatLabels))).toEqual([
      ['b'],
      [],
    ])
    const evaluation = await evaluateGroup(after, START + MINUTE, state, depsOf(answers))
    expect(evaluation.samples.map(text)).toEqual([
      'b stale @60000',
      'c 1 @60000',
      'a stale @60000',
      'b{y="1"} stale @60000',
    ])
    const [other] = await run(group([recording('a', 'x')]), answers)
    expect(staleSamplesOf(first!.state, [other!.state], START + MINUTE).map(text)).toEqual([
      'b stale @60000',
      'b{y="1"} stale @60000',
    ])
  })

  it('write nothing before what is written, when the query offset has grown', async () => {
    const near = group([recording('a', 'x')])
    const far = { ...near, queryOffsetMs: MINUTE }
    const answers = [{ x: [sample({})] }, {}]
    const written: string[][] = []
    const errors: string[] = []
    let state = (await run(near, answers[0]!))[0]!.state
    state = newGroupState(far, { config: near, state })
    for (const [i, answer] of answers.entries()) {
      const evaluation = await evaluateGroup(far, START + (i + 1) * MINUTE, state, depsOf(answer))
      state = evaluation.state
      written.push(evaluation.samples.map(text))
      errors.push(state.rules[0]!.lastError)
    }
    expect(written).toEqual([[], ['a stale @60000']])
    expect(errors).toEqual(['out of order sample', ''])
  })

  it('come out the same when queries run at the same time, however long each takes', async () => {
    const random = new RandomSource(11)
    const names = ['a', 'b', 'c', 'd', 'e']
    for (let i = 0; i < 60; i++) {
      const rules = names.map((record) =>
        recording(record, random.some(names, 3).join(' + ') || '0'),
      )
      const config = group(rules)
      const outcome = async (concurrency: number): Promise<unknown> => {
        const values = new Map(names.map((name) => [name, 1]))
        let state = newGroupState(config)
        for (let time = 0; time < 3; time++) {
          const { state: next } = await evaluateGroup(config, time * MINUTE, state, {
            ...depsOf({}),
            concurrency,
            query: async (expr) => {
              if (concurrency > 1)
                await new Promise((resolve) => setTimeout(resolve, random.below(3)))
              const sum = expr
                .split(' + ')
                .reduce((total, name) => total + (values.get(name) ?? 0), 1)
              return { samples: [sample({}, sum)], warnings: [] }
            },
            write: (samples) => {
              for (const { labels, value } of samples) values.set(labels[1]!, value)
            },
          })
          state = next
        }
        return [...values]
      }
      expect(await outcome(4)).toEqual(await outcome(1))
    }
  })

  it('have not been evaluated when they are canceled', async () => {
    const config = group([recording('a', 'x'), recording('b', 'y')])
    const controller = new AbortController()
    const written = new Written()
    const deps = depsOf({}, written, { signal: controller.signal })
    const evaluation = evaluateGroup(config, START, newGroupState(config), {
      ...deps,
      query: async (expr) => {
        if (expr === 'y') controller.abort()
        await new Promise((resolve) => setTimeout(resolve, 5))
        throw new DomainError('canceled', 'stopped')
      },
    })
    await expect(evaluation).rejects.toMatchObject({ kind: 'canceled' })
    expect(written.batches).toEqual([])
  })
})
