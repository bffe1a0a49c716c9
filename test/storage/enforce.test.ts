import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import { enforcedStorage } from '#lib/storage/enforce.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'

const series = (record: Record<string, string>) => ({
  labels: labelsFrom(record),
  samples: { length: 1, timestamps: Float64Array.of(1), values: Float64Array.of(1) },
})
const STORAGE = memoryStorage([
  series({ __name__: 'up', team: 'a', a: '1' }),
  series({ __name__: 'up', team: 'b', b: '1' }),
  series({ __name__: 'up' }),
])
const TEAM_A: Matcher = { type: '=', name: 'team', value: 'a' }
const UP: Matcher = { type: '=', name: '__name__', value: 'up' }
const ALL = { startMs: -Infinity, endMs: Infinity }

describe('enforcedStorage', () => {
  const enforced = enforcedStorage(STORAGE, [TEAM_A])

  it.each<[string, Matcher[]]>([
    ['nothing of the label', [UP]],
    ['another value', [UP, { ...TEAM_A, value: 'b' }]],
    ['every value', [UP, { type: '=~', name: 'team', value: '.*' }]],
    ['none', [UP, { type: '=', name: 'team', value: '' }]],
  ])('selects what is allowed when the selector says %s', async (_, matchers) => {
    const set = await enforced.select({ matchers, startMs: 0, endMs: 9, hints: NO_HINTS })
    expect(set.labels).toEqual([['__name__', 'up', 'a', '1', 'team', 'a']])
  })

  it.each([[[]], [[[UP]]], [[[{ ...TEAM_A, value: 'b' }]]]])(
    'shows names and values of what is allowed for matcher sets %j',
    async (matcherSets) => {
      const request = { ...ALL, matcherSets, limit: 0 }
      const names = await enforced.labelNames(request)
      expect(names.values).toEqual(['__name__', 'a', 'team'])
      expect((await enforced.labelValues('team', request)).values).toEqual(['a'])
      expect((await enforced.labelValues('b', request)).values).toEqual([])
    },
  )

  it('changes nothing where nothing is enforced', () => {
    expect(enforcedStorage(STORAGE, [])).toBe(STORAGE)
  })
})
