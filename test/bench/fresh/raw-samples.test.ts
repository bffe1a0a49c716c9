import { describe, expect, it } from 'vitest'
import { compareRaw, isEqual, type RawSamples } from '../../../bench/fresh/raw-samples.ts'

function raw(
  ...samples: readonly (readonly [series: string, t: number, value: string])[]
): RawSamples {
  const series = new Map<string, Map<number, string>>()
  for (const [name, t, value] of samples) {
    series.set(name, (series.get(name) ?? new Map<number, string>()).set(t, value))
  }
  return series
}

const wanted = raw(['a', 1, '1'], ['a', 2, '2'], ['b', 1, 'NaN'])

describe('compareRaw', () => {
  it.each([
    ['the same', wanted, {}],
    ['a sample less', raw(['a', 1, '1'], ['b', 1, 'NaN']), { missing: 1, oldestMissingMs: 2 }],
    ['a series less', raw(['a', 1, '1'], ['a', 2, '2']), { missing: 1, oldestMissingMs: 1 }],
    [
      'a sample more',
      raw(['a', 1, '1'], ['a', 2, '2'], ['a', 2.5, 'twice'], ['b', 1, 'NaN']),
      { extra: 1 },
    ],
    [
      'a series more',
      raw(['a', 1, '1'], ['a', 2, '2'], ['b', 1, 'NaN'], ['c', 1, '1']),
      { extra: 1 },
    ],
    ['another value', raw(['a', 1, '1'], ['a', 2, '-2'], ['b', 1, 'NaN']), { otherValue: 1 }],
  ])('tells %s', (_, got, difference) => {
    const { examples, ...counts } = compareRaw(got, wanted)
    const none = { samples: 3, missing: 0, extra: 0, otherValue: 0, oldestMissingMs: undefined }
    expect(counts).toEqual({ ...none, ...difference })
    expect(examples.length).toBe(Object.keys(difference).length === 0 ? 0 : 1)
  })

  it('is equal when nothing differs', () => {
    expect(isEqual(compareRaw(wanted, wanted))).toBe(true)
    expect(isEqual(compareRaw(raw(), wanted))).toBe(false)
  })
})
