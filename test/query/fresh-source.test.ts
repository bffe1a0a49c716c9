import { beforeEach, describe, expect, it } from 'vitest'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { mergePacks } from '#lib/fresh/merge-packs.ts'
import type { PackedExemplar, PackedMetadata } from '#lib/fresh/side-pages.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { freshSource } from '#lib/query/fresh-source.ts'
import { askExemplars, askMetadata } from '#lib/storage/ask-sources.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Source } from '#lib/storage/source.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { putPack } from '#test/store/put-pack.ts'

const NOW = 1_700_000_000_000
const SCOPE: Scope = {
  dedup: true,
  replicaLabels: ['replica'],
  deduplication: 'nearest',
  partialResponse: true,
  maxSourceResolutionMs: 0,
}
const TENANT: Matcher = { type: '=', name: 'tenant_id', value: 'a' }
const equal = (name: string, value: string): Matcher => ({ type: '=', name, value })

let bucket: Bucket
let source: Source

beforeEach(() => {
  bucket = memoryBucket()
  source = open()
})

function open(): Source {
  const now = (): number => NOW
  const index = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
  return freshSource({ bucket, index, cache: new StoreCache(1e7), now })
}

function exemplar(
  metric: string,
  agoMs: number,
  id: string,
  labels: Record<string, string> = {},
): PackedExemplar {
  return {
    labels: labelsFrom({ __name__: metric, ...labels }),
    timestampMs: NOW - agoMs,
    value: 1,
    exemplarLabels: labelsFrom({ trace_id: id }),
  }
}

interface Asked {
  readonly from?: number
  readonly to?: number
  readonly scope?: Partial<Scope>
}

/** Milliseconds ago. */
async function ask(sets: readonly Matcher[][], { from = 1e6, to = 0, scope }: Asked = {}) {
  const request = { matcherSets: sets, startMs: NOW - from, endMs: NOW - to }
  const told = await askExemplars([source], request, { ...SCOPE, ...scope })
  const found = told.value.map(({ labels, exemplars }) => [
    labels.join(' '),
    exemplars.map(({ labels: [, id] }) => id).join(' '),
  ])
  return { found, warnings: told.warnings, cost: told.cost }
}

describe('exemplars of fresh blocks', () => {
  it('have external labels, and are those of replicas together', async () => {
    const a = [exemplar('m', 30, 'x'), exemplar('m', 20, 'y')]
    const b = [exemplar('m', 30, 'x'), exemplar('m', 10, 'z')]
    await putPack(bucket, { from: 0, to: 1, external: { replica: '1', c: 'eu' } }, { exemplars: a })
    await putPack(bucket, { from: 0, to: 1, external: { replica: '2', c: 'eu' } }, { exemplars: b })
    await putPack(bucket, { from: 1, to: 2, external: { c: 'us' } }, { exemplars: b })
    const all = [
      ['__name__ m c eu', 'x y z'],
      ['__name__ m c us', 'x z'],
    ]
    expect((await ask([[equal('__name__', 'm')]])).found).toEqual(all)
    expect((await ask([[equal('c', 'eu')], [equal('c', 'nope')]])).found).toEqual([all[0]])
    expect((await ask([[equal('c', '')]])).found).toEqual([])
    const apart = await ask([[equal('__name__', 'm')]], { scope: { dedup: false } })
    expect(apart.found).toHaveLength(3)
  })

  it('are those of the interval, which is closed, of any selector', async () => {
    const exemplars = [exemplar('m', 30, 'x'), exemplar('m', 20, 'y'), exemplar('n', 10, 'z')]
    await putPack(bucket, { from: 0, to: 1 }, { exemplars })
    const sets = [[equal('__name__', 'm')], [equal('__name__', 'n'), equal('job', '')]]
    const ids = async (from: number, to: number): Promise<string[]> =>
      (await ask(sets, { from, to })).found.map(([, id]) => id!)
    expect(await ids(30, 20)).toEqual(['x y'])
    expect(await ids(29, 10)).toEqual(['y', 'z'])
    expect(await ids(9, 0)).toEqual([])
  })

  it('are read where they may be, once', async () => {
    for (let i = 0; i < 5; i++) {
      const exemplars = [exemplar('m', 1000 * i, 'x'), exemplar(`other_${i}`, 1000 * i, 'y')]
      await putPack(bucket, { from: i, to: i + 1 }, { exemplars })
    }
    await putPack(bucket, { from: 9, to: 10 }, { exemplars: [exemplar('n', 5, 'n')] })
    await putPack(
      bucket,
      { from: 10, to: 11, external: { c: 'us' } },
      {
        exemplars: [exemplar('m', 5, 'm')],
      },
    )
    const matchers = [equal('__name__', 'm'), equal('c', '')]
    const first = await ask([matchers], { from: 2500 })
    expect(first.found).toEqual([['__name__ m', 'x x x']])
    // Directory and page of the three packs of that time that may have some, and one directory more.
    expect(first.cost).toMatchObject({ lists: 1, gets: 7 })
    const again = await ask([matchers], { from: 2500 })
    expect(again.found).toEqual(first.found)
    expect(again.cost).toMatchObject({ lists: 0, gets: 0, bytes: 0 })
  })

  it('of another tenant are never seen', async () => {
    const exemplars = [
      exemplar('m', 3, 'own', { tenant_id: 'a' }),
      exemplar('m', 2, 'other', { tenant_id: 'b' }),
      exemplar('m', 1, 'nobody'),
    ]
    await putPack(bucket, { from: 0, to: 1 }, { exemplars })
    for (const tenant_id of ['a', 'b']) {
      const external = { tenant_id, c: tenant_id }
      await putPack(
        bucket,
        { from: 0, to: 1, external },
        { exemplars: [exemplar('m', 5, `all ${tenant_id}`)] },
      )
    }
    const scope = { enforced: [TENANT] }
    const own = [
      ['__name__ m c a tenant_id a', 'all a'],
      ['__name__ m tenant_id a', 'own'],
    ]
    expect((await ask([[equal('__name__', 'm')]], { scope })).found).toEqual(own)
    const sly = [equal('__name__', 'm'), { type: '=~', name: 'tenant_id', value: '.*' } as const]
    expect((await ask([sly], { scope })).found).toEqual(own)
  })

  it('are read again where a pack became part of another', async () => {
    const keys: string[] = []
    for (let i = 0; i < 2; i++) {
      keys.push(
        await putPack(
          bucket,
          { from: i, to: i + 1 },
          { exemplars: [exemplar('m', 20 - i, `${i}`)] },
        ),
      )
    }
    // Lists them.
    expect((await ask([[equal('__name__', 'nope')]])).found).toEqual([])
    const packs = await Promise.all(keys.map(async (key) => (await bucket.get(key)).body))
    await putPack(bucket, { from: 0, to: 2 }, mergePacks(packs))
    for (const key of keys) await bucket.delete(key)
    expect(await ask([[equal('__name__', 'm')]])).toMatchObject({
      found: [['__name__ m', '0 1']],
      warnings: [],
    })
  })

  it('of a pack that is broken are left out, or the answer is an error', async () => {
    await putPack(bucket, { from: 0, to: 1 }, { exemplars: [exemplar('m', 5, 'x')] })
    const broken = await putPack(bucket, { from: 5, to: 6 }, { exemplars: [exemplar('m', 4, 'y')] })
    const bytes = (await bucket.get(broken)).body.slice()
    bytes[10]! ^= 1
    await bucket.put(broken, bytes)
    const { found, warnings } = await ask([[equal('__name__', 'm')]])
    expect(found).toEqual([['__name__ m', 'x']])
    expect(warnings).toEqual([expect.stringMatching(/^block thaw\/fresh\/.* is left out: /)])
    await expect(
      ask([[equal('__name__', 'm')]], { scope: { partialResponse: false } }),
    ).rejects.toThrow(/checksum/)
  })
})

describe('metadata of fresh blocks', () => {
  const entry = (metric: string, help: string): PackedMetadata => ({
    metric,
    type: 'counter',
    help,
    unit: '',
  })
  const at = (agoMs: number) => ({ exemplars: [exemplar('m', agoMs, 'x')] })
  const tell = async (metric?: string, scope: Partial<Scope> = {}) => {
    const request = { metric, limit: -1, limitPerMetric: -1 }
    const { value } = await askMetadata([source], request, { ...SCOPE, ...scope })
    return [...value].map(([name, entries]) => [name, ...entries.map(({ help }) => help)])
  }

  it('is what the newest pack of each source says of a metric', async () => {
    const external = { c: 'eu' }
    const both = [entry('b', 'one target'), entry('b', 'another')]
    await putPack(
      bucket,
      { from: 0, to: 5, external },
      {
        ...at(900),
        metadata: [entry('a', 'old'), ...both],
      },
    )
    await putPack(
      bucket,
      { from: 5, to: 6, external },
      { ...at(100), metadata: [entry('a', 'new')] },
    )
    await putPack(bucket, { from: 6, to: 7, external }, at(50))
    await putPack(
      bucket,
      { from: 0, to: 9, external: { c: 'us' } },
      {
        ...at(500),
        metadata: [entry('a', 'elsewhere'), entry('c', 'c')],
      },
    )
    expect(await tell()).toEqual([
      ['a', 'new', 'elsewhere'],
      ['b', 'one target', 'another'],
      ['c', 'c'],
    ])
    expect(await tell('b')).toEqual([['b', 'one target', 'another']])
    expect(await tell('nope')).toEqual([])
  })

  it('is of the last hours', async () => {
    await putPack(
      bucket,
      { from: 0, to: 5 },
      { ...at(7 * 3_600_000), metadata: [entry('a', 'old')] },
    )
    expect(await tell()).toEqual([])
  })

  it('is told to who owns all of its source', async () => {
    for (const external of [{ tenant_id: 'a' }, { tenant_id: 'b' }, { c: 'eu' }]) {
      const [value] = Object.values(external)
      await putPack(
        bucket,
        { from: 0, to: 5, external },
        {
          ...at(5),
          metadata: [entry('m', `of ${value}`)],
        },
      )
    }
    expect(await tell('m', { enforced: [TENANT] })).toEqual([['m', 'of a']])
    expect((await tell('m'))[0]).toHaveLength(4)
  })
})
