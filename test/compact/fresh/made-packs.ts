/** Packs of several writers, as they may come: with overlaps, late samples, deletions, histograms, and merged ones beside what they contain. */
import fc from 'fast-check'
import { epochOf } from '#lib/fresh/fresh-key.ts'
import { mergePacks } from '#lib/fresh/merge-packs.ts'
import type { PackContent, PackedSeries } from '#lib/fresh/pack-writer.ts'
import { writePack } from '#lib/fresh/pack-writer.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { encodeChunks } from '#lib/tsdb/chunk/encode.ts'
import { putPack } from '../../store/put-pack.ts'
import { scrapedSamples, type ScrapedValue } from '../../store/scraped.ts'
import { type FreshWorld, MINUTE } from './fresh-world.ts'

export interface MadeSeries {
  readonly name: string
  /** Minutes before the pack's first, in which its samples lie. */
  readonly lateMinutes: number
  readonly count: number
  readonly value: number
  readonly kind: 'floats' | 'histograms' | 'both'
}

export interface MadePack {
  /** After the one before. */
  readonly afterMinutes: number
  readonly stepSeconds: number
  readonly series: readonly MadeSeries[]
  readonly deletion: {
    readonly name: string
    readonly fromMinutes: number
    readonly minutes: number
  } | null
}

export interface MadeEpoch {
  readonly cluster: string
  readonly shipsBlocks: boolean
  /** After noon. */
  readonly beginMinutes: number
  readonly packs: readonly MadePack[]
  /** So many of the first ones are in a merged one too. */
  readonly mergedPacks: number
}

const NAMES = ['a', 'b', 'c'] as const

const series: fc.Arbitrary<MadeSeries> = fc.record({
  name: fc.constantFrom(...NAMES),
  lateMinutes: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1500, max: 3000 }) },
  ),
  count: fc.integer({ min: 1, max: 150 }),
  value: fc.integer({ min: -5, max: 5 }),
  kind: fc.constantFrom('floats', 'floats', 'histograms', 'both'),
})

const pack: fc.Arbitrary<MadePack> = fc.record({
  afterMinutes: fc.integer({ min: 0, max: 60 }),
  stepSeconds: fc.constantFrom(5, 15, 30),
  series: fc.uniqueArray(series, { maxLength: 3, selector: ({ name }) => name }),
  deletion: fc.option(
    fc.record({
      name: fc.constantFrom(...NAMES),
      fromMinutes: fc.integer({ min: -400, max: 20 }),
      minutes: fc.integer({ min: 0, max: 200 }),
    }),
    { freq: 4 },
  ),
})

export const madeEpoch: fc.Arbitrary<MadeEpoch> = fc
  .record({
    cluster: fc.constantFrom('eu', 'us'),
    shipsBlocks: fc.boolean(),
    beginMinutes: fc.integer({ min: 0, max: 300 }),
    packs: fc.array(pack, { minLength: 1, maxLength: 6 }),
    mergedPacks: fc.integer({ min: 0, max: 4 }),
  })
  .filter(({ packs }) => !comesAfterItsDeletion(packs))

/**
 * Whether a pack has samples of a time that an earlier one of its epoch deleted. Once the two are one pack they are gone, before that they are not (docs/differences.md), so
 * that there is no one right answer to compare with.
 */
function comesAfterItsDeletion(packs: readonly MadePack[]): boolean {
  const deleted: { name: string; from: number; to: number }[] = []
  let start = 0
  for (const { afterMinutes, stepSeconds, series: all, deletion } of packs) {
    start += afterMinutes
    for (const { name, lateMinutes, count } of all) {
      const [from, to] = [start - lateMinutes, start - lateMinutes + (count * stepSeconds) / 60]
      if (deleted.some((one) => one.name === name && one.from <= to && one.to >= from)) return true
    }
    if (deletion === null) continue
    const from = start + deletion.fromMinutes
    deleted.push({ name: deletion.name, from, to: from + deletion.minutes })
  }
  return false
}

/** Each comes when its last sample is a minute old. */
export async function putEpoch(world: FreshWorld, made: MadeEpoch, number: number): Promise<void> {
  const { cluster, shipsBlocks, packs, mergedPacks } = made
  const epoch = epochOf(`E${number}`, { shipsBlocks })
  const place = { external: { cluster }, epoch }
  const beginMs = world.nowMs + made.beginMinutes * MINUTE
  const begun = world.nowMs
  let startMs = beginMs
  const contents: PackContent[] = []
  for (const [i, one] of packs.entries()) {
    startMs += one.afterMinutes * MINUTE
    const content = contentOf(one, startMs, i)
    contents.push(content)
    world.nowMs = startMs + 151 * one.stepSeconds * 1000 + MINUTE
    await putPack(world.bucket, { ...place, from: i, to: i + 1 }, content)
  }
  if (mergedPacks > 1 && mergedPacks <= contents.length) {
    const bytes = contents.slice(0, mergedPacks).map((content) => writePack(content).bytes)
    await putPack(world.bucket, { ...place, from: 0, to: mergedPacks }, mergePacks(bytes))
  }
  world.nowMs = begun
}

function contentOf(made: MadePack, startMs: number, number: number): PackContent {
  const { deletion } = made
  const sorted = made.series.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return {
    series: sorted.map((one) => packedSeries(one, made, startMs, number)),
    ...(deletion && {
      deletions: [
        {
          labels: labelsFrom({ __name__: deletion.name }),
          minTimeMs: startMs + deletion.fromMinutes * MINUTE,
          maxTimeMs: startMs + (deletion.fromMinutes + deletion.minutes) * MINUTE,
        },
      ],
    }),
  }
}

function packedSeries(
  { name, lateMinutes, count, value, kind }: MadeSeries,
  { stepSeconds }: MadePack,
  startMs: number,
  number: number,
): PackedSeries {
  const firstMs = startMs - lateMinutes * MINUTE
  const times = Array.from({ length: count }, (_, i) => firstMs + i * stepSeconds * 1000)
  const valueAt = (i: number): ScrapedValue => {
    if (i === count - 1 && value === 0) return 'stale'
    const isHistogram = kind === 'histograms' || (kind === 'both' && i % 7 > 3)
    return isHistogram ? histogram(i + value + 5) : value + number / 8 + (i % 10)
  }
  const samples = scrapedSamples(times, valueAt)!
  return { labels: labelsFrom({ __name__: name }), chunks: encodeChunks(samples) }
}

function histogram(count: number): FloatHistogram {
  return {
    schema: 1,
    zeroThreshold: 0.001,
    zeroCount: 1,
    count: count + 1,
    sum: count * 1.5,
    positiveSpans: [{ offset: 2, length: 1 }],
    negativeSpans: [],
    positiveBuckets: Float64Array.of(count),
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
    counterResetHint: 'unknown',
  }
}
