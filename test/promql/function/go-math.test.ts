// Mathematical functions give the very bits that Go's library gives.
import { describe, expect, it } from 'vitest'
import * as exponential from '#lib/promql/function/exponential.ts'
import { log2, power } from '#lib/promql/function/float-math.ts'
import { MATH_FUNCTIONS } from '#lib/promql/function/math.ts'
import * as trigonometry from '#lib/promql/function/trigonometry.ts'
import { GO_MATH } from './go-math.ts'

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  ...MATH_FUNCTIONS,
  log: exponential.log,
  log2,
  pow: (x) => power(Math.abs(x), x / 3 + 0.1),
  atan2: (x) => trigonometry.atan2(x, 1.5 - x),
}

const view = new DataView(new ArrayBuffer(8))

function floatOf(hex: string): number {
  view.setBigUint64(0, BigInt(`0x${hex}`))
  return view.getFloat64(0)
}

function bitsOf(value: number): string {
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, '0')
}

describe.each(Object.entries(GO_MATH))('%s', (name, table) => {
  const rows = table.trim().split(/\s*\n\s*/)

  it('has the bits of Go', () => {
    const got = rows.map((row) => {
      const [x = ''] = row.split(' ')
      return `${x} ${bitsOf(FUNCTIONS[name]!(floatOf(x)))}`
    })
    expect(got).toEqual(rows)
    expect(rows.length).toBeGreaterThan(5)
  })
})

describe('at the ends', () => {
  it.each([
    ['exp', [Infinity, -Infinity, 710, -746, -745.1], [Infinity, 0, Infinity, 0, 5e-324]],
    ['ln', [0, -1, Infinity, 5e-324], [-Infinity, NaN, Infinity, -744.4400719213812]],
    ['sin', [-0, Infinity], [-0, NaN]],
    ['cos', [-0, -Infinity], [1, NaN]],
    ['tan', [-0, Infinity], [-0, NaN]],
    ['asin', [-0, 1, -1, 1.01], [-0, Math.PI / 2, -Math.PI / 2, NaN]],
    ['acos', [1, -1, 2], [0, Math.PI, NaN]],
    ['atan', [Infinity, -Infinity, -0], [Math.PI / 2, -Math.PI / 2, -0]],
    ['sinh', [Infinity, -Infinity], [Infinity, -Infinity]],
    ['cosh', [-Infinity], [Infinity]],
    ['tanh', [100, -100, -0], [1, -1, -0]],
    ['asinh', [-Infinity, -0], [-Infinity, -0]],
    ['acosh', [1, 0.5, Infinity], [0, NaN, Infinity]],
    ['atanh', [1, -1, 2, -0], [Infinity, -Infinity, NaN, -0]],
  ])('%s keeps to C99', (name, xs, expected) => {
    expect(xs.map(FUNCTIONS[name]!)).toEqual(expected)
    expect(FUNCTIONS[name]!(NaN)).toBe(NaN)
  })
})

describe('fusedMultiplyAdd', () => {
  it('rounds once where two roundings give another number', () => {
    const x = 1 + 2 ** -30
    // x² is 1 + 2^-29 + 2^-60: the last part is lost before the subtraction when the product is rounded.
    expect(x * x - (1 + 2 ** -29)).toBe(0)
    expect(exponential.fusedMultiplyAdd(x, x, -(1 + 2 ** -29))).toBe(2 ** -60)
  })
})
