import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseBoolean, parseDuration, parseInteger, parseTime } from '#lib/api/params.ts'

const FAR = Number.MAX_SAFE_INTEGER

describe('parseTime', () => {
  it.each([
    ['0', 0],
    ['1700000031.5', 1_700_000_031_500],
    ['1.0004', 1000],
    ['1.0006', 1001],
    ['-0.001', -1],
    ['1e3', 1_000_000],
    ['.5', 500],
    ['5.', 5000],
    ['+5', 5000],
    ['1700000000000', 1_700_000_000_000_000],
    ['1e300', FAR],
    ['-1e300', -FAR],
    ['+Inf', FAR],
    ['-infinity', -FAR],
    ['2023-11-14T22:13:51Z', 1_700_000_031_000],
    ['2023-11-14T22:13:51.123999999Z', 1_700_000_031_123],
    ['2023-11-14T22:13:51.1Z', 1_700_000_031_100],
    ['2023-11-14T23:13:51+01:00', 1_700_000_031_000],
    ['2023-11-14T20:43:51-01:30', 1_700_000_031_000],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000],
    ['-292273086-05-16T16:47:06Z', -FAR],
    ['292277025-08-18T07:12:54.999999999Z', FAR],
  ])('reads %s as %d', (text, ms) => {
    expect(parseTime(text)).toBe(ms)
  })

  it.each([
    '',
    ' ',
    'x',
    '1 ',
    'NaN',
    '1e999',
    '0x',
    '2023-02-29T00:00:00Z',
    '2023-13-01T00:00:00Z',
    '2023-11-14T24:00:00Z',
    '2023-11-14T22:13:60Z',
    '2023-11-14T22:13:51',
    '2023-11-14 22:13:51Z',
    '2023-11-14',
  ])('refuses %j', (text) => {
    expect(parseTime(text)).toBe(undefined)
  })

  it('reads every millisecond of seconds with three decimals', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4e12, max: 4e12 }), (ms) => {
        expect(parseTime((ms / 1000).toFixed(3))).toBe(ms)
      }),
    )
  })

  it('reads what Date prints', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
        (date) => {
          expect(parseTime(date.toISOString())).toBe(date.getTime())
        },
      ),
    )
  })
})

describe('parseDuration', () => {
  it.each([
    ['15', 15_000],
    ['0.0015', 1.5],
    ['1e-9', 1e-6],
    ['-1', -1000],
    ['1h30m', 5_400_000],
    ['1y2w3d4h5m6s7ms', 31_536_000_000 + 14 * 86_400_000 + 3 * 86_400_000 + 14_706_007],
    ['500ms', 500],
    ['0s', 0],
  ])('reads %s as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(['', 'x', '1ns', '30m1h', '1.5h', '-1h', '1h 30m', '300y'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(
      `cannot parse ${JSON.stringify(text)} to a valid duration`,
    )
  })

  it.each(['1e10', '-1e10', 'Inf', 'NaN'])('says that %s overflows', (text) => {
    expect(() => parseDuration(text)).toThrow(
      `cannot parse "${text}" to a valid duration. It overflows int64`,
    )
  })
})

describe('parseInteger and parseBoolean', () => {
  it('read what Go reads', () => {
    expect(['5', '-5', '+5', '007'].map((text) => parseInteger(text))).toEqual([5, -5, 5, 7])
    expect(['1', 't', 'T', 'true', 'TRUE', 'True'].every(parseBoolean)).toBe(true)
    expect(['0', 'f', 'F', 'false', 'FALSE', 'False'].some(parseBoolean)).toBe(false)
  })

  it("refuse the rest with Go's words", () => {
    for (const text of ['', '1.5', '1e3', '0x1', ' 1', '٣']) {
      expect(() => parseInteger(text)).toThrow(
        `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
      )
    }
    expect(() => parseInteger('9'.repeat(30))).toThrow('value out of range')
    expect(() => parseBoolean('yes')).toThrow('strconv.ParseBool: parsing "yes": invalid syntax')
  })
})
