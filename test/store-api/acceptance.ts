/**
 * What any StoreAPI must do, by what goes in and what comes out: the cases of Thanos's own acceptance tests, and what research into its code
 * adds, on series of our own.
 */
import { describe, expect, it } from 'vitest'
import type { Labels } from '#lib/model/labels.ts'
import { labels } from '../store/sample-block.ts'
import { matchers, samplesOf, type TestStore } from './fixture.ts'

/** Of one replica: these labels, and a sample at each of the times, whose value is the time. */
export interface AcceptanceSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly timesMs: readonly number[]
}

/** Two replicas that have the same. */
export const EXTERNAL_LABELS: readonly Readonly<Record<string, string>>[] = [
  { region: 'eu', replica: 'a' },
  { region: 'eu', replica: 'b' },
]

export const START_MS = 1_700_000_000_000
const HOUR_MS = 3_600_000

const at = [START_MS, START_MS + 15_000, START_MS + 30_000]

/** `job` sorts before `replica`, `zone` behind it: without the label of replicas the order is another. */
export const ACCEPTANCE_SERIES: readonly AcceptanceSeries[] = [
  { labels: { __name__: 'up', job: 'node', zone: '1' }, timesMs: at },
  { labels: { __name__: 'up', job: 'node', zone: '2' }, timesMs: at },
  { labels: { __name__: 'up', job: 'api' }, timesMs: at },
  { labels: { __name__: 'clash', region: 'own' }, timesMs: at },
  { labels: { __name__: 'ünï', job: 'api', zone: '🎈' }, timesMs: at },
  {
    labels: { __name__: 'long', job: 'api' },
    timesMs: Array.from({ length: 500 }, (_, i) => START_MS + i * 1000),
  },
]

const WITHOUT_REPLICA = { withoutReplicaLabels: ['replica'] }

/** `{__name__="up", …}` of the two replicas, or without them. */
function named(...all: readonly Readonly<Record<string, string>>[]): Labels[] {
  return all.map((one) => labels({ region: 'eu', ...one }))
}

const UP = named(
  { __name__: 'up', job: 'api' },
  { __name__: 'up', job: 'node', zone: '1' },
  { __name__: 'up', job: 'node', zone: '2' },
)
const LONG = named({ __name__: 'long', job: 'api' })
const CLASH = named({ __name__: 'clash' })
const ODD = named({ __name__: 'ünï', job: 'api', zone: '🎈' })

export interface AcceptanceOptions {
  /** As a Prometheus: external labels alone say too little. */
  readonly needsOwnMatcher?: boolean
}

export function storeApiAcceptance(
  store: () => TestStore,
  { needsOwnMatcher = false }: AcceptanceOptions = {},
): void {
  const own = needsOwnMatcher ? ['__name__!=""'] : []

  describe('Series', () => {
    it.each<[readonly string[], readonly Labels[]]>([
      [['__name__="up"'], UP],
      [['__name__="up"', 'job="node"'], UP.slice(1)],
      [['__name__="up"', 'job="nobody"'], []],
      [['__name__="up"', 'zone=""'], UP.slice(0, 1)],
      [['__name__="up"', 'zone!=""'], UP.slice(1)],
      [['__name__="up"', 'zone=~""'], UP.slice(0, 1)],
      [['__name__="up"', 'zone=~".*"'], UP],
      [['__name__="up"', 'zone=~".+"'], UP.slice(1)],
      [['__name__="up"', 'zone=~"1|"'], UP.slice(0, 2)],
      [
        ['__name__="up"', 'zone!~"1"'],
        [UP[0]!, UP[2]!],
      ],
      [['__name__="up"', 'zone!~"1?"'], UP.slice(2)],
      [['__name__="up"', 'zone=~"^1$"'], UP.slice(1, 2)],
      [['__name__="up"', 'missing=""'], UP],
      [['__name__="up"', 'missing!=""'], []],
      [['__name__="up"', 'job=~"a.*"', 'job!="b"'], UP.slice(0, 1)],
      [['__name__=~"u.|clash"'], [...CLASH, ...UP]],
      [['region="eu"', '__name__="up"'], UP],
      [['region="us"', '__name__="up"'], []],
      [['region=~"e.+"'], [...CLASH, ...LONG, ...UP, ...ODD]],
      [['region="eu"'], [...CLASH, ...LONG, ...UP, ...ODD]],
      [['zone="🎈"'], ODD],
      // What Prometheus says of itself goes before what a target says.
      [['__name__="clash"', 'region="own"'], []],
      [['__name__="clash"', 'region="eu"'], CLASH],
    ])('%j', async (texts, expected) => {
      const asked = matchers(...texts, ...own)
      const answer = await store().series({ matchers: asked, ...WITHOUT_REPLICA })
      expect([answer.labels, answer.warnings]).toEqual([expected, []])
      const labelsOnly = await store().series({
        matchers: asked,
        ...WITHOUT_REPLICA,
        skipChunks: true,
      })
      expect(labelsOnly.labels).toEqual(expected)
      expect(labelsOnly.frames.flatMap(({ series }) => series.flatMap((s) => s.chunks))).toEqual([])
    })

    it('is in the order of labels, replicas apart', async () => {
      const answer = await store().series({ matchers: matchers('__name__="up"') })
      expect(answer.labels).toEqual([
        labels({ __name__: 'up', job: 'api', region: 'eu', replica: 'a' }),
        labels({ __name__: 'up', job: 'api', region: 'eu', replica: 'b' }),
        labels({ __name__: 'up', job: 'node', region: 'eu', replica: 'a', zone: '1' }),
        labels({ __name__: 'up', job: 'node', region: 'eu', replica: 'a', zone: '2' }),
        labels({ __name__: 'up', job: 'node', region: 'eu', replica: 'b', zone: '1' }),
        labels({ __name__: 'up', job: 'node', region: 'eu', replica: 'b', zone: '2' }),
      ])
      const one = await store().series({ matchers: matchers('__name__="up"', 'replica="b"') })
      expect(one.labels).toEqual(answer.labels.filter((one) => one.includes('b')))
    })

    it('leaves out a label that is not of replicas too, and ignores one that is not there', async () => {
      const answer = await store().series({
        matchers: matchers('__name__="up"', 'job="node"'),
        withoutReplicaLabels: ['replica', 'zone', 'nothing'],
      })
      expect(answer.labels).toEqual([labels({ __name__: 'up', job: 'node', region: 'eu' })])
    })

    it('has every sample, in chunks that overlap the interval', async () => {
      const asked = { matchers: matchers('__name__="long"', 'replica="a"') }
      const [wanted] = named({ __name__: 'long', job: 'api', replica: 'a' })
      const all = await store().series(asked)
      const expected = ACCEPTANCE_SERIES.at(-1)!.timesMs.map((t) => [t, t])
      expect(samplesOf(all, wanted!)).toEqual(expected)
      const from = START_MS + 200_000
      const part = await store().series({ ...asked, minTime: from, maxTime: from + 10_000 })
      const samples = samplesOf(part, wanted!)
      for (let t = from; t <= from + 10_000; t += 1000) expect(samples).toContainEqual([t, t])
      expect(samples.length).toBeLessThan(400)
    })

    it('has nothing outside of the times of its samples', async () => {
      const asked = matchers('__name__="up"')
      const before = { maxTime: START_MS - 1 }
      const after = { minTime: START_MS + 24 * HOUR_MS }
      expect((await store().series({ matchers: asked, ...before })).labels).toEqual([])
      expect((await store().series({ matchers: asked, ...after })).labels).toEqual([])
      const first = { minTime: START_MS, maxTime: START_MS, ...WITHOUT_REPLICA }
      expect((await store().series({ matchers: asked, ...first })).labels).toEqual(UP)
      const backwards = { minTime: START_MS + 10, maxTime: START_MS }
      expect((await store().series({ matchers: asked, ...backwards })).labels).toEqual([])
    })

    it.each([1, 2, 100])('gives %i series at most when that is the limit', async (limit) => {
      const asked = { matchers: matchers('__name__="up"'), limit, ...WITHOUT_REPLICA }
      expect((await store().series(asked)).labels).toEqual(UP.slice(0, limit))
    })

    it.each([
      [0, [1, 1, 1]],
      [1, [1, 1, 1]],
      [2, [2, 1]],
      [64, [3]],
    ])('with a batch size of %i puts series into frames of %j', async (size, expected) => {
      const asked = { matchers: matchers('__name__="up"'), ...WITHOUT_REPLICA }
      const { frames } = await store().series({ ...asked, responseBatchSize: size })
      expect(frames.map(({ series }) => series.length)).toEqual(expected)
    })

    it('of shards gives every series once', async () => {
      const everything = matchers('region="eu"', ...own)
      const asked = { matchers: everything, ...WITHOUT_REPLICA, skipChunks: true }
      const all = await store().series(asked)
      const shards = await Promise.all(
        [0, 1, 2].map((shardIndex) =>
          store().series({
            ...asked,
            shardInfo: { shardIndex, totalShards: 3, by: false, labels: ['__name__'] },
          }),
        ),
      )
      const together = shards.flatMap((shard) => shard.labels)
      expect(together).toHaveLength(all.labels.length)
      expect(together.map(String).sort()).toEqual(all.labels.map(String).sort())
      const by = { shardIndex: 0, totalShards: 2, by: true, labels: ['none'] }
      const one = await store().series({ ...asked, shardInfo: by })
      const other = await store().series({ ...asked, shardInfo: { ...by, shardIndex: 1 } })
      // Nothing is hashed, so all are of one shard.
      expect(one.labels.length + other.labels.length).toBe(all.labels.length)
      expect(one.labels.length * other.labels.length).toBe(0)
    })

    it.each([
      [{ matchers: [] }, 'no matchers specified'],
      [{ matchers: matchers('__name__=~"("') }, /regexp/],
    ])('refuses %j', async (request, message) => {
      await expect(store().series(request)).rejects.toThrow(message)
      await expect(store().series(request)).rejects.toMatchObject({ kind: 'invalid' })
    })
  })

  describe('LabelNames', () => {
    const ALL = ['__name__', 'job', 'region', 'replica', 'zone']

    it.each<[readonly string[], readonly string[]]>([
      [[], ALL],
      [['region="eu"'], ALL],
      [['region=~".*"'], ALL],
      [['region="us"'], []],
      [['__name__="up"'], ALL],
      [
        ['__name__="up"', 'job="api"'],
        ['__name__', 'job', 'region', 'replica'],
      ],
      [['__name__="nothing"'], []],
    ])('of %j', async (texts, expected) => {
      const { names, warnings } = await store().names({ matchers: matchers(...texts) })
      expect([names, warnings]).toEqual([expected, []])
    })

    it('leaves replica labels out, keeps to the limit and to the interval', async () => {
      expect((await store().names(WITHOUT_REPLICA)).names).toEqual(
        ALL.filter((name) => name !== 'replica'),
      )
      expect((await store().names({ limit: 2 })).names).toEqual(ALL.slice(0, 2))
      expect((await store().names({ end: START_MS - HOUR_MS })).names).toEqual([])
    })
  })

  describe('LabelValues', () => {
    it.each<[string, readonly string[], readonly string[]]>([
      ['job', [], ['api', 'node']],
      ['zone', [], ['1', '2', '🎈']],
      ['__name__', [], ['clash', 'long', 'up', 'ünï']],
      ['region', [], ['eu']],
      ['replica', [], ['a', 'b']],
      ['nothing', [], []],
      ['job', ['zone="1"'], ['node']],
      ['job', ['region="eu"'], ['api', 'node']],
      ['job', ['region="us"'], []],
      ['zone', ['__name__="up"'], ['1', '2']],
      ['zone', ['job="api"'], ['🎈']],
      ['region', ['__name__="up"'], ['eu']],
      ['region', ['__name__="up"', 'region=~".*"'], ['eu']],
      ['region', ['__name__="nothing"'], []],
    ])('of %s with %j', async (label, texts, expected) => {
      const { values, warnings } = await store().values({ label, matchers: matchers(...texts) })
      expect([values, warnings]).toEqual([expected, []])
    })

    it('leaves replica labels out, keeps to the limit and to the interval', async () => {
      expect((await store().values({ label: 'replica', ...WITHOUT_REPLICA })).values).toEqual([])
      expect((await store().values({ label: 'zone', limit: 2 })).values).toEqual(['1', '2'])
      expect((await store().values({ label: 'zone', end: START_MS - HOUR_MS })).values).toEqual([])
    })

    it('refuses to have no name', async () => {
      await expect(store().values({})).rejects.toThrow('label name parameter cannot be empty')
    })
  })
}
