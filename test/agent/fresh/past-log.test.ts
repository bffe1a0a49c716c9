/** A log with a past, of a real Prometheus: a checkpoint, several starts, late samples. Followed from its beginning, and from any place on. */
import { cpSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { LogSession } from '#agent/fresh/log-session.ts'
import type { WalPosition } from '#agent/fresh/wal-follower.ts'
import { formatLabels, labelsFrom } from '#lib/model/labels.ts'
import { DELETED, LATE, PAST_SERIES, TRUNCATED_MS } from '../../data/past-series.ts'
import { temporaryDir } from '../block-fixture.ts'
import { addPack, type InBucket } from './read-packs.ts'

function session(tsdbPath: string, maxBytes = Infinity): LogSession {
  return new LogSession({ tsdbPath, dropBeforeMs: -Infinity, maxBytes })
}

interface Step {
  readonly position: WalPosition | undefined
  readonly pack: Uint8Array
}

async function readSteps(from: LogSession): Promise<Step[]> {
  const steps: Step[] = []
  for (let isAtEnd = false; !isAtEnd;) {
    isAtEnd = await from.read()
    if (from.head.isEmpty) continue
    const { bytes } = await from.head.flush(from.table, undefined, async () => {})
    steps.push({ position: from.follower.position, pack: bytes })
  }
  return steps
}

function together(packs: readonly Uint8Array[]): InBucket {
  const found: InBucket = {
    packs: [],
    series: new Map(),
    twice: 0,
    twiceOf: new Set(),
    exemplars: [],
    metadata: [],
    deletions: [],
  }
  for (const pack of packs) addPack(found, pack)
  return found
}

/** Timestamps by series. */
function timesOf({ series }: InBucket): Map<string, number[]> {
  return new Map([...series].map(([key, all]) => [key, [...all.keys()].sort((a, b) => a - b)]))
}

const WANTED = new Map<string, number[]>()
for (const { labels, samples } of [...PAST_SERIES, ...LATE]) {
  const key = formatLabels(labelsFrom(Object.fromEntries(labels)))
  const times = samples.map(({ t }) => t).filter((t) => t >= TRUNCATED_MS)
  if (times.length > 0)
    WANTED.set(
      key,
      [...(WANTED.get(key) ?? []), ...times].sort((a, b) => a - b),
    )
}

describe('a log with a past', () => {
  it('is all in one pack', async () => {
    const all = session('test/data/wal-2.53')
    const steps = await readSteps(all)
    const found = together(steps.map(({ pack }) => pack))
    expect(steps).toHaveLength(1)
    expect(timesOf(found)).toEqual(WANTED)
    expect(found.twice).toBe(0)
    expect(found.exemplars.length).toBeGreaterThan(5)
    expect(found.deletions.map(({ minTimeMs, maxTimeMs }) => [minTimeMs, maxTimeMs])).toEqual([
      [DELETED.startMs, DELETED.endMs],
    ])
    expect(all.takeCounts()).toEqual({ unknownRefs: 0, corruptions: 0, tornRecords: 0 })
  })

  it('is the same where the reader starts again after each pack', async () => {
    const tsdbPath = await temporaryDir()
    cpSync('test/data/wal-2.53', tsdbPath, { recursive: true })
    const steps = await readSteps(session(tsdbPath, 1))
    expect(steps.length).toBeGreaterThan(3)
    for (const [i, { position }] of steps.entries()) {
      if (position === undefined) continue
      const next = session(tsdbPath)
      await next.resume({ resume: position })
      const rest = await readSteps(next)
      const packs = [...steps.slice(0, i + 1), ...rest].map(({ pack }) => pack)
      expect(timesOf(together(packs))).toEqual(WANTED)
      expect(next.takeCounts().unknownRefs).toBe(0)
    }
  })
})
