import { describe, expect, it } from 'vitest'
import { DATE_FUNCTIONS } from '#lib/promql/function/date.ts'
import {
  formatFixed,
  formatGeneral,
  formatPlain,
  formatTwoDigits,
  log2,
  maximum,
  minimum,
  power,
} from '#lib/promql/function/float-math.ts'
import { compareByLabels } from '#lib/promql/function/sort.ts'
import { isStartReset } from '#lib/promql/function/start-timestamps.ts'

describe('power', () => {
  it('is 1 where C says so and JavaScript does not', () => {
    expect([power(1, NaN), power(-1, Infinity), power(-1, -Infinity)]).toEqual([1, 1, 1])
  })

  it.each([
    [3, 2, 9],
    [10, -3, 0.001],
    [-2, 3, -8],
    [2, 0.5, Math.SQRT2],
    [2, 1023, 2 ** 1023],
    [2, 1024, Infinity],
    [2, -1074, 2 ** -1074],
    [2, -1076, 0],
    [5e-324, 1, 5e-324],
    [-2, 0.5, NaN],
    [0, -1, Infinity],
    [Infinity, -1, 0],
    [7, 0, 1],
  ])('%d ^ %d = %d', (base, exponent, expected) => {
    expect(power(base, exponent)).toBe(expected)
  })
})

describe('logarithms', () => {
  it('are exact for powers', () => {
    for (const exponent of [-1074, -1022, -3, 0, 1, 10, 1023]) {
      expect(log2(2 ** exponent)).toBe(exponent)
    }
    expect([log2(0), log2(-1), log2(Infinity)]).toEqual([-Infinity, NaN, Infinity])
  })
})

describe('maximum and minimum', () => {
  it('let an infinity win over NaN', () => {
    expect([maximum(NaN, Infinity), minimum(-Infinity, NaN)]).toEqual([Infinity, -Infinity])
    expect([maximum(NaN, 1), minimum(1, NaN)]).toEqual([NaN, NaN])
  })
})

describe('formats', () => {
  it('writes all digits without an exponent', () => {
    expect([1e21, 1.5e-7, -1.25e22, 0.1, NaN, Infinity, -Infinity, -0].map(formatPlain)).toEqual([
      '1000000000000000000000',
      '0.00000015',
      '-12500000000000000000000',
      '0.1',
      'NaN',
      '+Inf',
      '-Inf',
      '-0',
    ])
  })

  it('writes %g', () => {
    expect(
      [123456, 1777960542.952, 1e21, 0.0001, 0.00001, 1.5e-7, 12.5].map(formatGeneral),
    ).toEqual(['123456', '1.777960542952e+09', '1e+21', '0.0001', '1e-05', '1.5e-07', '12.5'])
  })
})

describe('formats of messages', () => {
  it('writes %.2g', () => {
    expect([0.5, 12, 99.4, 99.6, 1949, 1e21].map(formatTwoDigits)).toEqual([
      '0.5',
      '12',
      '99',
      '1e+02',
      '1.9e+03',
      '1e+21',
    ])
  })

  it('writes %f', () => {
    expect([1.5, Infinity, -Infinity, 1e22].map(formatFixed)).toEqual([
      '1.500000',
      '+Inf',
      '-Inf',
      '10000000000000000000000.000000',
    ])
  })
})

describe('calendar functions', () => {
  it.each([
    ['1969-12-31T23:59:59Z', [59, 23, 31, 3, 365, 31, 12, 1969]],
    ['2000-02-29T00:00:00Z', [0, 0, 29, 2, 60, 29, 2, 2000]],
    ['1900-03-01T12:30:00Z', [30, 12, 1, 4, 60, 31, 3, 1900]],
    ['2024-12-31T06:07:08Z', [7, 6, 31, 2, 366, 31, 12, 2024]],
  ])('know %s', (text, expected) => {
    const seconds = Date.parse(text) / 1000
    const names = [
      'minute',
      'hour',
      'day_of_month',
      'day_of_week',
      'day_of_year',
      'days_in_month',
      'month',
      'year',
    ]
    expect(names.map((name) => DATE_FUNCTIONS[name]!(seconds))).toEqual(expected)
  })

  it('wrap around as Prometheus does when 64 bits are not enough', () => {
    expect(DATE_FUNCTIONS['year']!(NaN)).toBe(292_277_026_596)
    expect(DATE_FUNCTIONS['minute']!(Infinity)).toBe(30)
  })
})

describe('sort_by_label', () => {
  it('compares runs of digits as numbers', () => {
    const order = ['node10', 'node9', 'node', '10', '9a']
      .map((value) => ['l', value])
      .sort((a, b) => compareByLabels(a, b, ['l']))
    expect(order.map(([, value]) => value)).toEqual(['9a', '10', 'node', 'node9', 'node10'])
  })
})

describe('isStartReset', () => {
  it.each([
    ['an unknown start', [0, 10, 0, 20], false],
    ['a start after the sample before', [5, 10, 12, 20], true],
    ['the same start', [5, 10, 5, 20], false],
    ['a delta series: the start is the sample before', [5, 10, 10, 20], true],
    ['a cumulative series of unknown start', [10, 10, 10, 20], false],
    ['a start at its own sample', [5, 10, 20, 20], false],
  ] as const)('%s', (_, [previousStart, previous, start, time], expected) => {
    expect(isStartReset(previousStart, previous, start, time)).toBe(expected)
  })
})
