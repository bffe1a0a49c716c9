// The same rule files, run by a real Prometheus on the same data: every sample and every alert is the same, bit for bit.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatLabels } from '#lib/model/labels.ts'
import type { GroupState } from '#lib/rules/evaluate/group-state.ts'
import { sampleTexts, stretches } from './digest.ts'
import { replay, writtenSeries, type ReplayOptions } from './replay.ts'
import { SCENARIOS } from './scenario.ts'

/** What a Prometheus gave, as digests by stretches of time. */
interface Golden {
  readonly stretchMs: number
  readonly samples: number
  readonly alerts: string
  readonly errors: string
  readonly series: Readonly<Record<string, string>>
}

async function replayed(
  name: keyof typeof SCENARIOS,
  { stretchMs }: Golden,
  options?: ReplayOptions,
): Promise<Omit<Golden, 'stretchMs'>> {
  const scenario = SCENARIOS[name]
  const { storage, sent, errors } = await replay(scenario, options)
  const series: Record<string, string> = {}
  let total = 0
  for (const { labels, samples } of writtenSeries(storage)) {
    total += samples.length
    const texts = sampleTexts(samples)
    series[formatLabels(labels)] = stretches(texts, scenario.startMs, stretchMs)
  }
  return {
    samples: total,
    alerts: stretches(sent, scenario.startMs, stretchMs),
    errors: stretches(errors, scenario.startMs, stretchMs),
    series,
  }
}

function golden(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8')) as Golden
}

const throughJson = (state: GroupState): GroupState =>
  JSON.parse(JSON.stringify(state)) as GroupState

/** The long one takes half a minute: THAW_LONG_REPLAY=1. */
const names = ['short', 'other-settings', ...(process.env['THAW_LONG_REPLAY'] ? ['long'] : [])]

describe('rules over time', () => {
  it.each(names)(
    'come out as in Prometheus: %s',
    async (name) => {
      const expected = golden(name)
      const ours = await replayed(name as keyof typeof SCENARIOS, expected)
      expect(expected).toMatchObject(ours)
      expect(Object.keys(ours.series)).toHaveLength(Object.keys(expected.series).length)
    },
    300_000,
  )

  it('come out the same one query after the other, with JSON between evaluations', async () => {
    const expected = golden('other-settings')
    const ours = await replayed('other-settings', expected, {
      concurrency: 1,
      between: throughJson,
    })
    expect(expected).toMatchObject(ours)
  }, 300_000)
})
