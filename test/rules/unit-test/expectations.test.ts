import { describe, expect, it } from 'vitest'
import { sameSamples, samplesText, type ShownSample } from '#lib/rules/unit-test/expectations.ts'

const sample = (value: number): readonly ShownSample[] => [{ labels: [], value, histogram: '' }]

describe('sameSamples', () => {
  it.each<[number, number, boolean, boolean]>([
    [0.3, 0.1 + 0.2, false, true],
    [0.3, 0.1 + 0.2 + 1e-15, false, false],
    [-0.3, -0.1 - 0.2, false, true],
    [0, -0, true, true],
    [0, 5e-324, false, true],
    [5e-324, -5e-324, false, false],
    [1, -1, false, false],
    [Infinity, Infinity, true, true],
    [Infinity, Number.MAX_VALUE, false, true],
    [-Infinity, -Number.MAX_VALUE, false, true],
    [Infinity, -Infinity, false, false],
    [NaN, NaN, false, false],
  ])('%d and %d: exactly %s, about %s', (a, b, exactly, about) => {
    expect([
      sameSamples(sample(a), sample(b), false),
      sameSamples(sample(b), sample(a), true),
    ]).toEqual([exactly, about])
  })
})

describe('samplesText', () => {
  it.each([
    [1, '1E+00'],
    [-0, '-0E+00'],
    [1e-7, '1E-07'],
    [1.5e300, '1.5E+300'],
    [NaN, 'NaN'],
    [-Infinity, '-Inf'],
  ])('writes %d as Go does', (value, text) => {
    expect(samplesText(sample(value))).toBe(`{} ${text}`)
  })
})
