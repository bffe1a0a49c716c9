import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatExponent, formatFloat, formatPlain } from '#lib/model/go-float.ts'

describe('formatFloat', () => {
  // Each line was seen in an answer of Prometheus 3.14 or follows its two thresholds.
  it.each([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [0.05, '0.05'],
    [1.5, '1.5'],
    [1e-6, '0.000001'],
    [1e-7, '1e-07'],
    [-1.5e-7, '-1.5e-07'],
    [9.99e-7, '9.99e-07'],
    [1.25e-10, '1.25e-10'],
    [5e-324, '5e-324'],
    [123456789012345680000, '123456789012345680000'],
    [9.9e20, '990000000000000000000'],
    [1e21, '1e+21'],
    [-1e21, '-1e+21'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [NaN, 'NaN'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
  ])('prints %d as %s', (value, text) => {
    expect(formatFloat(value)).toBe(text)
  })

  it('reads back as the same number, with two exponent digits at least', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = formatFloat(value)
        expect(Number(text)).toBe(value)
        const magnitude = Math.abs(value)
        const exponent = magnitude !== 0 && (magnitude < 1e-6 || magnitude >= 1e21)
        expect(/e[+-]\d\d+$/.test(text)).toBe(exponent)
      }),
    )
  })
})

describe('formatPlain', () => {
  it.each([
    [1e21, '1000000000000000000000'],
    [-1.5e22, '-15000000000000000000000'],
    [1e-7, '0.0000001'],
    [-1.25e-7, '-0.000000125'],
    [0.5, '0.5'],
    [NaN, 'NaN'],
    [Infinity, '+Inf'],
  ])('prints %d as %s', (value, text) => {
    expect(formatPlain(value)).toBe(text)
  })

  it('never prints an exponent and reads back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = formatPlain(value)
        expect(text).toMatch(/^-?\d+(\.\d+)?$/)
        expect(Number(text)).toBe(value)
      }),
    )
  })
})

describe('formatExponent', () => {
  it.each([
    [1, '1e+00'],
    [0, '0e+00'],
    [-0, '-0e+00'],
    [12.5, '1.25e+01'],
    [1e-7, '1e-07'],
    [1e100, '1e+100'],
    [NaN, 'NaN'],
  ])('prints %d as %s', (value, text) => {
    expect(formatExponent(value)).toBe(text)
  })
})
