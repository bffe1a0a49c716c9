import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { memoryStorage } from '#lib/storage/memory-storage.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'

function series(record: Record<string, string>, times: readonly number[]) {
  const timestamps = Float64Array.from(times)
  const samples = { length: times.length, timestamps, values: timestamps.map((t) => t * 2) }
  return { labels: labelsFrom(record), samples }
}

const STORAGE = memoryStorage([
  series({ __name__: 'b', job: 'x' }, [1, 2, 3]),
  series({ __name__: 'a', job: 'y' }, [10, 20]),
  series({ __name__: 'a' }, [1]),
])

const select = (value: string, startMs: number, endMs: number, limit = 0) =>
  STORAGE.select({
    matchers: [{ type: '=~', name: '__name__', value }],
    startMs,
    endMs,
    hints: { ...NO_HINTS, limit },
  })

describe('memoryStorage', () => {
  it('gives series in order, with the samples of the closed interval', async () => {
    const set = await select('a|b', 2, 10)
    expect(set.labels).toEqual([
      ['__name__', 'a'],
      ['__name__', 'a', 'job', 'y'],
      ['__name__', 'b', 'job', 'x'],
    ])
    const times = set.labels.map((_, i) => {
      const { timestamps, length } = set.samples(i)
      return Array.from(timestamps.subarray(0, length))
    })
    expect(times).toEqual([[], [10], [2, 3]])
  })

  it('stops at the limit of series', async () => {
    expect((await select('.+', 0, 100, 2)).labels).toHaveLength(2)
  })

  it('names the labels and values of series with samples in the interval', async () => {
    const request = { matcherSets: [], startMs: 0, endMs: 5, limit: 0 }
    expect(await STORAGE.labelNames(request)).toEqual({ values: ['__name__', 'job'], warnings: [] })
    expect(await STORAGE.labelValues('job', request)).toEqual({ values: ['x'], warnings: [] })
    const all = { ...request, endMs: Infinity, limit: 1 }
    expect(await STORAGE.labelValues('__name__', all)).toEqual({ values: ['a'], warnings: [] })
  })

  it('takes series of any of the matcher sets', async () => {
    const request = {
      matcherSets: [
        [{ type: '=', name: 'job', value: 'y' }],
        [{ type: '=', name: '__name__', value: 'b' }],
      ],
      startMs: 0,
      endMs: 100,
      limit: 0,
    } as const
    expect((await STORAGE.labelValues('job', request)).values).toEqual(['x', 'y'])
  })

  it('refuses the same labels twice', () => {
    expect(() => memoryStorage([series({ a: '1' }, []), series({ a: '1' }, [])])).toThrow(
      'same labels',
    )
  })
})
