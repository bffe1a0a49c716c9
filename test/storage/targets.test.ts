import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { askTargets } from '#lib/storage/ask-sources.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { ActiveTarget, TargetRequest } from '#lib/storage/targets.ts'
import { at, SCOPE, telling, TENANT } from './telling.ts'

describe('targets', () => {
  const ANY: TargetRequest = { active: true, dropped: true }
  const target = (more: Partial<ActiveTarget>): ActiveTarget => ({
    discoveredLabels: labelsFrom({ __address__: 'a:1' }),
    labels: labelsFrom({ job: 'j' }),
    scrapePool: 'p',
    scrapeUrl: 'http://a:1/metrics',
    globalUrl: 'http://a:1/metrics',
    lastError: '',
    lastScrape: at(1),
    lastScrapeSeconds: 0.1,
    health: 'up',
    scrapeInterval: '15s',
    scrapeTimeout: '10s',
    ...more,
  })
  const ask = async (
    lists: readonly (readonly ActiveTarget[])[],
    request: Partial<TargetRequest> = {},
    scope: Partial<Scope> = {},
  ) => {
    const answers = lists.map((active, i) => ({
      active,
      dropped: [{ discoveredLabels: ['__address__', `d${i % 2}:1`], scrapePool: 'p' }],
      droppedCounts: new Map([['p', 2]]),
    }))
    const sources = telling('targets', answers)
    return (await askTargets(sources, { ...ANY, ...request }, { ...SCOPE, ...scope })).value
  }

  it('that several have are shown once, as who scraped last sees them, down before up', async () => {
    const replica = (value: string, more: Partial<ActiveTarget>): ActiveTarget =>
      target({ labels: labelsFrom({ job: 'j', replica: value }), ...more })
    const early = replica('a', {})
    const late = replica('b', { lastScrape: at(5) })
    const down = replica('c', { health: 'down', lastScrape: at(0) })
    expect((await ask([[early], [late]])).active).toEqual([target({ lastScrape: at(5) })])
    expect((await ask([[late], [down], [early]])).active).toEqual([
      target({ health: 'down', lastScrape: at(0) }),
    ])
    expect((await ask([[early], [late]], {}, { dedup: false })).active).toEqual([early, late])
  })

  it('are sorted, dropped ones listed once and counted', async () => {
    const found = await ask([
      [target({ scrapePool: 'q' }), target({ scrapeUrl: 'http://z' })],
      [],
      [],
    ])
    expect(found.active.map(({ scrapePool }) => scrapePool)).toEqual(['p', 'q'])
    expect(found.dropped.map(({ discoveredLabels }) => discoveredLabels[1])).toEqual([
      'd0:1',
      'd1:1',
    ])
    expect(found.droppedCounts).toEqual(new Map([['p', 6]]))
  })

  it('are filtered by state, pool and what is enforced', async () => {
    const list = [[target({}), target({ scrapePool: 'q', labels: ['tenant_id', 'a'] })]]
    const counts = async (request: Partial<TargetRequest>, scope: Partial<Scope> = {}) => {
      const { active, dropped, droppedCounts } = await ask(list, request, scope)
      return [active.length, dropped.length, droppedCounts.size]
    }
    expect(await counts({})).toEqual([2, 1, 1])
    expect(await counts({ active: false })).toEqual([0, 1, 1])
    expect(await counts({ dropped: false })).toEqual([2, 0, 1])
    expect(await counts({ scrapePool: 'q' })).toEqual([1, 0, 1])
    expect(await counts({}, { enforced: [TENANT] })).toEqual([1, 0, 0])
  })
})
