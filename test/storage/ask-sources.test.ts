import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { ZERO_TIME } from '#lib/model/precise-time.ts'
import { askExemplars, askMetadata, askRules, askTargets } from '#lib/storage/ask-sources.ts'
import type { Exemplar, ExemplarRequest, ExemplarSeries } from '#lib/storage/exemplars.ts'
import type { MetadataEntry, MetadataRequest } from '#lib/storage/metadata.ts'
import type { Alert, AlertingRule, Rule, RuleGroup, RuleRequest } from '#lib/storage/rules.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Source } from '#lib/storage/source.ts'
import type { ActiveTarget, TargetRequest } from '#lib/storage/targets.ts'

const SCOPE: Scope = {
  dedup: true,
  replicaLabels: ['replica'],
  deduplication: 'nearest',
  partialResponse: true,
  maxSourceResolutionMs: 0,
}
const TENANT: Matcher = { type: '=', name: 'tenant_id', value: 'a' }
const at = (seconds: number) => ({ seconds, nanos: 0 })

/** One after the other, each telling its own. */
function telling(kind: Exclude<keyof Source, 'name'>, values: readonly unknown[]): Source[] {
  return values.map((value, i) => ({
    name: `source ${i}`,
    [kind]: async () => ({ value, warnings: [] }),
  }))
}

const failing = (error: unknown): Source => ({
  name: 'endpoint b:1',
  exemplars: async () => {
    throw error
  },
})

const EXEMPLARS: ExemplarRequest = {
  matcherSets: [[{ type: '=', name: '__name__', value: 'm' }]],
  startMs: 0,
  endMs: 10,
}
const exemplar = (timestampMs: number, value: number, id: string): Exemplar => ({
  labels: labelsFrom({ trace_id: id }),
  timestampMs,
  value,
})
const exemplarsOf = (record: Record<string, string>, ...exemplars: Exemplar[]): ExemplarSeries => ({
  labels: labelsFrom({ __name__: 'm', ...record }),
  exemplars,
})

describe('asking sources', () => {
  it('asks only those that know', async () => {
    const told = await askExemplars([{ name: 'no exemplars' }], EXEMPLARS, SCOPE)
    expect(told).toEqual({ value: [], warnings: [], cost: undefined })
  })

  it('says who could not answer, in the order of the sources', async () => {
    const [one] = telling('exemplars', [[exemplarsOf({}, exemplar(1, 1, 'x'))]])
    const broken = failing(new DomainError('unavailable', 'connection refused'))
    const warning: Source = {
      name: 'w',
      exemplars: async () => ({ value: [], warnings: ['half'] }),
    }
    const told = await askExemplars([broken, one!, warning], EXEMPLARS, SCOPE)
    expect(told.value).toHaveLength(1)
    expect(told.warnings).toEqual(['endpoint b:1 is left out: connection refused', 'half'])
  })

  it('fails where half an answer is not wanted, and on bugs always', async () => {
    const broken = [failing(new DomainError('unavailable', 'connection refused'))]
    const whole = { ...SCOPE, partialResponse: false }
    await expect(askExemplars(broken, EXEMPLARS, whole)).rejects.toThrow('connection refused')
    const bug = [failing(new TypeError('x is undefined'))]
    await expect(askExemplars(bug, EXEMPLARS, SCOPE)).rejects.toThrow('x is undefined')
  })

  it('asks nobody where no store is asked, and fails when it is given up', async () => {
    const broken = [failing(new DomainError('canceled', 'gone'))]
    expect((await askExemplars(broken, EXEMPLARS, { ...SCOPE, stores: [] })).warnings).toEqual([])
    const signal = AbortSignal.abort()
    await expect(askExemplars(broken, EXEMPLARS, SCOPE, signal)).rejects.toThrow('gone')
  })

  it('adds up costs', async () => {
    const cost = {
      slices: 0,
      invokes: 0,
      gets: 2,
      lists: 1,
      puts: 0,
      bytes: 10,
      functionMs: 7,
      functionGbSeconds: 0.5,
      steps: 0,
      cachedSteps: 0,
      shared: false,
      usd: 0.25,
    }
    const source: Source = { name: 's', exemplars: async () => ({ value: [], warnings: [], cost }) }
    const told = await askExemplars([source, { name: 't' }, source], EXEMPLARS, SCOPE)
    expect(told.cost).toEqual({ ...cost, gets: 4, lists: 2, bytes: 20, usd: 0.5 })
  })
})

describe('exemplars', () => {
  it('are merged over replicas, the same ones once, by time', async () => {
    const sources = telling('exemplars', [
      [
        exemplarsOf({ z: '1', replica: 'a' }, exemplar(3, 1, 'c'), exemplar(2, 1, 'b')),
        exemplarsOf({ y: '1' }),
      ],
      [exemplarsOf({ z: '1', replica: 'b' }, exemplar(2, 1, 'b'), exemplar(2, 1, 'a'))],
      [exemplarsOf({ a: '1', replica: 'b' }, exemplar(2, NaN, 'b'), exemplar(2, NaN, 'b'))],
    ])
    expect((await askExemplars(sources, EXEMPLARS, SCOPE)).value).toEqual([
      exemplarsOf({ a: '1' }, exemplar(2, NaN, 'b')),
      exemplarsOf({ z: '1' }, exemplar(2, 1, 'a'), exemplar(2, 1, 'b'), exemplar(3, 1, 'c')),
    ])
    const apart = await askExemplars(sources, EXEMPLARS, { ...SCOPE, dedup: false })
    expect(apart.value).toHaveLength(3)
  })

  it('are asked for with what is enforced', async () => {
    let asked: ExemplarRequest | undefined
    const source: Source = {
      name: 's',
      exemplars: async (request) => {
        asked = request
        return { value: [], warnings: [] }
      },
    }
    const other: Matcher = { type: '=', name: 'tenant_id', value: 'b' }
    const request = { ...EXEMPLARS, matcherSets: [...EXEMPLARS.matcherSets, [other]] }
    await askExemplars([source], request, { ...SCOPE, enforced: [TENANT] })
    expect(asked?.matcherSets).toEqual([[...EXEMPLARS.matcherSets[0]!, TENANT], [TENANT]])
  })
})

describe('metadata', () => {
  const entry = (help: string): MetadataEntry => ({ type: 'counter', help, unit: '' })
  const ALL: MetadataRequest = { limit: -1, limitPerMetric: -1 }
  const sources = telling('metadata', [
    new Map([
      ['b', [entry('2'), entry('1')]],
      ['c', [entry('1')]],
    ]),
    new Map([
      ['b', [entry('1'), entry('3')]],
      ['a', [entry('1')]],
    ]),
  ])
  const ask = async (request: Partial<MetadataRequest>) => {
    const { value } = await askMetadata(sources, { ...ALL, ...request }, SCOPE)
    return [...value].map(([name, entries]) => [name, ...entries.map(({ help }) => help)])
  }

  it('has each distinct entry once, the first source first', async () => {
    expect(await ask({})).toEqual([
      ['a', '1'],
      ['b', '2', '1', '3'],
      ['c', '1'],
    ])
  })

  it.each([
    [{ metric: 'b' }, [['b', '2', '1', '3']]],
    [{ metric: 'nope' }, []],
    [{ limit: 0 }, []],
    [{ limit: 1 }, [['a', '1']]],
    [{ metric: 'b', limitPerMetric: 2 }, [['b', '2', '1']]],
    [{ metric: 'b', limitPerMetric: 0 }, [['b', '2', '1', '3']]],
  ])('is limited by %j', async (request, expected) => {
    expect(await ask(request)).toEqual(expected)
  })
})

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

describe('targets', () => {
  const ANY: TargetRequest = { active: true, dropped: true }
  const target = (more: Partial<ActiveTarget>): ActiveTarget => ({
    discoveredLabels: labelsFrom({ __address__: 'a:1' }),
    labels: labelsFrom({ job: 'j' }),
    scrapePool: 'p',
    scrapeUrl: 'http://a:1/metrics',
    globalUrl: 'http://a:1/metrics',
    lastError: '',
    lastScrape: at(1),
    lastScrapeSeconds: 0.1,
    health: 'up',
    scrapeInterval: '15s',
    scrapeTimeout: '10s',
    ...more,
  })
  const ask = async (
    lists: readonly (readonly ActiveTarget[])[],
    request: Partial<TargetRequest> = {},
    scope: Partial<Scope> = {},
  ) => {
    const answers = lists.map((active, i) => ({
      active,
      dropped: [{ discoveredLabels: ['__address__', `d${i % 2}:1`], scrapePool: 'p' }],
      droppedCounts: new Map([['p', 2]]),
    }))
    const sources = telling('targets', answers)
    return (await askTargets(sources, { ...ANY, ...request }, { ...SCOPE, ...scope })).value
  }

  it('that several have are shown once, as who scraped last sees them, down before up', async () => {
    const replica = (value: string, more: Partial<ActiveTarget>): ActiveTarget =>
      target({ labels: labelsFrom({ job: 'j', replica: value }), ...more })
    const early = replica('a', {})
    const late = replica('b', { lastScrape: at(5) })
    const down = replica('c', { health: 'down', lastScrape: at(0) })
    expect((await ask([[early], [late]])).active).toEqual([target({ lastScrape: at(5) })])
    expect((await ask([[late], [down], [early]])).active).toEqual([
      target({ health: 'down', lastScrape: at(0) }),
    ])
    expect((await ask([[early], [late]], {}, { dedup: false })).active).toEqual([early, late])
  })

  it('are sorted, dropped ones listed once and counted', async () => {
    const found = await ask([
      [target({ scrapePool: 'q' }), target({ scrapeUrl: 'http://z' })],
      [],
      [],
    ])
    expect(found.active.map(({ scrapePool }) => scrapePool)).toEqual(['p', 'q'])
    expect(found.dropped.map(({ discoveredLabels }) => discoveredLabels[1])).toEqual([
      'd0:1',
      'd1:1',
    ])
    expect(found.droppedCounts).toEqual(new Map([['p', 6]]))
  })

  it('are filtered by state, pool and what is enforced', async () => {
    const list = [[target({}), target({ scrapePool: 'q', labels: ['tenant_id', 'a'] })]]
    const counts = async (request: Partial<TargetRequest>, scope: Partial<Scope> = {}) => {
      const { active, dropped, droppedCounts } = await ask(list, request, scope)
      return [active.length, dropped.length, droppedCounts.size]
    }
    expect(await counts({})).toEqual([2, 1, 1])
    expect(await counts({ active: false })).toEqual([0, 1, 1])
    expect(await counts({ dropped: false })).toEqual([2, 0, 1])
    expect(await counts({ scrapePool: 'q' })).toEqual([1, 0, 1])
    expect(await counts({}, { enforced: [TENANT] })).toEqual([1, 0, 0])
  })
})
