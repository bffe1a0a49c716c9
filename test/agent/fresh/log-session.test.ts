/** The log of a Prometheus, followed: what was read is what a replay by Prometheus would have, however the log came to be. */
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogSession } from '#agent/fresh/log-session.ts'
import { isKind } from '#lib/model/errors.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import { ReadWal } from '../../tsdb/wal/read-wal.ts'
import { temporaryDir } from '../block-fixture.ts'
import { addPack, type InBucket } from './read-packs.ts'
import {
  exemplarRecord,
  metadataRecord,
  samplesRecord,
  seriesRecord,
  tombstoneRecord,
  WrittenLog,
} from './written-wal.ts'

function newSession(tsdbPath: string, maxBytes = Infinity): LogSession {
  return new LogSession({ tsdbPath, dropBeforeMs: -Infinity, maxBytes })
}

function nothing(): InBucket {
  return {
    packs: [],
    series: new Map(),
    twice: 0,
    twiceOf: new Set(),
    exemplars: [],
    metadata: [],
    deletions: [],
  }
}

/** Packs of all that is new are added to `found`. */
async function readOn(session: LogSession, found: InBucket = nothing()): Promise<InBucket> {
  for (let isAtEnd = false; !isAtEnd;) {
    isAtEnd = await session.read()
    if (session.head.isEmpty) continue
    addPack(found, (await session.head.flush(session.table, undefined, async () => {})).bytes)
  }
  return found
}

/** By time; which empty buckets are spelled out, and what is known of resets, depends on where packs end. */
function points(found: InBucket, series: string): [number, unknown][] {
  return [...(found.series.get(series) ?? [])]
    .sort(([a], [b]) => a - b)
    .map(([t, value]) => [t, typeof value === 'object' ? totals(value) : value])
}

function totals({ count, sum, zeroCount, positiveBuckets, negativeBuckets }: FloatHistogram) {
  const buckets = [...positiveBuckets, ...negativeBuckets].filter((each) => each !== 0)
  return { count, sum, zeroCount, buckets }
}

describe.each(['wal-2.42', 'wal-3.14', 'wal-3.14-start-times'])('the log %s', (name) => {
  const bytes = new Uint8Array(readFileSync(join('test/data', name, '00000000')))
  const wal = new ReadWal()
  wal.read(bytes)

  it('is all in one pack', async () => {
    const tsdbPath = await temporaryDir()
    mkdirSync(join(tsdbPath, 'wal'))
    copyFileSync(join('test/data', name, '00000000'), join(tsdbPath, 'wal', '00000000'))
    const session = newSession(tsdbPath)
    const found = await readOn(session)
    expect(found.twice).toBe(0)
    expect(wal.samples.size).toBeGreaterThan(8)
    for (const [series, samples] of wal.samples) {
      const wanted = samples.map(({ t, v, stale, histogram }) => [
        t,
        stale ? 'stale' : histogram ? totals(histogram) : v,
      ])
      expect(points(found, series)).toEqual(wanted)
    }
    expect(found.metadata.length > 0).toBe(wal.metadata.size > 0)
    expect(session.follower.position!.wal).toMatchObject({ segment: 0, offset: bytes.length })
    expect(session.takeCounts()).toEqual({ unknownRefs: 0, corruptions: 0, tornRecords: 0 })
  })

  it('gives the same when it comes in pieces, torn anywhere', async () => {
    const tsdbPath = await temporaryDir()
    mkdirSync(join(tsdbPath, 'wal'))
    const path = join(tsdbPath, 'wal', '00000000')
    writeFileSync(path, bytes)
    const whole = await readOn(newSession(tsdbPath))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(bytes.length), { maxLength: 12 }),
        fc.boolean(),
        async (cuts, restarts) => {
          const ends = [...cuts, bytes.length].sort((a, b) => a - b)
          const found = nothing()
          let session = newSession(tsdbPath)
          writeFileSync(path, '')
          let at = 0
          for (const end of ends) {
            appendFileSync(path, bytes.subarray(at, end))
            at = end
            await readOn(session, found)
            if (restarts) {
              const { position } = session.follower
              session = newSession(tsdbPath)
              await session.resume({ resume: position! })
            }
          }
          for (const series of whole.series.keys()) {
            expect(points(found, series)).toEqual(points(whole, series))
          }
          expect(found.series.size).toBe(whole.series.size)
          expect(found.twice).toBe(0)
        },
      ),
      { numRuns: 40 },
    )
  })
})

const UP = seriesRecord([1, '__name__', 'up', 'job', 'a'], [2, '__name__', 'up', 'job', 'b'])
const A = 'up{job="a"}'
const B = 'up{job="b"}'

describe('as Prometheus replays', () => {
  it('a sample that is not newer than the one before is passed over', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(UP, samplesRecord([1, 1000, 1], [2, 1000, 2]))
    log.append(samplesRecord([1, 1000, 9], [1, 900, 9], [1, 2000, 3], [1, 1500, 9]))
    const found = await readOn(newSession(tsdbPath))
    expect(points(found, A)).toEqual([
      [1000, 1],
      [2000, 3],
    ])
  })

  it('another reference of the same labels is the same series', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(UP, samplesRecord([1, 1000, 1]))
    log.cut()
    log.append(
      seriesRecord([7, '__name__', 'up', 'job', 'a']),
      samplesRecord([7, 1000, 9], [7, 2000, 2]),
    )
    const session = newSession(tsdbPath)
    const found = await readOn(session)
    expect(points(found, A)).toEqual([
      [1000, 1],
      [2000, 2],
    ])
    expect(session.table.size).toBe(2)
    expect(session.table.refCount).toBe(3)
  })

  it('samples of a reference that nobody named are counted', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(samplesRecord([5, 1000, 1]), UP, samplesRecord([1, 1000, 1]))
    const session = newSession(tsdbPath)
    expect((await readOn(session)).series.size).toBe(1)
    expect(session.takeCounts().unknownRefs).toBe(1)
  })

  it('late samples come from the log of late samples, once', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    const late = new WrittenLog(tsdbPath, 'wbl')
    log.append(UP, samplesRecord([1, 5000, 5]), samplesRecord([1, 3000, 3], [2, 4000, 4]))
    late.append(samplesRecord([1, 3000, 3], [1, 1000, 1], [1, 3000, 9]))
    const session = newSession(tsdbPath)
    await session.read()
    expect(session.head.lateCount).toBe(3)
    const found = await readOn(session)
    expect(points(found, A)).toEqual([
      [1000, 1],
      [3000, 3],
      [5000, 5],
    ])
    expect(points(found, B)).toEqual([[4000, 4]])
    // What became blocks is gone; it goes on with what is there.
    late.cut()
    late.remove(0)
    late.append(samplesRecord([1, 2000, 2]))
    expect(points(await readOn(session), A)).toEqual([[2000, 2]])
  })

  it('late samples wait until their series is known', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    const late = new WrittenLog(tsdbPath, 'wbl')
    const whole = log.encode(UP)
    appendFileSync(log.path(), whole.subarray(0, 9))
    const session = newSession(tsdbPath)
    expect(await session.read()).toBe(true)
    appendFileSync(log.path(), whole.subarray(9))
    late.append(samplesRecord([1, 1000, 1]))
    expect(points(await readOn(session), A)).toEqual([[1000, 1]])
    expect(session.takeCounts().unknownRefs).toBe(0)
  })

  it('exemplars, metadata and deletions are of their series', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(UP, samplesRecord([1, 1000, 1], [2, 1000, 2]))
    log.append(exemplarRecord(1, 1000, 0.5, 'trace_id', 't'), tombstoneRecord(2, 500, 1500))
    log.append(metadataRecord(2, 'seconds', 'Made up.'))
    const { exemplars, metadata, deletions } = await readOn(newSession(tsdbPath))
    const [labels, other] = ['a', 'b'].map((job) => ['__name__', 'up', 'job', job])
    expect(exemplars).toEqual([
      { labels, timestampMs: 1000, value: 0.5, exemplarLabels: ['trace_id', 't'] },
    ])
    expect(deletions).toEqual([{ labels: other, minTimeMs: 500, maxTimeMs: 1500 }])
    expect(metadata).toEqual([{ metric: 'up', type: 'counter', unit: 'seconds', help: 'Made up.' }])
  })

  it('what blocks of the bucket have is left out, late samples aside', async () => {
    const tsdbPath = await temporaryDir()
    new WrittenLog(tsdbPath).append(UP, samplesRecord([1, 1000, 1], [2, 2000, 2]))
    new WrittenLog(tsdbPath, 'wbl').append(samplesRecord([1, 500, 3]))
    const session = new LogSession({ tsdbPath, dropBeforeMs: 2000, maxBytes: Infinity })
    const found = await readOn(session)
    expect(points(found, A)).toEqual([[500, 3]])
    expect(points(found, B)).toEqual([[2000, 2]])
  })
})

describe('the log on disk', () => {
  it('is not there yet', async () => {
    const tsdbPath = await temporaryDir()
    const session = newSession(tsdbPath)
    expect(await session.read()).toBe(true)
    expect(session.head.isEmpty).toBe(true)
    expect(session.follower.position).toBeUndefined()
    const log = new WrittenLog(tsdbPath)
    expect(await session.read()).toBe(true)
    log.append(UP, samplesRecord([1, 1000, 1]))
    expect(points(await readOn(session), A)).toEqual([[1000, 1]])
  })

  it('begins with a checkpoint', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(UP, samplesRecord([1, 1000, 1]))
    log.cut()
    log.checkpoint(0, UP, samplesRecord([1, 1000, 1]))
    log.append(samplesRecord([2, 2000, 2]))
    const session = newSession(tsdbPath)
    const found = await readOn(session)
    expect([points(found, A), points(found, B)]).toEqual([[[1000, 1]], [[2000, 2]]])
    const next = newSession(tsdbPath)
    await next.resume({ resume: session.follower.position! })
    log.append(samplesRecord([1, 3000, 3]))
    const more = await readOn(next)
    expect([...more.series.keys()]).toEqual([A])
    expect(points(more, A)).toEqual([[3000, 3]])
  })

  it('is read pack by pack where much is new', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(UP)
    for (let segment = 0; segment < 5; segment++) {
      const times = Array.from({ length: 100 }, (_, i) => segment * 1000 + i)
      log.append(...times.map((t) => samplesRecord([1, t, t])))
      log.cut()
    }
    const session = newSession(tsdbPath, 100)
    let packs = 0
    const found = nothing()
    for (let isAtEnd = false; !isAtEnd; packs++) {
      isAtEnd = await session.read()
      if (session.head.isEmpty) break
      // A block of a segment at most comes on top of the bound.
      expect(session.head.sampleCount).toBeLessThanOrEqual(100)
      addPack(found, (await session.head.flush(session.table, undefined, async () => {})).bytes)
    }
    expect(packs).toBeGreaterThanOrEqual(5)
    expect(points(found, A)).toHaveLength(500)
  })

  it('is followed through segments, torn ones too', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(UP, samplesRecord([1, 1000, 1]))
    const session = newSession(tsdbPath)
    const found = await readOn(session)
    appendFileSync(log.path(), log.encode(samplesRecord([1, 2000, 2])).subarray(0, 20))
    await readOn(session, found)
    expect(session.takeCounts().tornRecords).toBe(0)
    log.cut()
    log.append(samplesRecord([1, 3000, 3]))
    await readOn(session, found)
    expect(points(found, A)).toEqual([
      [1000, 1],
      [3000, 3],
    ])
    expect(session.takeCounts()).toEqual({ unknownRefs: 0, tornRecords: 1, corruptions: 0 })
  })

  it('goes on behind bytes that are corrupt', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(UP, samplesRecord([1, 1000, 1]))
    const { length } = readFileSync(log.path())
    const times = Array.from({ length: 5000 }, (_, i) => 2000 + i)
    log.append(...times.map((t) => samplesRecord([1, t, t])))
    const bytes = readFileSync(log.path())
    bytes[length + 12]! ^= 1
    writeFileSync(log.path(), bytes)
    const session = newSession(tsdbPath)
    const found = points(await readOn(session), A)
    expect(found[0]).toEqual([1000, 1])
    expect(found.at(-1)).toEqual([6999, 6999])
    expect(found.length).toBeGreaterThan(4000)
    expect(session.takeCounts().corruptions).toBe(1)
  })

  it.each([
    [
      'another, of the same length',
      (log: WrittenLog) => {
        const before = readFileSync(log.path())
        before[before.length - 1]! ^= 1
        writeFileSync(log.path(), before)
      },
    ],
    ['shorter', (log: WrittenLog) => truncateSync(log.path(), 30)],
    ['wiped', (log: WrittenLog) => rmSync(log.folder, { recursive: true })],
    ['cut off where it was read', (log: WrittenLog) => (log.cut(), log.remove(0))],
    ['without a segment', (log: WrittenLog) => log.cut(2)],
  ])('is noticed to be %s', async (_, change) => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    log.append(UP, samplesRecord([1, 1000, 1]))
    const session = newSession(tsdbPath)
    await readOn(session)
    change(log)
    await expect(session.read()).rejects.toSatisfy((error) => isKind(error, 'conflict'))
    const next = newSession(tsdbPath)
    const resumed = next
      .resume({ resume: session.follower.position! })
      .then(async () => next.read())
    await expect(resumed).rejects.toSatisfy((error) => isKind(error, 'conflict'))
  })
})

describe('series that come and go', () => {
  it('are forgotten with the checkpoint that does not have them', async () => {
    const tsdbPath = await temporaryDir()
    const log = new WrittenLog(tsdbPath)
    const session = newSession(tsdbPath)
    const stays = seriesRecord([1, '__name__', 'stays'])
    log.append(stays)
    let ref = 2
    let most = 0
    let samples = 0
    for (let hour = 0; hour < 20; hour++) {
      const pods = Array.from({ length: 500 }, (): readonly [number, ...string[]] => [
        ref,
        '__name__',
        'pod',
        'name',
        `pod-${ref++}`,
      ])
      log.append(seriesRecord(...pods))
      log.append(
        samplesRecord([1, hour * 1000, 1], ...pods.map(([pod]) => [pod, hour * 1000, 1] as const)),
      )
      log.cut()
      const found = await readOn(session)
      for (const each of found.series.values()) samples += each.size
      log.checkpoint(log.segment - 1, stays, seriesRecord(...pods))
      await session.follower.evict()
      most = Math.max(most, session.table.size)
      expect(session.table.idEnd).toBeLessThanOrEqual(1001)
    }
    expect(samples).toBe(20 * 501)
    expect(most).toBe(501)
    expect(session.table.refCount).toBe(501)
    expect(session.takeCounts().unknownRefs).toBe(0)
  })
})
