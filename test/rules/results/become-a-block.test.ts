/** Packs of results become a block as those of agents do, and nobody sees a difference. */
import { describe, expect, it } from 'vitest'
import { labelsFrom, labelsToRecord } from '#lib/model/labels.ts'
import type { ResultSample } from '#lib/rules/evaluate/contract.ts'
import { BEGIN, HOUR, MINUTE, RuleWorld } from '../rule-world.ts'

const EXPRESSIONS = [
  'made',
  'count_over_time(made[30m])',
  'sum_over_time(made{host="b"}[2h])',
  'last_over_time(made[10m]) - made offset 20m',
  'count by (ruler) (made)',
]

async function answers(world: RuleWorld): Promise<unknown[]> {
  const found: unknown[] = []
  for (let timeMs = BEGIN + 2 * HOUR; timeMs < world.nowMs; timeMs += 7 * MINUTE) {
    for (const expr of EXPRESSIONS) {
      const options = { partialResponse: 'abort' } as const
      const { samples } = await world.newReads().query(expr, timeMs, options)
      const shown = samples.map(({ labels, value }) => [labelsToRecord(labels), value])
      found.push([expr, timeMs, shown])
    }
  }
  return found
}

describe('packs of results', () => {
  it('become a block of two hours, are deleted then, and answers stay the same', async () => {
    const world = new RuleWorld()
    const isResult = (key: string): boolean => key.includes('/ruler=thaw/')
    for (let tick = 0; tick < 140; tick++) {
      world.nowMs += MINUTE
      const samples = ['a', 'b'].flatMap((host, i): ResultSample[] => {
        // One of them ends for a while.
        if (i === 1 && tick % 50 > 40) return []
        const labels = labelsFrom({ __name__: 'made', host })
        const timeMs = world.nowMs - MINUTE
        if (i === 1 && tick % 50 === 40) return [{ labels, timeMs, value: NaN, stale: true }]
        return [{ labels, timeMs, value: tick * (i + 1) }]
      })
      world.reads.begin()
      world.write(samples)
      await world.deliver(samples)
    }
    const before = await answers(world)
    const packs = (await world.keys('thaw/fresh/')).filter(isResult)
    expect(packs.length).toBeGreaterThan(14)

    const jobs: string[] = []
    for (let round = 0; round < 4; round++) {
      jobs.push(...(await world.compact()))
      expect((await answers(world)).slice(0, before.length)).toEqual(before)
      world.nowMs += 6 * MINUTE
    }
    expect(jobs).toContain('merge-packs')
    expect(jobs).toContain('delete-objects')
    // What is left is of the window that is not over: two merged ones, and ten that the last is made of.
    const left = (await world.keys('thaw/fresh/')).filter(isResult)
    expect(left).toHaveLength(12)
    const metas = (await world.keys('01')).filter((key) => key.endsWith('/meta.json'))
    expect(metas).toHaveLength(1)
    const { body } = await world.bucket.get(metas[0]!)
    expect(JSON.parse(new TextDecoder().decode(body))).toMatchObject({
      minTime: BEGIN + 2 * HOUR,
      stats: { numSeries: 2 },
      thanos: { labels: { ruler: 'thaw' }, source: 'thaw' },
    })
  })
})
