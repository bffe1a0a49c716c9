import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { askExemplars, askMetadata } from '#lib/storage/ask-sources.ts'
import type { Exemplar, ExemplarRequest, ExemplarSeries } from '#lib/storage/exemplars.ts'
import type { MetadataEntry, MetadataRequest } from '#lib/storage/metadata.ts'
import type { Source } from '#lib/storage/source.ts'
import { SCOPE, telling, TENANT } from './telling.ts'

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
