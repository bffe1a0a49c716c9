import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { DomainError } from '#lib/model/errors.ts'
import { answerEvent } from '#lib/query/answer-event.ts'
import { encodeAnswer } from '#lib/query/frame.ts'
import { type LabelEvent, runRemoteLabelSlice } from '#lib/query/label-slice.ts'
import { LabelCache } from '#lib/query/label-cache.ts'
import { askStorage, labelParts, type LabelQuestion } from '#lib/query/label-parts.ts'
import { labelQueries, type LabelQueriesParts } from '#lib/query/label-queries.ts'
import type { LabelRequest } from '#lib/storage/storage.ts'
import type { Scope } from '#lib/storage/scope.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { ChangingBucket, HOUR } from './changing-bucket.ts'

const HOURS = 54
const scope: Scope = {
  dedup: true,
  replicaLabels: ['replica'],
  deduplication: 'nearest',
  partialResponse: true,
  maxSourceResolutionMs: 0,
}

async function filled(hours = HOURS): Promise<ChangingBucket> {
  const world = new ChangingBucket(hours)
  await world.fill()
  return world
}

/** Writes all, or nothing. */
const newCache = (random = 0) =>
  new LabelCache({ maxBytes: 1 << 22, inBucket: true, random: () => random })

function partsOver(world: ChangingBucket, labelCache?: LabelCache): LabelQueriesParts {
  const now = (): number => world.nowMs
  const index = new BucketIndexReader(world.bucket, { now, maxAgeMs: 0 })
  return { bucket: world.bucket, cache: new StoreCache(1 << 22), index, now, labelCache }
}

async function ask(
  parts: LabelQueriesParts,
  question: LabelQuestion,
  request: LabelRequest,
): Promise<{ found: unknown; gets: number; puts: number }> {
  const queries = labelQueries(parts)
  switch (question.kind) {
    case 'names': {
      const { values, cost } = await queries.labelNames(request, scope)
      return { found: values, gets: cost!.gets, puts: cost!.puts }
    }
    case 'values': {
      const { values, cost } = await queries.labelValues(question.name, request, scope)
      return { found: values, gets: cost!.gets, puts: cost!.puts }
    }
    case 'series': {
      const { series, cost } = await queries.series(request, scope)
      return { found: series, gets: cost!.gets, puts: cost!.puts }
    }
  }
}

/** All blocks at once, nothing kept. */
async function askWhole(
  world: ChangingBucket,
  question: LabelQuestion,
  request: LabelRequest,
): Promise<unknown> {
  const { bucket, cache, index } = partsOver(world)
  const blocks = await index.blocks(request.startMs, request.endMs)
  const storage = blockStorage({ bucket, cache, blocks, scope })
  const { values, series } = await askStorage(storage, question, request)
  return question.kind === 'series' ? series : values
}

const matcherSets: readonly (readonly Matcher[])[][] = [
  [[{ type: '=', name: '__name__', value: 'load' }]],
  [[{ type: '=~', name: 'host', value: 'x|w' }], [{ type: '=', name: 'cluster', value: 'b' }]],
  [[{ type: '=', name: 'cluster', value: 'late' }]],
]

const questions: readonly LabelQuestion[] = [
  { kind: 'names' },
  { kind: 'values', name: 'host' },
  { kind: 'values', name: 'cluster' },
  { kind: 'values', name: '__name__' },
  { kind: 'series' },
]

const asked = fc.record({
  question: fc.constantFrom(...questions),
  request: fc.record({
    matcherSets: fc.constantFrom(...matcherSets),
    startMs: fc.constantFrom(-Infinity, 0, 3 * HOUR, 24 * HOUR, 25.5 * HOUR),
    endMs: fc.constantFrom(Infinity, 4 * HOUR, 26 * HOUR, 48 * HOUR, HOURS * HOUR),
    limit: fc.constantFrom(0, 1, 3),
  }),
})

const change = fc.tuple(
  fc.constantFrom('compact', 'lateBlock', 'deleteBlock', 'restoreBlock' as const),
  fc.nat(),
)

describe('label queries', () => {
  it('answer the same in parts and from the cache, whatever comes, goes and is compacted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(asked, { minLength: 1, maxLength: 4 }),
        fc.array(change, { maxLength: 2 }),
        async (all, changes) => {
          const world = await filled()
          const warm = newCache()
          for (const [what, pick] of [undefined, ...changes].map((one) => one ?? [undefined, 0])) {
            if (what !== undefined) await world[what as 'compact'](pick as number)
            for (const { question, request } of [...all, ...all]) {
              const whole = await askWhole(world, question, request)
              expect((await ask(partsOver(world, warm), question, request)).found).toEqual(whole)
              const cold = partsOver(world, newCache())
              expect((await ask(cold, question, request)).found).toEqual(whole)
            }
          }
        },
      ),
      { numRuns: 8 },
    )
  }, 60_000)

  const always = { matcherSets: matcherSets[0]!, startMs: -Infinity, endMs: Infinity, limit: 0 }

  it('ask each day once, and the bucket where this function has not asked', async () => {
    const world = await filled()
    const warm = partsOver(world, newCache())
    const first = await ask(warm, { kind: 'series' }, always)
    expect(first.gets).toBeGreaterThan(100)
    // Only the index.
    expect(await ask(warm, { kind: 'series' }, always)).toMatchObject({ gets: 1, puts: 0 })
    const cold = partsOver(world, newCache())
    expect(await ask(cold, { kind: 'series' }, always)).toEqual({
      found: first.found,
      gets: 4,
      puts: 0,
    })
    const silent = partsOver(await filled(), newCache(Infinity))
    const { puts } = await ask(silent, { kind: 'series' }, always)
    // Lookups of the blocks, and three days.
    expect(first.puts).toBe(puts + 3)
  })

  it('keep nothing that lacks a block, and plan again when one has gone', async () => {
    const world = await filled(6)
    const parts = partsOver(world, newCache())
    const [block] = await parts.index.blocks(0, HOUR)
    const index = await world.bucket.get(`${block!.id}/index`)
    await world.bucket.delete(`${block!.id}/index`)
    const lacking = await labelQueries(parts).labelNames(always, scope)
    expect(lacking.warnings).toEqual([expect.stringMatching(/^block \S+ is left out/)])
    await world.bucket.put(`${block!.id}/index`, index.body)
    const whole = await labelQueries(parts).labelNames(always, scope)
    expect(whole.warnings).toEqual([])
  })

  it('are cut by days, by longer windows where there are many, and at the edges of the request', async () => {
    const { index } = partsOver(await filled())
    const blocks = await index.blocks(-Infinity, Infinity)
    const shape = (startMs: number, endMs: number) =>
      labelParts(blocks, { ...always, startMs, endMs }).map(({ blocks: own, timeless }) => [
        own.length,
        timeless,
      ])
    expect(shape(-Infinity, Infinity).map(([, timeless]) => timeless)).toEqual([true, true, true])
    const edges = shape(HOUR, (HOURS - 1) * HOUR)
    expect(edges.filter(([, timeless]) => timeless)).toHaveLength(3)
    expect(edges.filter(([, timeless]) => !timeless)).toHaveLength(2)
    const year = blocks.map((block, i) => ({
      ...block,
      minTimeMs: i * 5 * 24 * HOUR,
      maxTimeMs: (i * 5 + 2) * 24 * HOUR,
    }))
    expect(labelParts(year, always).length).toBeLessThanOrEqual(65)
  })

  describe('of more blocks than one function reads at one time', () => {
    /** The other function: an event as JSON out, frames back. */
    function elsewhere(world: ChangingBucket, failing = 0) {
      const events: LabelEvent[] = []
      const invoke = (event: unknown): AsyncIterable<Uint8Array> => {
        events.push(JSON.parse(JSON.stringify(event)) as LabelEvent)
        if (events.length <= failing) throw new DomainError('unavailable', 'function is gone')
        const { bucket, cache, now } = partsOver(world)
        return answerEvent({ bucket, cache, now, megabytes: 512 }, events.at(-1)!, encodeAnswer)
      }
      const invokeLabels: LabelQueriesParts['invokeLabels'] = async (slice, signal) =>
        runRemoteLabelSlice({ invoke, now: () => world.nowMs, deadlineMs: 60_000 }, slice, signal)
      return { events, parts: { ...partsOver(world), invokeLabels } }
    }

    it('ask other functions, one for each day', async () => {
      const world = await filled(84)
      for (const question of questions) {
        const { events, parts } = elsewhere(world)
        const { found } = await ask(parts, question, { ...always, endMs: 75 * HOUR })
        expect(found).toEqual(await askWhole(world, question, { ...always, endMs: 75 * HOUR }))
        expect(events.length).toBeGreaterThan(3)
        const few = elsewhere(world)
        await ask(few.parts, question, { ...always, endMs: 40 * HOUR })
        expect(few.events).toEqual([])
      }
    })

    it('try again, and say what is missing where half an answer will do', async () => {
      const world = await filled(84)
      const once = elsewhere(world, 1)
      const whole = await labelQueries(once.parts).series(always, scope)
      expect(whole.warnings).toEqual([])
      expect(whole.cost).toMatchObject({ invokes: 5, slices: 4 })
      const never = elsewhere(world, Infinity)
      const half = await labelQueries(never.parts).series(always, scope)
      expect(half.warnings[0]).toMatch(/^\d+ blocks are left out: function is gone$/)
      await expect(
        labelQueries(never.parts).series(always, { ...scope, partialResponse: false }),
      ).rejects.toMatchObject({ kind: 'unavailable' })
    })
  })
})
