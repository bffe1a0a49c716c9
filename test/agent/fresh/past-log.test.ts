/** The golden log with a past, read as the agent reads it, its log of late samples too. */
import { cpSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { LogSession } from '#agent/fresh/log-session.ts'
import { formatLabels, labelsFrom } from '#lib/model/labels.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { MadeSeries } from '../../data/made-series.ts'
import { DELETED, LATE, PAST_SERIES, TRUNCATED_MS } from '../../data/past-series.ts'
import { temporaryDir } from '../block-fixture.ts'
import { addPack, type InBucket } from './read-packs.ts'

const keyOf = ({ labels }: MadeSeries): string =>
  formatLabels(labelsFrom(Object.fromEntries(labels)))

async function readPast(): Promise<InBucket> {
  const tsdbPath = await temporaryDir()
  cpSync('test/data/wal-2.53', tsdbPath, { recursive: true })
  const session = new LogSession({ tsdbPath, dropBeforeMs: -Infinity, maxBytes: Infinity })
  const found: InBucket = {
    packs: [],
    series: new Map(),
    twice: 0,
    exemplars: [],
    metadata: [],
    deletions: [],
  }
  for (let isAtEnd = false; !isAtEnd;) {
    isAtEnd = await session.read()
    if (session.head.isEmpty) continue
    addPack(found, (await session.head.flush(session.table, undefined, async () => {})).bytes)
  }
  return found
}

describe('a log with a past', () => {
  it('is in packs: samples from the checkpoint on, and those that came late', async () => {
    const { series, twice } = await readPast()
    expect(twice).toBe(0)
    const wanted = PAST_SERIES.map((made): [string, unknown[]] => {
      const late = LATE.find((one) => keyOf(one) === keyOf(made))?.samples ?? []
      const kept = made.samples.filter(({ t }) => t >= TRUNCATED_MS)
      const samples = [...kept, ...late].sort((a, b) => a.t - b.t)
      return [
        keyOf(made),
        samples.map(({ t, v, stale, histogram }) => [
          t,
          stale || histogram?.stale ? 'stale' : (histogram?.count ?? v),
        ]),
      ]
    }).filter(([, samples]) => samples.length > 0)
    const read = [...series].map(([key, samples]) => [
      key,
      [...samples]
        .sort(([a], [b]) => a - b)
        .map(([t, value]) => [t, typeof value === 'object' ? countOf(value) : value]),
    ])
    expect(new Map(read as [string, unknown][])).toEqual(new Map(wanted))
  })

  it('is in packs: exemplars and what was deleted', async () => {
    const { exemplars, deletions } = await readPast()
    const made = PAST_SERIES.flatMap((one) =>
      (one.exemplars ?? [])
        .filter(({ t }) => t >= TRUNCATED_MS)
        .map(({ t, v, labels }) => [keyOf(one), t, v, labels.flat()]),
    )
    expect(made.length).toBeGreaterThan(20)
    expect(
      exemplars.map(({ labels, timestampMs, value, exemplarLabels }) => [
        formatLabels(labels),
        timestampMs,
        value,
        exemplarLabels,
      ]),
    ).toEqual(made)
    expect(deletions).toEqual([
      {
        labels: labelsFrom({ __name__: DELETED.selector, job: 'b' }),
        minTimeMs: DELETED.startMs,
        maxTimeMs: DELETED.endMs,
      },
    ])
  })
})

function countOf({ count }: FloatHistogram): number {
  return count
}
