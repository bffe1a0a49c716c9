import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { knownWriters, type Writer } from '#lib/compact/plan/writers.ts'
import { freshKey } from '#lib/fresh/fresh-key.ts'
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import { formatLabels, type Labels, labelsFrom } from '#lib/model/labels.ts'
import { sampleRecord } from './sample-record.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOW = 1000 * HOUR
const FRESH = { packs: [], startMs: 0, endMs: 0 } as unknown as BlockRecord['fresh']

const cluster = (name: string): Labels => labelsFrom({ cluster: name })

/** That came so long ago. */
function pack(labels: Labels, agoMs: number): FreshPack {
  const lastModifiedMs = NOW - agoMs
  const facts = { labels, epoch: 'e', from: agoMs, to: agoMs + 1, directoryBytes: 9 }
  const key = { ...facts, minTimeMs: lastModifiedMs - 30_000, maxTimeMs: lastModifiedMs - 1000 }
  return { ...key, key: freshKey(key), size: 100, lastModifiedMs }
}

/** That ends so long ago. */
function block(labels: Labels, agoHours: number, over: Partial<BlockRecord> = {}): BlockRecord {
  return sampleRecord(`b${agoHours}`, 998 - agoHours, 1000 - agoHours, { labels, ...over })
}

interface Given {
  readonly packs?: readonly FreshPack[]
  readonly blocks?: readonly BlockRecord[]
  readonly ruler?: Labels
}

async function told({ packs = [], blocks = [], ruler }: Given): Promise<string[]> {
  const writers = await knownWriters({ packs, blocks, nowMs: NOW }, async () => ruler)
  return writers.map(textOf)
}

function textOf({ labels, lastMs, isSilent }: Writer): string {
  return `${formatLabels(labels)} ${(NOW - lastMs) / MINUTE}m${isSilent ? ' silent' : ''}`
}

describe('knownWriters', () => {
  it('misses who has put no pack for ten minutes, the longest silent first', async () => {
    const packs = [
      pack(cluster('a'), 10 * MINUTE),
      pack(cluster('a'), 20 * MINUTE),
      pack(cluster('b'), 10.5 * MINUTE),
      pack(cluster('c'), 3 * HOUR),
    ]
    expect(await told({ packs })).toEqual([
      '{cluster="c"} 180m silent',
      '{cluster="b"} 10.5m silent',
      '{cluster="a"} 10m',
    ])
  })

  it('knows nobody where nobody ever wrote', async () => {
    expect(await told({})).toEqual([])
  })

  it('forgets after a day', async () => {
    const packs = [pack(cluster('a'), 24 * HOUR), pack(cluster('b'), 24 * HOUR + 1)]
    expect(await told({ packs })).toEqual(['{cluster="a"} 1440m silent'])
  })

  it('waits four hours for the next block of who ships nothing else', async () => {
    const blocks = [block(cluster('a'), 3), block(cluster('a'), 5), block(cluster('b'), 4.5)]
    expect(await told({ blocks })).toEqual(['{cluster="b"} 270m silent', '{cluster="a"} 180m'])
  })

  it('does not wait for who has packs, nor for who left blocks of packs', async () => {
    const blocks = [
      block(cluster('a'), 3),
      block(cluster('b'), 3, { fresh: FRESH, source: 'thaw' }),
    ]
    expect(await told({ blocks, packs: [pack(cluster('a'), 11 * MINUTE)] })).toEqual([
      '{cluster="b"} 180m silent',
      '{cluster="a"} 11m silent',
    ])
  })

  it('takes a block as a sign where packs were switched off', async () => {
    const packs = [pack(cluster('a'), 4 * HOUR)]
    expect(await told({ packs, blocks: [block(cluster('a'), 2)] })).toEqual(['{cluster="a"} 120m'])
  })

  it.each([
    ['that were compacted', { source: 'compactor', level: 2 }],
    ['that were backfilled', { source: 'bucket.backfill' }],
    ['that were uploaded by hand', { source: 'bucket.upload' }],
    ['that were downsampled', { resolutionMs: 300_000 }],
  ])('learns nothing of blocks %s', async (_, over) => {
    expect(await told({ blocks: [block(cluster('a'), 6, over)] })).toEqual([])
  })

  it('does not miss the ruler, and asks for its labels only where somebody is silent', async () => {
    const ruler = labelsFrom({ ruler: 'thaw' })
    const packs = [pack(ruler, 30 * MINUTE), pack(cluster('a'), 20 * MINUTE)]
    expect(await told({ packs, ruler })).toEqual(['{cluster="a"} 20m silent'])
    const writers = await knownWriters(
      { packs: [pack(ruler, MINUTE)], blocks: [], nowMs: NOW },
      () => Promise.reject(new Error('asked')),
    )
    expect(writers).toHaveLength(1)
  })

  it('tells replicas apart', async () => {
    const of = (replica: string): Labels => labelsFrom({ cluster: 'a', replica })
    const packs = [pack(of('x'), MINUTE), pack(of('y'), HOUR)]
    expect(await told({ packs })).toEqual([
      '{cluster="a", replica="y"} 60m silent',
      '{cluster="a", replica="x"} 1m',
    ])
  })
})
