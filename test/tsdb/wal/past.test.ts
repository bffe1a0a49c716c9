/** A log with a past, of a Prometheus 2.53: a checkpoint, segments of several starts, deletions, exemplars, and samples that came late. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatLabels, labelsFrom } from '#lib/model/labels.ts'
import { listWal } from '#lib/tsdb/wal/folder.ts'
import type { MadeSeries } from '../../data/made-series.ts'
import { DELETED, LATE, PAST_SERIES, TRUNCATED_MS } from '../../data/past-series.ts'
import { fields, wanted } from './golden-samples.ts'
import { ReadWal } from './read-wal.ts'

const FOLDER = 'test/data/wal-2.53'

function readAll(folder: string, into: ReadWal): void {
  for (const name of readdirSync(folder).sort()) {
    const bytes = new Uint8Array(readFileSync(join(folder, name)))
    readSegment(bytes, into)
  }
}

/** Throws where something is left. */
function readSegment(bytes: Uint8Array, into: ReadWal): void {
  const end = into.read(bytes)
  if (end !== bytes.length) throw new Error(`read to ${end} of ${bytes.length}`)
}

const keyOf = ({ labels }: MadeSeries): string =>
  formatLabels(labelsFrom(Object.fromEntries(labels)))

describe('a log with a past', () => {
  const { checkpoint, segments } = listWal(readdirSync(join(FOLDER, 'wal')))
  const wal = new ReadWal()
  readAll(join(FOLDER, 'wal', checkpoint!), wal)
  const checkpointed = new Set(wal.samples.keys())
  for (const name of segments) {
    const bytes = new Uint8Array(readFileSync(join(FOLDER, 'wal', name)))
    readSegment(bytes, wal)
  }

  it('begins with its checkpoint, which has no samples from before', () => {
    expect(checkpoint).toBe('checkpoint.00000002')
    expect(segments).toEqual(['00000003', '00000004', '00000005', '00000006'])
    const there = (series: MadeSeries): boolean =>
      series.samples.some(({ t }) => t >= TRUNCATED_MS && t < TRUNCATED_MS + 45 * 60_000)
    expect(checkpointed).toEqual(new Set(PAST_SERIES.filter(there).map(keyOf)))
    expect([...wal.recordTypes].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 7, 8])
    expect(wal.unknown).toBe(0)
  })

  it.each(PAST_SERIES.map((series) => [keyOf(series), series] as const))(
    'has of %s what its head has, and what came late behind it',
    (key, { samples, exemplars = [] }) => {
      const kept = <T extends { readonly t: number }>(all: readonly T[]): T[] =>
        all.filter(({ t }) => t >= TRUNCATED_MS)
      const late = LATE.find((one) => keyOf(one) === key)?.samples ?? []
      const all = [...kept(samples), ...late]
      expect((wal.samples.get(key) ?? []).map(fields)).toEqual(all.map(wanted))
      expect(wal.exemplars.get(key) ?? []).toEqual(
        kept(exemplars).map(({ t, v, labels }) => ({ t, v, labels: labels.flat() })),
      )
    },
  )

  it('has what was deleted', () => {
    const young = [...wal.samples.keys()].find((key) => key.startsWith(DELETED.selector))
    expect(wal.tombstones).toEqual([
      { series: young, minTime: DELETED.startMs, maxTime: DELETED.endMs },
    ])
  })

  it('has what came late once more, in a log of its own with the series of the other', () => {
    const late = new ReadWal()
    for (const [ref, labels] of wal.labels) late.labels.set(ref, labels)
    readAll(join(FOLDER, 'wbl'), late)
    expect([...late.recordTypes].sort((a, b) => a - b)).toEqual([2, 5])
    const read = [...late.samples].map(([key, samples]) => [key, samples.map(fields)])
    expect(new Map(read as [string, unknown][])).toEqual(
      new Map(LATE.map((series) => [keyOf(series), series.samples.map(wanted)])),
    )
  })
})
