import { beforeEach, describe, expect, it } from 'vitest'
import { MetadataTeller } from '#agent/fresh/metadata-teller.ts'
import { SILENT } from '#agent/logger.ts'
import { metricMetadata } from '#agent/prometheus/metric-metadata.ts'
import type { PackedMetadata } from '#lib/fresh/side-pages.ts'
import { DomainError } from '#lib/model/errors.ts'

const ROUND_MS = 30_000
const entry = (help: string): PackedMetadata => ({ metric: 'm', type: 'gauge', help, unit: '' })

describe('metadata go into packs', () => {
  let round: number
  let asked: number
  let known: readonly PackedMetadata[] | DomainError
  let teller: MetadataTeller
  const metadata = async (): Promise<readonly PackedMetadata[]> => {
    asked++
    if (known instanceof Error) throw known
    return known
  }
  /** Rounds in which something was said, of so many. */
  const rounds = async (count: number): Promise<number[]> => {
    const told: number[] = []
    for (const end = round + count; round < end; round++) {
      if ((await teller.due(new AbortController().signal)).length > 0) told.push(round)
    }
    return told
  }

  beforeEach(() => {
    round = 0
    asked = 0
    known = [entry('a')]
    const now = (): number => round * ROUND_MS
    teller = new MetadataTeller({ metadata, now, logger: SILENT }, ROUND_MS)
  })

  it('at first, when they change, and every half hour', async () => {
    expect(await rounds(35)).toEqual([0])
    expect(asked).toBe(4)
    known = [entry('a'), entry('b')]
    expect(await rounds(100)).toEqual([40, 100])
  })

  it('as soon as there are any', async () => {
    known = []
    expect(await rounds(3)).toEqual([])
    known = [entry('a')]
    expect(await rounds(3)).toEqual([3])
  })

  it('or not, where Prometheus does not tell them: that is no failure', async () => {
    known = new DomainError('unavailable', 'connection refused')
    expect(await rounds(25)).toEqual([])
    expect(asked).toBe(3)
    known = [entry('a')]
    expect(await rounds(10)).toEqual([30])
  })

  it('but who is stopped is told so', async () => {
    known = new DomainError('canceled', 'stopped')
    await expect(teller.due(AbortSignal.abort())).rejects.toThrow('stopped')
  })

  it('never, where nobody is asked', async () => {
    teller = new MetadataTeller({ now: () => 0, logger: SILENT }, ROUND_MS)
    expect(await rounds(3)).toEqual([])
  })
})

describe('metadata of a Prometheus', () => {
  const ask = async (data: unknown): Promise<PackedMetadata[]> => {
    const api = async (): Promise<unknown> => data
    return metricMetadata({ url: 'http://p', api }, new AbortController().signal)
  }

  it('are entries, of some metrics several', async () => {
    const { metric: _, ...said } = entry('a')
    const other = { type: 'counter', help: 'b', unit: 's' }
    expect(await ask({ m: [said, other], n: [{ type: 'info', help: '' }] })).toEqual([
      entry('a'),
      { metric: 'm', ...other },
      { metric: 'n', type: 'info', help: '', unit: '' },
    ])
    expect(await ask({})).toEqual([])
  })

  it.each([null, 'x', { m: 1 }, { m: [1] }, { m: [{ type: 'gauge' }] }])(
    'are not %j',
    async (data) => {
      await expect(ask(data)).rejects.toThrow('http://p tells metadata of another form')
    },
  )
})
