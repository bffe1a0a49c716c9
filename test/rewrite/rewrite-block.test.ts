import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import { relabeler } from '#lib/relabel/relabel.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'
import { changeLine, type SeriesChange } from '#lib/rewrite/change-log.ts'
import { deletionsOf, parseDeletionRequests } from '#lib/rewrite/deletion-request.ts'
import { type RewriteOptions, rewriteBlock } from '#lib/rewrite/rewrite-block.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { columns, every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { contentsOf, readBlock } from './block-contents.ts'

const OLD = testId(1)
const NEW = testId(2)
const HOUR_MS = 3_600_000

interface Config {
  readonly relabel?: string
  readonly remove?: string
  readonly more?: Partial<RewriteOptions>
}

async function rewrite(bucket: Bucket, { relabel = '', remove = '', more = {} }: Config) {
  const lines: string[] = []
  const { blocks } = await scanBlocks(bucket, new Map())
  const result = await rewriteBlock({
    bucket,
    block: blocks.find(({ id }) => id === OLD)!,
    ulid: NEW,
    now: () => 1_700_000_000_000,
    relabels: parseRelabelConfigs(relabel, 'relabel'),
    deletions: parseDeletionRequests(remove, 'delete'),
    dryRun: false,
    changeLog: true,
    onChange: (change: SeriesChange) => lines.push(changeLine(change)),
    ...more,
  })
  return { ...result, lines }
}

const SERIES = ['a', 'b', 'c'].flatMap((host, h) =>
  ['cpu', 'mem'].map((name, n) => ({
    labels: labels({ __name__: name, host, id: `${9 - h * 2 - n}` }),
    samples: every(15_000, 0, HOUR_MS, (t) => t * (h + 1) + n),
  })),
)

async function bucketOf(series = SERIES): Promise<Bucket> {
  const bucket = memoryBucket()
  await putBlock(bucket, { id: OLD, minTimeMs: 0, maxTimeMs: HOUR_MS, series })
  return bucket
}

async function names(bucket: Bucket): Promise<string[]> {
  return Object.keys(contentsOf(await readBlock(bucket, NEW)))
}

const COUNTS = { read: 6, written: 6, relabelled: 0, deleted: 0, cut: 0, merged: 0 }

describe('deleting', () => {
  it('leaves out series, and writes what was done', async () => {
    const bucket = await bucketOf()
    const { meta, counts, lines } = await rewrite(bucket, {
      remove: `[{matchers: '{__name__="cpu", host=~"a|b"}'}]`,
    })
    expect(counts).toEqual({ ...COUNTS, written: 4, deleted: 2 })
    const old = contentsOf(await readBlock(bucket, OLD))
    const kept = Object.entries(old).filter(([key]) => !/ cpu host [ab]/.test(` ${key.slice(9)}`))
    expect(contentsOf(await readBlock(bucket, NEW))).toEqual(Object.fromEntries(kept))
    expect(kept).toHaveLength(4)
    expect(lines).toEqual([
      `Deleted {__name__="cpu", host="a", id="9"} [{0 3585000}]\n`,
      `Deleted {__name__="cpu", host="b", id="7"} [{0 3585000}]\n`,
    ])
    expect(new TextDecoder().decode((await bucket.get(`${NEW}/change.log`)).body)).toBe(
      lines.join(''),
    )
    expect(meta).toMatchObject({
      ulid: NEW,
      minTime: 0,
      maxTime: HOUR_MS,
      stats: { numSeries: 4, numSamples: 960, numChunks: 8 },
      compaction: { level: 1, sources: [NEW] },
      thanos: {
        labels: { cluster: 'a' },
        source: 'bucket.rewrite',
        rewrites: [
          {
            sources: [OLD],
            deletions_applied: [
              {
                matchers: [
                  { Type: 0, Name: '__name__', Value: 'cpu' },
                  { Type: 2, Name: 'host', Value: 'a|b' },
                ],
              },
            ],
          },
        ],
      },
    })
  })

  it('takes times out of series, chunk by chunk', async () => {
    const bucket = await bucketOf()
    const { counts, lines } = await rewrite(bucket, {
      remove: `[{matchers: '{host="a"}', intervals: [{mint: 60000, maxt: 1900000}, {mint: 3585000, maxt: 9000000}]}]`,
    })
    expect(counts).toEqual({ ...COUNTS, cut: 2 })
    const contents = contentsOf(await readBlock(bucket, NEW))
    const times = contents['__name__ cpu host a id 9']!.map((text) => Number(text.split(' ')[0]))
    const expected = every(15_000, 0, HOUR_MS, () => 0)
    expect(times).toEqual(
      [...expected.timestamps].filter((t) => t < 60_000 || (t > 1_900_000 && t < 3_585_000)),
    )
    expect(contents['__name__ cpu host b id 7']).toHaveLength(240)
    // The chunks are 0…1785000 and 1800000…3585000.
    expect(lines[0]).toBe(
      `Deleted {__name__="cpu", host="a", id="9"} [{60000 1785000} {1800000 1900000} {3585000 3585000}]\n`,
    )
  })

  it('a matcher says nothing of a series without its label', async () => {
    const bucket = await bucketOf()
    const { counts } = await rewrite(bucket, { remove: `[{matchers: '{__name__="cpu", no=""}'}]` })
    expect(counts).toEqual(COUNTS)
  })

  it('writes no block where nothing is left', async () => {
    const bucket = await bucketOf()
    const { counts, meta } = await rewrite(bucket, { remove: `[{matchers: '{__name__=~".+"}'}]` })
    expect(counts).toEqual({ ...COUNTS, written: 0, deleted: 6 })
    expect(meta).toBeUndefined()
    for await (const { objects } of bucket.list(`${NEW}/`)) expect(objects).toEqual([])
  })
})

describe('relabelling', () => {
  it('restores the order of series', async () => {
    const bucket = await bucketOf()
    const { counts, lines } = await rewrite(bucket, {
      relabel: '[{action: labeldrop, regex: host}]',
    })
    expect(counts).toEqual({ ...COUNTS, relabelled: 6 })
    expect(await names(bucket)).toEqual([
      '__name__ cpu id 5',
      '__name__ cpu id 7',
      '__name__ cpu id 9',
      '__name__ mem id 4',
      '__name__ mem id 6',
      '__name__ mem id 8',
    ])
    expect(lines[0]).toBe(
      `Relabelled {__name__="cpu", host="a", id="9"} {__name__="cpu", id="9"}\n`,
    )
  })

  it('merges series that become equal', async () => {
    const series = ['a', 'b'].map((host, h) => ({
      labels: labels({ __name__: 'cpu', host }),
      samples: columns(
        Array.from({ length: 120 }, (_, i) => [i * 30_000 + h * 15_000, i * 30_000 + h * 15_000]),
      ),
    }))
    const bucket = await bucketOf(series)
    const { counts } = await rewrite(bucket, { relabel: '[{action: labeldrop, regex: host}]' })
    expect(counts).toEqual({ ...COUNTS, read: 2, written: 1, relabelled: 2, merged: 1 })
    const contents = contentsOf(await readBlock(bucket, NEW))
    expect(contents['__name__ cpu']).toEqual(
      Array.from({ length: 240 }, (_, i) => `${i * 15_000} ${i * 15_000}`),
    )
  })

  it('drops series, before deletions go by the new labels', async () => {
    const bucket = await bucketOf()
    const { counts, lines } = await rewrite(bucket, {
      relabel: `[{action: drop, source_labels: [host], regex: a}, {source_labels: [host], target_label: place}]`,
      remove: `[{matchers: '{place="c"}'}]`,
    })
    expect(counts).toEqual({ ...COUNTS, written: 2, relabelled: 4, deleted: 4 })
    expect(lines.filter((line) => line.startsWith('Deleted'))).toHaveLength(4)
    expect(await names(bucket)).toEqual([
      '__name__ cpu host b id 7 place b',
      '__name__ mem host b id 6 place b',
    ])
  })
})

describe('a dry run', () => {
  it('counts and tells the same, reads no chunk and writes nothing', async () => {
    const config = {
      relabel: '[{action: labeldrop, regex: id}]',
      remove: `[{matchers: '{host="a"}'}, {matchers: '{host="b"}', intervals: [{mint: 0, maxt: 5}]}]`,
    }
    const real = await rewrite(await bucketOf(), config)
    const inner = await bucketOf()
    const reads: string[] = []
    const bucket: Bucket = {
      ...inner,
      getRange(key, ...rest) {
        reads.push(key)
        return inner.getRange(key, ...rest)
      },
      put: () => Promise.reject(new Error('writes')),
      putStream: () => Promise.reject(new Error('writes')),
    }
    const dry = await rewrite(bucket, { ...config, more: { dryRun: true } })
    expect(dry.counts).toEqual(real.counts)
    expect(dry.lines).toEqual(real.lines)
    expect(dry.meta).toBeUndefined()
    expect(new Set(reads)).toEqual(new Set([`${OLD}/index`]))
  })
})

it('applies tombstones, and says which file is broken', async () => {
  const bucket = await bucketOf()
  const [first] = (await readBlock(bucket, OLD)).index.allSeries()
  const tombstones = new Map([[first!.id, [{ minTimeMs: 0, maxTimeMs: 3_000_000 }]]])
  await bucket.put(`${OLD}/tombstones`, writeTombstones(tombstones))
  await rewrite(bucket, { relabel: '[{target_label: new, replacement: x}]' })
  const contents = contentsOf(await readBlock(bucket, NEW))
  expect(contents['__name__ cpu host a id 9 new x']).toHaveLength(39)

  const { body } = await bucket.get(`${OLD}/chunks/000001`)
  body[body.length - 100]! ^= 1
  await bucket.put(`${OLD}/chunks/000001`, body)
  await expect(rewrite(bucket, { relabel: '[{action: labeldrop, regex: id}]' })).rejects.toThrow(
    new RegExp(`^${OLD}/chunks/000001: .* at byte`),
  )
})

it('keeps memory of pages bounded: no read is larger than a page, each chunk is read once', async () => {
  const series = Array.from({ length: 3000 }, (_, i) => ({
    labels: labels({ __name__: 'm', shuffled: String((i * 7919) % 3000), i: String(i) }),
    samples: every(60_000, 0, HOUR_MS, (t) => Math.sin(t + i)),
  }))
  const inner = await bucketOf(series)
  let chunkBytes = 0
  const bucket: Bucket = {
    ...inner,
    async getRange(key, ...rest) {
      const bytes = await inner.getRange(key, ...rest)
      if (key.includes('chunks')) chunkBytes += bytes.length
      return bytes
    },
  }
  await rewrite(bucket, { relabel: '[{action: labeldrop, regex: i}]' })
  const { size } = await inner.head(`${OLD}/chunks/000001`)
  const before = Object.values(contentsOf(await readBlock(bucket, OLD)))
  expect(new Set(Object.values(contentsOf(await readBlock(bucket, NEW))).map(String))).toEqual(
    new Set(before.map(String)),
  )
  expect(chunkBytes).toBeLessThan(size * 3)
})

it('any rules give what they give series by series', async () => {
  const value = fc.constantFrom('1', '2', '3')
  const rule = fc.constantFrom(
    '{action: labeldrop, regex: a}',
    '{action: labeldrop, regex: "b|c"}',
    '{source_labels: [a, b], target_label: c}',
    '{source_labels: [c], target_label: a}',
    '{action: drop, source_labels: [b], regex: "2"}',
    '{action: labelmap, regex: "(.)", replacement: "${1}2"}',
  )
  const removal = fc.constantFrom(
    `{matchers: '{c="1"}'}`,
    `{matchers: '{a=~"1|2"}', intervals: [{mint: 20, maxt: 50}]}`,
    `{matchers: '{a!="1", b="3"}', intervals: [{mint: 0, maxt: 9}, {mint: 95, maxt: 200}]}`,
  )
  const series = fc.uniqueArray(fc.record({ a: value, b: value, c: value }), {
    selector: (record) => JSON.stringify(record),
    maxLength: 20,
    minLength: 1,
  })
  const times = fc.uniqueArray(fc.nat(120), { minLength: 1, maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(
      series,
      times,
      fc.array(rule, { maxLength: 3 }),
      fc.array(removal, { maxLength: 2 }),
      async (records, unsorted, rules, removals) => {
        // Equal samples everywhere: which of two counts is `mergeColumns`' business.
        const samples = unsorted.toSorted((a, b) => a - b).map((t): [number, number] => [t, t])
        const bucket = await bucketOf(
          records.map((record) => ({ labels: labels(record), samples: columns(samples) })),
        )
        const relabel = `[${rules.join(', ')}]`
        const remove = `[${removals.join(', ')}]`
        const { meta } = await rewrite(bucket, { relabel, remove })
        const expected = expectedOf(records.map(labels), samples, relabel, remove)
        const block = meta && (await readBlock(bucket, NEW))
        expect(block ? contentsOf(block) : {}).toEqual(expected)
        const order = block ? [...block.index.allSeries()].map((one) => one.labels) : []
        expect(order).toEqual(order.toSorted(compareLabels))
      },
    ),
    { numRuns: 200 },
  )
})

function expectedOf(
  all: readonly Labels[],
  samples: readonly (readonly [number, number])[],
  relabel: string,
  remove: string,
): Record<string, string[]> {
  const to = relabeler(parseRelabelConfigs(relabel, ''))
  const lost = deletionsOf(parseDeletionRequests(remove, ''))
  const expected: Record<string, string[]> = {}
  for (const old of all) {
    const next = to(old)
    const gone = lost(next)
    if (next.length === 0 || gone === 'all') continue
    const kept = samples.filter(
      ([t]) => !gone.some(({ minTimeMs, maxTimeMs }) => t >= minTimeMs && t <= maxTimeMs),
    )
    if (kept.length > 0) expected[next.join(' ')] = kept.map(([t, v]) => `${t} ${v}`)
  }
  return expected
}

it.each([
  ['{}', 'delete: write a list of requests'],
  ['[a]', 'delete: write a request as a map'],
  ['[{}]', `delete: write matchers as a selector such as '{job="a"}'`],
  ['[{matcher: a}]', 'delete: there is no field matcher'],
  [`[{matchers: '{a=}'}]`, /^delete: .*unexpected/],
  [`[{matchers: a, intervals: {}}]`, 'delete: write intervals as a list'],
  [`[{matchers: a, intervals: [{mint: 5, maxt: 1}]}]`, /^delete: an interval has mint and maxt/],
  ['[', /^delete: /],
])('refuses the deletion request %s', (yaml, message) => {
  expect(() => parseDeletionRequests(yaml, 'delete')).toThrow(message)
})
