import { describe, expect, it } from 'vitest'
import { FetchedRanges, coalesce } from '#lib/store/ranges.ts'

describe('coalesce', () => {
  const options = { maxGap: 10, maxSize: 100 }

  it('joins ranges whose gap is not worth a request', () => {
    expect(
      coalesce(
        [
          { start: 0, end: 10 },
          { start: 20, end: 30 },
          { start: 41, end: 50 },
        ],
        options,
      ),
    ).toEqual([
      { start: 0, end: 30 },
      { start: 41, end: 50 },
    ])
  })

  it('joins ranges that overlap or lie in each other', () => {
    expect(
      coalesce(
        [
          { start: 0, end: 50 },
          { start: 5, end: 20 },
          { start: 45, end: 60 },
        ],
        options,
      ),
    ).toEqual([{ start: 0, end: 60 }])
  })

  it('cuts a long range into equal reads', () => {
    expect(coalesce([{ start: 0, end: 250 }], options)).toEqual([
      { start: 0, end: 84 },
      { start: 84, end: 168 },
      { start: 168, end: 250 },
    ])
  })

  it('plans nothing for nothing', () => {
    expect(coalesce([], options)).toEqual([])
  })
})

describe('FetchedRanges', () => {
  const fetched = new FetchedRanges()
  fetched.add(100, Uint8Array.of(10, 11, 12))
  fetched.add(0, Uint8Array.of(0, 1, 2))
  fetched.add(3, Uint8Array.of(3, 4))

  it('gives bytes by the offsets of the object', () => {
    expect(fetched.at(1, 3)).toEqual(Uint8Array.of(1, 2))
    expect(fetched.at(101, 103)).toEqual(Uint8Array.of(11, 12))
  })

  it('joins touching reads', () => {
    expect(fetched.at(1, 5)).toEqual(Uint8Array.of(1, 2, 3, 4))
  })

  it('gives what there is when the end was not fetched', () => {
    expect(fetched.at(102, 110)).toEqual(Uint8Array.of(12))
    expect(fetched.at(2, 20)).toEqual(Uint8Array.of(2, 3, 4))
  })

  it('gives nothing for a start that was not fetched', () => {
    expect(fetched.at(50, 60)).toBeUndefined()
    expect(fetched.at(103, 104)).toBeUndefined()
  })
})
