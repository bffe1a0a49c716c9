import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS, type Feature } from '#lib/promql/options.ts'
import { blocksKey, extentName, queryKey } from '#lib/query/cache-key.ts'
import { scope } from './two-clusters.ts'

const request: QueryRequest = {
  text: 'up',
  grid: { startMs: 0, stepMs: 1000, stepCount: 10 },
  scope,
  options: DEFAULT_ENGINE_OPTIONS,
}

const withScope = (over: object): QueryRequest => ({ ...request, scope: { ...scope, ...over } })
const withOptions = (over: object): QueryRequest => ({
  ...request,
  options: { ...DEFAULT_ENGINE_OPTIONS, ...over },
})
const features = (...names: Feature[]) => withOptions({ features: new Set(names) })

describe('queryKey', () => {
  it.each<[string, QueryRequest]>([
    ['text', { ...request, text: 'up ' }],
    ['tenant', withScope({ tenant: 'a' })],
    ['what is enforced', withScope({ enforced: [{ type: '=', name: 'tenant_id', value: 'a' }] })],
    ['shard', withScope({ shard: { index: 0, count: 2, by: true, labels: [] } })],
    ['dedup', withScope({ dedup: false })],
    ['replica labels', withScope({ replicaLabels: ['replica', 'other'] })],
    ['algorithm', withScope({ deduplication: 'penalty' })],
    ['resolution', withScope({ maxSourceResolutionMs: 300_000 })],
    ['lookback', withOptions({ lookbackMs: 1 })],
    ['limits', withOptions({ maxSamples: 1 })],
    ['features', features('promql-experimental-functions')],
    ['what requests may say one day', { ...request, novelty: 1 } as QueryRequest],
  ])('changes with the %s', (_, other) => {
    expect(queryKey(other)).not.toBe(queryKey(request))
  })

  it.each<[string, QueryRequest, QueryRequest]>([
    ['the times', request, { ...request, grid: { startMs: 77, stepMs: 5, stepCount: 1 } }],
    ['whether half an answer would do', request, withScope({ partialResponse: true })],
    [
      'the order and number of replica labels',
      withScope({ replicaLabels: ['a', 'b'] }),
      withScope({ replicaLabels: ['b', 'a', 'b'] }),
    ],
    [
      'replica labels that are not looked at',
      withScope({ dedup: false }),
      withScope({ dedup: false, replicaLabels: [] }),
    ],
    [
      'the order of features',
      features('use-start-timestamps', 'promql-experimental-functions'),
      features('promql-experimental-functions', 'use-start-timestamps'),
    ],
  ])('does not change with %s', (_, a, b) => {
    expect(queryKey(a)).toBe(queryKey(b))
  })
})

it('names extents by their step and its phase', () => {
  const names = [
    [15_000, 30_000],
    [15_000, 15_000],
    [15_000, 1000],
    [15_000, -14_000],
    [30_000, 30_000],
  ].map(([step, start]) => extentName('k', step!, start!))
  expect(names).toEqual(['k/15000-0', 'k/15000-0', 'k/15000-1000', 'k/15000-1000', 'k/30000-0'])
})

it('names sets of blocks, in any order', () => {
  const block = (id: string, over: Partial<BlockRecord> = {}) =>
    ({ id, metaEtag: 'e', hasTombstones: false, ...over }) as BlockRecord
  const [a, b] = [block('A'), block('B')]
  expect(blocksKey([a, b])).toBe(blocksKey([b, a]))
  const others = [[a], [], [a, block('C')], [a, block('B', { metaEtag: 'f' })]]
  const deleted = [a, block('B', { hasTombstones: true })]
  expect(new Set([...others, deleted, [a, b]].map(blocksKey)).size).toBe(6)
})

it('names what of a sequence packs hold, in however many they are', () => {
  const pack = (id: string, from: number, to: number, epoch = 'e1', writer = 'cluster=a') =>
    ({
      id,
      metaEtag: '',
      hasTombstones: false,
      pack: { writer, epoch, from, to, directoryBytes: 9 },
    }) as BlockRecord
  const merged = blocksKey([pack('m', 3, 7)])
  expect(blocksKey([pack('a', 3, 4), pack('c', 5, 7), pack('b', 4, 5)])).toBe(merged)
  expect(blocksKey([pack('a', 3, 6), pack('b', 4, 7)])).toBe(merged)
  const others = [
    [pack('m', 3, 7, 'e2')],
    [pack('a', 3, 4), pack('c', 5, 7)],
    [pack('m', 3, 7, 'e1', 'cluster=b')],
    [pack('m', 3, 8)],
    [pack('a', 3, 5), pack('b', 5, 7, 'e2')],
    [pack('m', 3, 7), { id: 'B', metaEtag: 'e', hasTombstones: false } as BlockRecord],
  ]
  expect(new Set([...others.map(blocksKey), merged]).size).toBe(7)
})
