import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Job } from '#lib/compact/jobs/job.ts'
import { type JobPlan, planJobs, type PlanInput } from '#lib/compact/plan/plan-jobs.ts'
import {
  type CompactSettings,
  DEFAULT_COMPACT_SETTINGS,
  retentionOf,
} from '#lib/compact/plan/settings.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { ModelBucket } from './model-bucket.ts'
import { DAY_MS, HOUR_MS, sampleRecord as block } from './sample-record.ts'

const NOW_MS = 1000 * HOUR_MS

interface Over extends Partial<Omit<PlanInput, 'settings'>> {
  readonly settings?: Partial<CompactSettings>
}

function plan({ settings, ...over }: Over): JobPlan {
  return planJobs({
    blocks: [],
    partial: [],
    packs: [],
    cuts: [],
    nowMs: NOW_MS,
    settings: { ...DEFAULT_COMPACT_SETTINGS, ...settings },
    ...over,
  })
}

const jobsOf = (planned: JobPlan): Job[] => planned.jobs.map(({ job }) => job)

const deletion = (timeMs: number, details = ''): Partial<BlockRecord> => ({
  marks: { deletion: { timeMs, etag: '', details } },
})

describe('what is deleted', () => {
  it('is marked later than the delay ago', () => {
    const planned = plan({
      blocks: [
        block('old', 0, 2, deletion(NOW_MS - 48 * HOUR_MS - 1)),
        block('young', 0, 2, deletion(NOW_MS - 48 * HOUR_MS, 'manual')),
      ],
    })
    expect(jobsOf(planned)).toEqual([{ type: 'delete', ids: ['old'] }])
    expect(planned.reasons.get('young')).toBe(
      'marked for deletion (manual), to be deleted after 1970-02-11 16:00',
    )
  })

  it('is in jobs of some seconds each', () => {
    const blocks = Array.from({ length: 120 }, (_, i) => block(`b${i}`, 0, 2, deletion(0)))
    const planned = plan({ blocks })
    expect(jobsOf(planned).map((job) => job.type === 'delete' && job.ids.length)).toEqual([
      20, 50, 50,
    ])
  })

  it('is what broke off, not what is being made, marked lately, or broken', () => {
    const old = { reason: 'no meta.json', lastModifiedMs: NOW_MS - 49 * HOUR_MS, hasMeta: false }
    const planned = plan({
      partial: [
        { ...old, id: 'old' },
        { ...old, id: 'leased' },
        { ...old, id: 'cut' },
        { ...old, id: 'young', lastModifiedMs: NOW_MS - 47 * HOUR_MS },
        { ...old, id: 'broken', hasMeta: true, reason: 'no index' },
        { ...old, id: 'half', lastModifiedMs: NOW_MS, deletion: { timeMs: NOW_MS, etag: '' } },
        { ...old, id: 'marked', hasMeta: true, deletion: { timeMs: NOW_MS, etag: '' } },
      ],
      writing: new Set(['leased']),
      cuts: [{ ulid: 'cut', inputs: ['a'], parts: 1, done: [], keys: [] }],
    })
    expect(jobsOf(planned)).toEqual([{ type: 'delete', ids: ['half', 'old'] }])
    expect(Object.fromEntries(planned.reasons)).toMatchObject({
      old: 'no meta.json: to be deleted',
      leased: 'no meta.json: it is being made',
      cut: 'no meta.json: it is being made',
      young: 'no meta.json: to be deleted after 1970-02-11 17:00, unless more comes',
      broken: 'no index: broken, left as it is; mark it for deletion, or repair it',
      marked: 'no meta.json: marked for deletion, to be deleted after 1970-02-13 16:00',
    })
  })

  it('are lookups of blocks that are gone', () => {
    const lookup = (id: string, lastModifiedMs: number) => ({
      key: `thaw/lookup/${id}`,
      id,
      lastModifiedMs,
    })
    const planned = plan({
      blocks: [block('there', 998, 1000)],
      lookups: [lookup('gone', 0), lookup('there', 0), lookup('new', NOW_MS)],
    })
    expect(jobsOf(planned)).toEqual([{ type: 'delete-objects', keys: ['thaw/lookup/gone'] }])
  })

  it('are leases whose workers ended long ago, unless their job is to be done', () => {
    const blocks = [block('a', 0, 2), block('b', 0, 2)]
    const { key } = plan({ blocks }).jobs[0]!
    const leases = new Map([
      ['ended', { untilMs: NOW_MS - 3 * DAY_MS }],
      ['ended just now', { untilMs: NOW_MS - DAY_MS }],
      ['held', { untilMs: NOW_MS + 1 }],
      [key, { untilMs: 0 }],
    ])
    const [compaction, ...others] = jobsOf(plan({ blocks, leases }))
    expect(compaction).toMatchObject({ type: 'compact' })
    expect(others).toEqual([{ type: 'delete-objects', keys: ['thaw/lease/ended'] }])
  })
})

describe('retention', () => {
  const retentionMs = { raw: 10 * DAY_MS, fiveMinutes: 20 * DAY_MS, oneHour: 0 }

  it('is of each resolution, by the last sample', () => {
    const blocks = [
      block('raw-old', 700, 759, { resolutionMs: 0 }),
      block('raw', 700, 760, { resolutionMs: 0, sources: ['raw-old'] }),
      block('5m-old', 400, 519, { resolutionMs: 300_000 }),
      block('5m', 519, 520, { resolutionMs: 300_000 }),
      block('1h', 0, 2, { resolutionMs: 3_600_000 }),
      block('unknown', 0, 2, { resolutionMs: 1234 }),
    ]
    const planned = plan({ blocks, settings: { retentionMs, downsampling: false } })
    expect(new Set(jobsOf(planned))).toEqual(
      new Set([
        {
          type: 'mark',
          ids: ['raw-old'],
          reason: 'block exceeding retention of 10d for raw samples',
        },
        {
          type: 'mark',
          ids: ['5m-old'],
          reason: 'block exceeding retention of 20d for 5m samples',
        },
      ]),
    )
  })

  it('comes first, whatever waits', () => {
    const blocks = Array.from({ length: 400 }, (_, i) => block(`b${i}`, i * 2, i * 2 + 2))
    const planned = plan({ blocks, settings: { retentionMs } })
    const types = planned.jobs.map(({ job }) => job.type)
    expect(types.slice(0, 8)).toEqual(Array(8).fill('mark'))
    expect(types.slice(8)).toContain('compact')
    expect(types.slice(8)).not.toContain('mark')
  })

  it('ends the merging of what goes before that would pay, but not of what must become longer', () => {
    const blocks = [0, 2, 4, 6].map((h) => block(`b${h}`, 768 + h, 770 + h))
    const settings = { retentionMs, deleteDelayMs: 48 * HOUR_MS }
    expect(jobsOf(plan({ blocks, settings })).map(({ type }) => type)).toEqual(['compact'])
    const planned = plan({ blocks, settings: { ...settings, downsampling: false } })
    expect(planned.jobs).toEqual([])
    expect(planned.reasons.get('b0')).toBe(
      'goes by retention on 1970-02-12 08:00, before merging it would pay',
    )
    const coarse = block('coarse', 768, 776, {
      resolutionMs: 300_000,
      sources: blocks.map(({ id }) => id),
    })
    expect(plan({ blocks: [...blocks, coarse], settings }).jobs).toEqual([])
  })

  it('ends downsampling that would be for nothing', () => {
    const planned = plan({
      blocks: [block('a', 0, 48)],
      settings: { retentionMs: { raw: 0, fiveMinutes: 10 * DAY_MS, oneHour: 0 } },
    })
    expect(planned.jobs).toEqual([])
    expect(planned.reasons.get('a')).toBe(
      'no other block fills a window with it yet; 5m blocks of its time are no longer kept',
    )
  })
})

describe('blocks that others hold', () => {
  it('are marked, unless who holds them is to go', () => {
    const big = block('big', 990, 994, { sources: ['a', 'b'], level: 2 })
    const blocks = [block('a', 990, 992), big, block('c', 992, 994)]
    const planned = plan({ blocks })
    expect(jobsOf(planned)[0]).toEqual({ type: 'mark', ids: ['a'], reason: 'compacted into big' })
    const going = { ...big, ...deletion(NOW_MS - 1) }
    expect(plan({ blocks: [block('a', 990, 992), going] }).jobs).toEqual([])
  })

  it('are found across replicas where these are merged', () => {
    const labels = labelsFrom({ cluster: 'a', replica: '1' })
    const merged = block('m', 990, 992, { sources: ['a', 'b'], source: 'compactor' })
    const blocks = [block('a', 990, 992, { labels }), merged]
    expect(plan({ blocks }).jobs).toEqual([])
    const dedup = { func: '', replicaLabels: ['replica'] } as const
    expect(jobsOf(plan({ blocks, settings: { dedup } }))).toEqual([
      { type: 'mark', ids: ['a'], reason: 'compacted into m' },
    ])
  })
})

describe('replicas', () => {
  const [one, two] = ['1', '2'].map((replica) => ({
    labels: labelsFrom({ cluster: 'a', replica }),
  }))
  const blocks = [block('a', 990, 992, one), block('b', 990, 992, two)]

  it('are merged where that is wanted', () => {
    expect(plan({ blocks }).jobs).toEqual([])
    const dedup = { func: 'penalty', replicaLabels: ['replica'] } as const
    const planned = plan({ blocks, settings: { dedup } })
    expect(jobsOf(planned)).toEqual([{ type: 'compact', inputs: ['a', 'b'], dedup }])
    expect(planned.reasons.get('a')).toBe(
      '2 blocks overlap, to be merged into one of 2h from 1970-02-11 06:00',
    )
  })

  it('with no other label are of one group, as with Thanos', () => {
    const alone = blocks.map((one, i) => ({ ...one, labels: labelsFrom({ replica: `${i}` }) }))
    const dedup = { func: '', replicaLabels: ['replica'] } as const
    expect(plan({ blocks: alone, settings: { dedup } }).jobs).toHaveLength(1)
  })
})

describe('a job that takes too long', () => {
  const inputs = [0, 2, 4, 6].map((h) =>
    block(`b${h}`, 992 + h, 994 + h, { segmentSizes: [10e9], indexSize: 1e9 }),
  )
  const cut = {
    ulid: 'new',
    inputs: inputs.map(({ id }) => id),
    parts: 3,
    keys: ['thaw/compact/new/cut.json'],
  }

  it('is cut, made in parts and put together', () => {
    const [planned] = plan({ blocks: inputs }).jobs
    expect(planned).toMatchObject({ job: { type: 'cut', inputs: cut.inputs, parts: 2 } })
    expect(planned!.inputBytes).toBe(44e9)

    const parts = plan({ blocks: inputs, cuts: [{ ...cut, done: [1] }] })
    expect(jobsOf(parts).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))).toEqual([
      { type: 'part', ulid: 'new', part: 0 },
      { type: 'part', ulid: 'new', part: 2 },
    ])
    expect(parts.reasons.get('b0')).toBe('being merged into new, 1 of 3 parts are there')

    const last = plan({ blocks: inputs, cuts: [{ ...cut, done: [0, 1, 2] }] })
    expect(jobsOf(last)).toEqual([{ type: 'finish', ulid: 'new' }])
  })

  it('is parts of less than ten minutes each, for two weeks of a million series', () => {
    // Sizes as bench/compact/parts.ts found them for a twentieth.
    const blocks = Array.from({ length: 7 }, (_, i) =>
      block(`w${i}`, 48 * i, 48 * (i + 1), { segmentSizes: [16.5e9], indexSize: 0.7e9, level: 3 }),
    )
    const later = block('later', 400, 402)
    const nowMs = 500 * HOUR_MS
    const cutJob = plan({ nowMs, blocks: [...blocks, later] }).jobs.find(
      ({ job }) => job.type === 'cut',
    )
    expect(cutJob!.job).toMatchObject({ inputs: blocks.map(({ id }) => id), parts: 6 })
    const made = { ulid: 'new', inputs: blocks.map(({ id }) => id), parts: 6, keys: [] }
    const estimates = [[], [0, 1, 2, 3, 4, 5]].flatMap((done) =>
      plan({ nowMs, blocks: [...blocks, later], cuts: [{ ...made, done }] })
        .jobs.filter(({ job }) => job.type === 'part' || job.type === 'finish')
        .map(({ estimateSeconds }) => estimateSeconds),
    )
    expect(estimates).toHaveLength(7)
    expect(Math.max(cutJob!.estimateSeconds, ...estimates)).toBeLessThan(600)
  })

  it('takes longer where blocks overlap', () => {
    const [one] = inputs
    const [planned] = plan({ blocks: [one!, { ...one!, id: 'twin', sources: ['twin'] }] }).jobs
    expect(planned).toMatchObject({ job: { type: 'cut', parts: 4 } })
  })

  it('is given up where its blocks are gone, or the block is there', () => {
    const gone = plan({ blocks: inputs.slice(1), cuts: [{ ...cut, done: [] }] })
    expect(jobsOf(gone)).toContainEqual({ type: 'delete-objects', keys: cut.keys })
    const made = block('new', 992, 1000, { sources: cut.inputs })
    const done = plan({ blocks: [...inputs, made], cuts: [{ ...cut, done: [0, 1, 2] }] })
    expect(jobsOf(done)).toEqual([
      { type: 'mark', ids: cut.inputs, reason: 'compacted into new' },
      { type: 'delete-objects', keys: cut.keys },
    ])
  })

  it('is given up where one of its blocks was set aside, or nobody knows what it was', () => {
    const noCompact = { timeMs: 0, etag: 'x', reason: 'unreadable' }
    const blocks = inputs.map((one, i) => (i === 2 ? { ...one, marks: { noCompact } } : one))
    const aside = plan({ blocks, cuts: [{ ...cut, done: [] }] })
    expect(jobsOf(aside)).toContainEqual({ type: 'delete-objects', keys: cut.keys })
    const unknown = { ...cut, inputs: [], parts: 0, done: [], broken: 'no cut of a block' }
    const broken = plan({ blocks: inputs, cuts: [unknown] })
    expect(broken.jobs.find(({ job }) => job.type === 'delete-objects')).toMatchObject({
      job: { keys: cut.keys },
      reason: 'left of block new made in parts: no cut of a block',
    })
  })
})

describe('downsampling', () => {
  it('waits for a merge', () => {
    const week = [0, 48, 96, 144, 192, 240, 288].map((h) => block(`b${h}`, h, h + 48))
    expect(jobsOf(plan({ blocks: week })).map(({ type }) => type)).toEqual(['compact'])
    const six = jobsOf(plan({ blocks: week.slice(1), nowMs: 340 * HOUR_MS }))
    expect(six.map(({ type }) => type)).toEqual(Array(6).fill('downsample'))
    expect(
      plan({ blocks: week.slice(1), nowMs: 340 * HOUR_MS, settings: { downsampling: false } }).jobs,
    ).toEqual([])
  })
})

const labelSets = [
  { cluster: 'a', replica: '1' },
  { cluster: 'a', replica: '2' },
  { cluster: 'b' },
].map(labelsFrom)

const anyBlock = fc.record({
  hour: fc.integer({ min: 0, max: 450 }),
  span: fc.constantFrom(2, 2, 2, 2, 8, 48, 1, 5),
  labels: fc.constantFrom(...labelSets),
  resolutionMs: fc.constantFrom(0, 0, 0, 0, 300_000),
  marks: fc.constantFrom<BlockRecord['marks']>(
    {},
    {},
    {},
    {},
    {},
    {},
    { deletion: { timeMs: NOW_MS, etag: '' } },
    { noCompact: { timeMs: NOW_MS, etag: '', reason: 'manual' } },
  ),
  hasTombstones: fc.constantFrom(false, false, false, true),
  indexSize: fc.constantFrom(100, 100, 400),
  segmentSize: fc.constantFrom(1e6, 1e6, 1e11),
})

const anyBlocks = fc
  .array(anyBlock, { maxLength: 60 })
  .map((some) =>
    some.map(({ hour, span, segmentSize, ...over }, i) =>
      block(
        `b${String(i).padStart(2, '0')}`,
        Math.floor(hour / span) * span,
        Math.floor(hour / span) * span + span,
        { ...over, segmentSizes: [segmentSize] },
      ),
    ),
  )

const anySettings = fc
  .record({
    retentionMs: fc.constantFrom(
      { raw: 0, fiveMinutes: 0, oneHour: 0 },
      { raw: 25 * DAY_MS, fiveMinutes: 35 * DAY_MS, oneHour: 0 },
    ),
    dedup: fc.constantFrom(undefined, { func: '', replicaLabels: ['replica'] } as const),
    maxIndexBytes: fc.constantFrom(1e9, 600),
    maxInputs: fc.constantFrom(32, 3),
  })
  .map((some) => ({ ...DEFAULT_COMPACT_SETTINGS, ...some }))

/** What a job touches. */
function touched(job: Job): readonly string[] {
  switch (job.type) {
    case 'compact':
    case 'cut':
      return job.inputs
    case 'downsample':
      return [job.input]
    case 'mark':
    case 'delete':
      return job.ids
    default:
      return []
  }
}

describe('any bucket', () => {
  it('has one plan, in whatever order it is listed, and no block in two jobs of it', () => {
    fc.assert(
      fc.property(anyBlocks, anySettings, fc.integer(), (blocks, settings, seed) => {
        const planned = new ModelBucket(settings, NOW_MS, blocks).plan()
        const shuffled = blocks.toSorted((a, b) => hash(a.id, seed) - hash(b.id, seed))
        const again = new ModelBucket(settings, NOW_MS, shuffled).plan()
        expect(again.jobs).toEqual(planned.jobs)
        expect(Object.fromEntries(again.reasons)).toEqual(Object.fromEntries(planned.reasons))
        const ids = planned.jobs.flatMap(({ job }) => touched(job))
        expect(new Set(ids).size).toBe(ids.length)
        expect(new Set(planned.reasons.keys())).toEqual(new Set(blocks.map(({ id }) => id)))
      }),
    )
  })

  it('loses what is beyond its retention with the next plan, whatever else is to be done', () => {
    fc.assert(
      fc.property(anyBlocks, anySettings, (blocks, settings) => {
        const bucket = new ModelBucket(settings, NOW_MS, blocks)
        // Whatever was cut is under way.
        for (const { job } of bucket.plan().jobs) if (job.type === 'cut') bucket.run(job)
        bucket.nowMs += 5 * DAY_MS
        const expired = [...bucket.blocks.values()].filter(
          ({ marks, maxTimeMs, resolutionMs }) =>
            !marks.deletion &&
            bucket.nowMs > maxTimeMs + retentionOf(settings.retentionMs, resolutionMs),
        )
        const { jobs } = bucket.plan()
        const marked = new Set(jobs.flatMap(({ job }) => (job.type === 'mark' ? job.ids : [])))
        expect(expired.filter(({ id }) => !marked.has(id))).toEqual([])
        const types = jobs.map(({ job }) => job.type)
        expect(types.lastIndexOf('mark')).toBe(types.filter((type) => type === 'mark').length - 1)
      }),
    )
  })

  it('comes to rest, and keeps what is not beyond its retention', () => {
    fc.assert(
      fc.property(anyBlocks, anySettings, (blocks, settings) => {
        const bucket = new ModelBucket(settings, NOW_MS, blocks)
        const expired = ({ maxTimeMs, resolutionMs }: BlockRecord): boolean =>
          bucket.nowMs > maxTimeMs + retentionOf(settings.retentionMs, resolutionMs)
        const unmarked = (): BlockRecord[] =>
          [...bucket.blocks.values()].filter(({ marks }) => !marks.deletion)
        const check = (job: Job): void => {
          for (const id of job.type === 'mark' ? job.ids : []) {
            const block = bucket.blocks.get(id)!
            const holder = bucket.blocks.get(
              /^compacted into (.*)$/.exec('reason' in job ? job.reason : '')?.[1] ?? '',
            )
            const isHeld = block.sources.every((one) => holder?.sources.includes(one))
            expect(isHeld || expired(block)).toBe(true)
          }
          for (const id of job.type === 'delete' ? job.ids : []) {
            const { timeMs } = bucket.blocks.get(id)!.marks.deletion!
            expect(bucket.nowMs - timeMs).toBeGreaterThan(settings.deleteDelayMs)
          }
        }
        const wanted = blocks.filter((block) => !block.marks.deletion && !expired(block))
        bucket.settle(check)
        const kept = new Set(unmarked().flatMap(({ sources }) => sources))
        expect([...kept].sort()).toEqual(wanted.map(({ id }) => id).sort())

        bucket.nowMs += settings.deleteDelayMs + 1000
        const still = unmarked().filter((block) => !expired(block))
        bucket.settle(check)
        const sources = new Set(unmarked().flatMap((block) => block.sources))
        for (const block of still) expect(block.sources.every((one) => sources.has(one))).toBe(true)
        expect(
          [...bucket.blocks.values()].every(
            ({ marks }) => (marks.deletion?.timeMs ?? Infinity) >= bucket.nowMs,
          ),
        ).toBe(true)
      }),
    )
  })
})

function hash(text: string, seed: number): number {
  let value = seed
  for (const char of text) value = (Math.imul(value, 31) + char.charCodeAt(0)) % 9973
  return value
}
