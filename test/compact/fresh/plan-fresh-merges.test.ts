/** Which packs become blocks, which go, and when. */
import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { FreshPlan } from '#lib/compact/fresh/fresh-draft.ts'
import { type FreshRules, planFreshMerges } from '#lib/compact/fresh/plan-fresh-merges.ts'
import { epochOf, freshKey } from '#lib/fresh/fresh-key.ts'
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import { markKey, type PackMark, parseMarks } from '#lib/fresh/pack-marks.ts'
import { packsInBlock } from '#lib/fresh/packs-in-block.ts'
import { labelsFrom } from '#lib/model/labels.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOON = Date.UTC(2026, 10, 21, 12)
const LABELS = labelsFrom({ cluster: 'eu', replica: 'ä/0' })
const SHIPPING = epochOf('01A', { shipsBlocks: true })
const ALONE = epochOf('01A', { shipsBlocks: false })

/** Times are minutes after noon; it came a minute after its last sample. */
function pack(from: number, minutes: readonly [number, number], over: Partial<FreshPack> = {}) {
  const [first, last] = minutes
  const facts = {
    labels: LABELS,
    epoch: ALONE,
    from,
    to: from + 1,
    minTimeMs: NOON + first * MINUTE,
    maxTimeMs: NOON + last * MINUTE,
    directoryBytes: 10,
    size: 100,
    lastModifiedMs: NOON + (last + 1) * MINUTE,
    ...over,
  }
  return { ...facts, key: freshKey(facts) }
}

function block(id: string, over: Partial<BlockRecord> = {}): BlockRecord {
  return {
    id,
    minTimeMs: NOON,
    maxTimeMs: NOON + 2 * HOUR,
    labels: LABELS,
    resolutionMs: 0,
    level: 1,
    sources: [id],
    source: 'thaw',
    seriesCount: 1,
    sampleCount: 1,
    chunkCount: 1,
    indexSize: 1,
    segmentSizes: [1],
    seriesMaxSize: 0,
    chunkMaxSize: 0,
    hasTombstones: false,
    uploadTimeMs: 0,
    metaEtag: '',
    marks: {},
    ...over,
  }
}

/** A block of these packs, that the index has from then on. */
function madeOf(
  id: string,
  packs: readonly FreshPack[],
  indexedMinute: number,
  over: Partial<BlockRecord> = {},
): BlockRecord {
  const minTimeMs = over.minTimeMs ?? NOON
  const fresh = packsInBlock(packs, minTimeMs, minTimeMs + 2 * HOUR)
  return block(id, { fresh: { ...fresh, indexedMs: NOON + indexedMinute * MINUTE }, ...over })
}

function plan(
  packs: readonly FreshPack[],
  minute: number,
  blocks: readonly BlockRecord[] = [],
  over: Partial<FreshRules> = {},
): FreshPlan {
  const nowMs = NOON + minute * MINUTE
  return planFreshMerges(packs, blocks, { nowMs, freshDelayMs: 3 * HOUR, retentionMs: 0, ...over })
}

/** `0..120: 0 1`: minutes of the window, and where its packs begin. */
function merges({ merges: all }: FreshPlan, packs: readonly FreshPack[]): string[] {
  const name = (one: FreshPack): number => packs.indexOf(one)
  const minutes = (ms: number): number => (ms - NOON) / MINUTE
  return all.map(
    ({ startMs, endMs, packs: some }) =>
      `${minutes(startMs)}..${minutes(endMs)}: ${some
        .map(name)
        .sort((a, b) => a - b)
        .join(' ')}`,
  )
}

function deleted({ deletions }: FreshPlan, packs: readonly FreshPack[]): number[] {
  const keys = new Set(deletions.flatMap((one) => one.keys))
  return packs.flatMap(({ key }, i) => (keys.has(key) ? [i] : []))
}

function mark(kind: PackMark['kind'], of: FreshPack, startMs: number, endMs: number): PackMark {
  const key = markKey(kind, of, startMs, endMs)
  return parseMarks([{ key, size: 0, etag: '', lastModifiedMs: 0 }])[0]!
}

describe('a window of packs', () => {
  const hour = [pack(0, [1, 30]), pack(1, [31, 60]), pack(2, [61, 119])]

  it.each([
    ['15 minutes after its end, of a writer that ships nothing', ALONE, 120 + 15],
    ['3 hours after its end, of one that ships blocks', SHIPPING, 120 + 180],
    ['3 hours after its end, of one that says nothing', 'e', 120 + 180],
  ])('becomes a block %s', (_, epoch, due) => {
    const packs = hour.map((one) => pack(one.from, [one.from * 30, one.from * 30 + 29], { epoch }))
    expect(merges(plan(packs, due - 1), packs)).toEqual([])
    expect(merges(plan(packs, due), packs)).toEqual(['0..120: 0 1 2'])
    expect(plan(packs, due).left.size).toBe(0)
    expect([...plan(packs, due - 1).left.keys()].sort()).toEqual(packs.map(({ key }) => key).sort())
  })

  it('waits for a block where somebody else ships them', () => {
    const shipped = block('a', { source: 'sidecar', minTimeMs: NOON - 2 * HOUR, maxTimeMs: NOON })
    expect(merges(plan(hour, 135, [shipped]), hour)).toEqual([])
    expect(merges(plan(hour, 120 + 180, [shipped]), hour)).toHaveLength(1)
    const ours = madeOf('b', [pack(9, [0, 1])], 0, { minTimeMs: NOON - 2 * HOUR, maxTimeMs: NOON })
    const compacted = block('c', { sources: ['b'], minTimeMs: NOON - 2 * HOUR, maxTimeMs: NOON })
    expect(merges(plan(hour, 135, [ours, compacted]), hour)).toHaveLength(1)
    const others = { ...shipped, labels: labelsFrom({ cluster: 'us' }) }
    expect(merges(plan(hour, 135, [others]), hour)).toHaveLength(1)
  })

  it('takes what reaches over its borders, which becomes part of the next one too', () => {
    const packs = [...hour, pack(3, [119, 125]), pack(4, [126, 200])]
    expect(merges(plan(packs, 141), packs)).toEqual(['0..120: 0 1 2 3'])
    const made = madeOf('b', packs.slice(0, 4), 141)
    expect(merges(plan(packs, 240 + 15, [made]), packs)).toEqual(['120..240: 3 4'])
    const next = madeOf('c', packs.slice(3), 255, { minTimeMs: NOON + 2 * HOUR })
    expect(plan(packs, 256, [made, next]).merges).toEqual([])
    expect(deleted(plan(packs, 256, [made, next]), packs)).toEqual([0, 1, 2])
    expect(deleted(plan(packs, 260, [made, next]), packs)).toEqual([0, 1, 2, 3, 4])
  })

  it('waits for what came just now, but not for ever', () => {
    const late = pack(3, [100, 160], { lastModifiedMs: NOON + 134 * MINUTE })
    const packs = [...hour, late]
    expect(merges(plan(packs, 135), packs)).toEqual([])
    expect(merges(plan(packs, 149), packs)).toEqual(['0..120: 0 1 2 3'])
    const again = [...hour, { ...late, lastModifiedMs: NOON + 195 * MINUTE }]
    expect(merges(plan(again, 195), again)).toEqual(['0..120: 0 1 2 3'])
  })

  it('is planned again for what came later', () => {
    const late = pack(7, [20, 40], { lastModifiedMs: NOON + 600 * MINUTE })
    const packs = [...hour, late]
    const made = madeOf('b', hour, 140)
    expect(merges(plan(packs, 614, [made]), packs)).toEqual([])
    expect(merges(plan(packs, 615, [made]), packs)).toEqual(['0..120: 3'])
    expect(deleted(plan(packs, 615, [made]), packs)).toEqual([0, 1, 2])
  })

  it('is one of each writer', () => {
    const other = pack(0, [1, 30], { labels: labelsFrom({ cluster: 'us' }) })
    const packs = [...hour, other]
    expect(merges(plan(packs, 135), packs).sort()).toEqual(['0..120: 0 1 2', '0..120: 3'])
  })
})

describe('packs of very late samples', () => {
  it('become one block, and part of windows that are made a block anyway', () => {
    const packs = [pack(0, [0, 10]), pack(1, [-5000, 11]), pack(2, [12, 13])]
    const both = plan(packs, 135)
    expect(merges(both, packs)).toEqual(['-5040..120: 1', '0..120: 0 1 2'])
    expect(both.left.size).toBe(0)
    const made = madeOf('b', packs, 136)
    expect(merges(plan(packs, 145, [made]), packs)).toEqual(['-5040..120: 1'])
    expect(deleted(plan(packs, 145, [made]), packs)).toEqual([0, 2])
    const all = packsInBlock([packs[1]!], NOON - 5040 * MINUTE, NOON + 2 * HOUR)
    const wide = block('w', { fresh: { ...all, indexedMs: 0 } })
    expect(deleted(plan(packs, 145, [made, wide]), packs)).toEqual([0, 1, 2])
  })

  it('take what may delete of them with them, which stays until they are gone', () => {
    const packs = [pack(0, [-5000, 11]), pack(1, [5, 12]), pack(2, [13, 14])]
    const made = madeOf('b', packs, 136)
    const then = plan(packs, 145, [made])
    expect(merges(then, packs)).toEqual(['-5040..120: 0 1'])
    expect(deleted(then, packs)).toEqual([2])
  })

  it('may delete to the ends of time', () => {
    const ends = { minTimeMs: -9.2e18, maxTimeMs: 9.2e18, lastModifiedMs: NOON }
    const begun = [pack(0, [0, 10], ends)]
    expect(plan(begun, 240 + 14).merges).toEqual([])
    const [merge] = plan(begun, 240 + 15).merges
    expect([merge!.startMs, merge!.endMs].every(Number.isSafeInteger)).toBe(true)
    const { fresh: _, ...bare } = madeOf('b', begun, 0)
    const made = {
      ...bare,
      fresh: { ...packsInBlock(begun, merge!.startMs, merge!.endMs), indexedMs: 0 },
    }
    expect(deleted(plan(begun, 300, [made]), begun)).toEqual([0])
  })
})

describe('a pack goes', () => {
  const packs = [pack(0, [1, 30])]

  it('when the index has had the block for five minutes, and not before', () => {
    const made = madeOf('b', packs, 140)
    const { fresh, ...bare } = made
    const notYet = { ...bare, fresh: { ...fresh!, indexedMs: undefined } }
    expect(deleted(plan(packs, 900, [notYet]), packs)).toEqual([])
    expect(plan(packs, 900, [notYet]).merges).toEqual([])
    expect(deleted(plan(packs, 144, [made]), packs)).toEqual([])
    expect(deleted(plan(packs, 145, [made]), packs)).toEqual([0])
  })

  it('not when the block is gone, or hidden for another reason than a larger one', () => {
    const made = madeOf('b', packs, 140)
    const marked = { ...made, marks: { deletion: { timeMs: NOON, etag: '' } } }
    const dayLater = 145 + 24 * 60
    expect(deleted(plan(packs, dayLater, [marked]), packs)).toEqual([])
    expect(merges(plan(packs, dayLater, [marked]), packs)).toEqual(['0..120: 0'])
    const larger = block('c', { sources: ['a', 'b'] })
    expect(deleted(plan(packs, dayLater, [marked, larger]), packs)).toEqual([0])
    const hidden = { ...made, hidden: 'superseded' as const }
    expect(deleted(plan(packs, 145, [hidden, larger]), packs)).toEqual([0])
    expect(
      deleted(plan(packs, 145, [hidden, { ...larger, resolutionMs: 300_000 }]), packs),
    ).toEqual([])
  })

  it('when marks say that it has no samples, and then the marks', () => {
    const empty = mark('empty', packs[0]!, NOON, NOON + 2 * HOUR)
    const then = plan(packs, 300, [], { marks: [empty] })
    expect(deleted(then, packs)).toEqual([0])
    expect(then.deletions.flatMap(({ keys }) => keys)).toEqual([packs[0]!.key])
    const gone = plan([], 300, [], { marks: [empty] })
    expect(gone.deletions.flatMap(({ keys }) => keys)).toEqual([empty.key])
  })

  it('when a larger one contains it and its writer did not delete it', () => {
    const merged = pack(0, [1, 60], { to: 10 })
    const both = [...packs, merged]
    expect(deleted(plan(both, 90), both)).toEqual([])
    expect(deleted(plan(both, 91), both)).toEqual([0])
    expect(merges(plan(both, 300), both)).toEqual(['0..120: 1'])
  })

  it('when its samples exceed the retention', () => {
    const retentionMs = 10 * HOUR
    expect(deleted(plan(packs, 630, [], { retentionMs }), packs)).toEqual([])
    const late = plan(packs, 631, [], { retentionMs })
    expect(deleted(late, packs)).toEqual([0])
    expect(late.merges).toEqual([])
  })

  it('not when it is broken: nothing is made of it, and of others without it', () => {
    const merged = pack(0, [1, 60], { to: 10 })
    const broken = mark('broken', merged, merged.minTimeMs, merged.maxTimeMs + 1)
    const both = [...packs, merged, pack(10, [61, 62])]
    const planned = plan(both, 300, [], { marks: [broken] })
    expect(merges(planned, both)).toEqual(['0..120: 0 2'])
    expect(planned.deletions).toEqual([])
    expect(planned.left.get(merged.key)).toBe('it cannot be read, a mark says why')
  })
})
