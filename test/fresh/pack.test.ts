import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergePacks } from '#lib/fresh/merge-packs.ts'
import {
  parseDirectory,
  planLabelValues,
  planPages,
  readLabelValues,
  readSeriesPage,
} from '#lib/fresh/pack-reader.ts'
import { type PackedSeries, writePack } from '#lib/fresh/pack-writer.ts'
import { readDeletions, readExemplars, readMetadata } from '#lib/fresh/side-pages.ts'
import { DomainError } from '#lib/model/errors.ts'
import { compareLabels, labelsFrom, labelsKey, labelValue } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import { floatSeries, type Points, seriesOfPack } from './pack-fixture.ts'

function manySeries(count: number): PackedSeries[] {
  return Array.from({ length: count }, (_, i) =>
    floatSeries({ __name__: `metric_${i % 37}`, instance: `host-${i}`, job: 'node' }, [
      [1000, i],
      [16_000, i + 0.5],
    ]),
  ).sort((a, b) => compareLabels(a.labels, b.labels))
}

describe('a pack', () => {
  const series = manySeries(5000)
  const written = writePack({ series, position: { segment: 3 } })
  const directory = parseDirectory(written.bytes)

  it('gives its series again, in pages', () => {
    expect(directory.pages.length).toBeGreaterThan(2)
    const read = seriesOfPack(written.bytes)
    expect(read.map(({ labels }) => labels)).toEqual(series.map(({ labels }) => labels))
    expect(read.every(({ points }) => points[1]![1] - points[0]![1] === 0.5)).toBe(true)
  })

  it('says in its directory what is in it', () => {
    const { seriesCount, sampleCount, minTimeMs, maxTimeMs } = directory
    expect({ seriesCount, sampleCount, minTimeMs, maxTimeMs }).toEqual({
      seriesCount: 5000,
      sampleCount: 10_000,
      minTimeMs: 1000,
      maxTimeMs: 16_000,
    })
    expect(directory.position).toEqual({ segment: 3 })
    expect(directory.labelNames).toEqual(['__name__', 'instance', 'job'])
    const tail = written.bytes.subarray(written.bytes.length - written.directoryBytes)
    expect(parseDirectory(tail)).toEqual(directory)
  })

  it.each<[Matcher, (name: string) => boolean]>([
    [{ name: '__name__', type: '=', value: 'metric_7' }, (name) => name === 'metric_7'],
    [
      { name: '__name__', type: '=~', value: 'metric_1|metric_36' },
      (name) => /_1$|_36$/.test(name),
    ],
    [{ name: '__name__', type: '=~', value: 'metric_2.*' }, (name) => name.startsWith('metric_2')],
    [{ name: '__name__', type: '!=', value: 'metric_7' }, (name) => name !== 'metric_7'],
    [{ name: '__name__', type: '=', value: 'other' }, () => false],
  ])('plans the pages for %j', (matcher, isWanted) => {
    const pages = planPages(directory, [compileMatcher(matcher)])
    const planned = pages.flatMap(({ start, end }) => {
      const page = readSeriesPage(written.bytes.subarray(start, end))
      return Array.from(
        { length: page.seriesCount },
        (_, i) => page.symbols[page.refs[page.refStarts[i]! + 1]!]!,
      )
    })
    const wanted = series.filter(({ labels }) => isWanted(labelValue(labels, '__name__'))).length
    expect(planned.filter(isWanted)).toHaveLength(wanted)
    const share = wanted < 1000 ? 0.5 : 1
    expect(pages.length).toBeLessThanOrEqual(directory.pages.length * share)
  })

  it('knows the values of each label', () => {
    const valuesOf = (name: string): string[] =>
      planLabelValues(directory, name).flatMap(({ start, end }) =>
        readLabelValues(written.bytes.subarray(start, end), name),
      )
    expect(valuesOf('job')).toEqual(['node'])
    expect(valuesOf('__name__')).toHaveLength(37)
    expect(valuesOf('instance')).toEqual(
      series.map(({ labels }) => labelValue(labels, 'instance')).sort(),
    )
    expect(valuesOf('nothing')).toEqual([])
  })

  it('may hold nothing but a position', () => {
    const { bytes } = writePack({ series: [], position: 7 })
    expect(parseDirectory(bytes)).toMatchObject({ seriesCount: 0, pages: [], position: 7 })
  })

  it('holds exemplars, metadata and deletions', () => {
    const labels = labelsFrom({ __name__: 'requests_bucket', le: '1' })
    const exemplars = [
      { labels, timestampMs: 2000, value: 0.25, exemplarLabels: labelsFrom({ trace_id: 'b' }) },
      { labels, timestampMs: 1000, value: 0.5, exemplarLabels: labelsFrom({ trace_id: 'a' }) },
    ]
    const metadata = [{ metric: 'requests', type: 'histogram', help: 'Ünicode.', unit: 's' }]
    const deletions = [{ labels, minTimeMs: -5, maxTimeMs: 10 }]
    const { bytes, minTimeMs, maxTimeMs } = writePack({
      series: [],
      exemplars,
      metadata,
      deletions,
    })
    const found = parseDirectory(bytes)
    const page = (entry: { start: number; end: number } | undefined): Uint8Array =>
      bytes.subarray(entry!.start, entry!.end)
    // From what is deleted on: whoever reads it has to read this.
    expect([minTimeMs, maxTimeMs]).toEqual([-5, 2000])
    expect(readExemplars(page(found.exemplars))).toEqual(exemplars.toReversed())
    expect(readMetadata(page(found.metadata))).toEqual(metadata)
    expect(readDeletions(page(found.deletions))).toEqual(deletions)
  })
})

describe('a broken pack', () => {
  const { bytes } = writePack({
    series: manySeries(20),
    metadata: [{ metric: 'm', type: 'gauge', help: 'h', unit: '' }],
  })
  const readAll = (pack: Uint8Array): unknown => {
    const { metadata, labelPages } = parseDirectory(pack)
    for (const { start, end } of labelPages) readLabelValues(pack.subarray(start, end), 'job')
    return [seriesOfPack(pack), readMetadata(pack.subarray(metadata!.start, metadata!.end))]
  }

  it('is an error wherever it ends', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readAll(bytes.subarray(0, length))).toThrow(DomainError)
    }
  })

  it('is an error, or reads the same, whichever bit is flipped', () => {
    const whole = readAll(bytes)
    for (let i = 0; i < bytes.length; i++) {
      const broken = Uint8Array.from(bytes)
      broken[i]! ^= 1 << (i % 8)
      expect(attempt(() => readAll(broken), whole)).toEqual(whole)
    }
  })
})

/** What it gives, or `otherwise` where it says that the bytes are broken. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DomainError) return otherwise
    throw error
  }
}

describe('merged packs', () => {
  const NAMES = ['a', 'b', 'c', 'd']

  /** What came in, in order: of samples of one time the largest counts. */
  const arrivals = fc.array(
    fc.tuple(
      fc.constantFrom(...NAMES),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 99 }),
    ),
    { maxLength: 120 },
  )

  it('hold each sample once, however what came in was cut', () => {
    fc.assert(
      fc.property(arrivals, fc.array(fc.nat({ max: 120 }), { maxLength: 6 }), (rows, cuts) => {
        const borders = [
          0,
          ...cuts.filter((cut) => cut < rows.length).sort((a, b) => a - b),
          rows.length,
        ]
        const packs = borders.slice(1).map((to, i) => packOf(rows.slice(borders[i], to)))
        const merged = seriesOfPack(writePack(mergePacks(packs)).bytes)
        const expected = new Map<string, Map<number, number>>()
        for (const [name, t, value] of rows) {
          const points = expected.get(name) ?? new Map<number, number>()
          points.set(t, Math.max(value, points.get(t) ?? value))
          expected.set(name, points)
        }
        const wanted = [...expected]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, points]) => ({
            labels: ['__name__', name],
            points: [...points].sort(([a], [b]) => a - b),
            chunkCount: 1,
          }))
        expect(merged).toEqual(wanted)
      }),
    )
  })

  /** In-order samples in one chunk, late ones in chunks of their own. */
  function packOf(rows: readonly (readonly [string, number, number])[]): Uint8Array {
    const series = NAMES.flatMap((name) => {
      const own = rows.filter((row) => row[0] === name)
      const chunks: Points[] = []
      let lastMs = -1
      const inOrder: [number, number][] = []
      for (const [, t, value] of own) {
        if (t > lastMs) {
          inOrder.push([t, value])
          lastMs = t
        } else chunks.push([[t, value]])
      }
      if (inOrder.length > 0) chunks.push(inOrder)
      if (chunks.length === 0) return []
      const encoded = chunks.flatMap((points) => floatSeries({}, points).chunks)
      const labels = labelsFrom({ __name__: name })
      return [{ labels, chunks: encoded.sort((a, b) => a.minTimeMs - b.minTimeMs) }]
    })
    return writePack({ series }).bytes
  }

  it('leave out what a later pack deleted, and keep what came after', () => {
    const name = { __name__: 'm' }
    const labels = labelsFrom(name)
    const first = writePack({
      series: [
        floatSeries(name, [
          [1, 1],
          [2, 2],
          [3, 3],
        ]),
      ],
    })
    const second = writePack({
      series: [floatSeries(name, [[4, 4]])],
      deletions: [{ labels, minTimeMs: 2, maxTimeMs: 4 }],
    })
    const third = writePack({
      series: [
        floatSeries(name, [
          [2, 9],
          [5, 5],
        ]),
      ],
    })
    const content = mergePacks([first, second, third].map(({ bytes }) => bytes))
    expect(content.deletions).toHaveLength(1)
    expect(seriesOfPack(writePack(content).bytes)[0]!.points).toEqual([
      [1, 1],
      [2, 9],
      [5, 5],
    ])
  })

  it('keep exemplars once and what is known last of a metric', () => {
    const exemplar = {
      labels: ['__name__', 'm'],
      timestampMs: 1,
      value: 2,
      exemplarLabels: ['id', 'x'],
    }
    const pack = (help: string): Uint8Array =>
      writePack({
        series: [],
        exemplars: [exemplar],
        metadata: [{ metric: 'm', type: 'counter', help, unit: '' }],
        position: help,
      }).bytes
    const content = mergePacks([pack('old'), pack('new')])
    expect(content.exemplars).toEqual([exemplar])
    expect(content.metadata!.map(({ help }) => help)).toEqual(['new'])
    expect(content.position).toBe('new')
    expect(labelsKey(content.exemplars![0]!.labels)).toBe(labelsKey(exemplar.labels))
  })
})
