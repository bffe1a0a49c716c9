import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSnappy, encodeSnappy, snappyFirstByte, snappyLength } from '#lib/bytes/snappy.ts'
import { CorruptError } from '#lib/model/errors.ts'
import { errorOf, isCorruptOrNone } from './error-of.ts'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const text = (data: Uint8Array): string => Buffer.from(data).toString('latin1')

describe('decoding', () => {
  // Written out from the description of the format.
  it.each([
    ['nothing', '00', ''],
    ['a literal', '0308616263', 'abc'],
    ['a literal with its length in a byte', '03f002616263', 'abc'],
    ['a literal with its length in two', '03f40200616263', 'abc'],
    ['a literal with its length in four', '03fc02000000616263', 'abc'],
    ['a copy with one byte of offset', '07086162630103', 'abcabca'],
    ['a copy with two bytes of offset', '06086162630a0300', 'abcabc'],
    ['a copy with four bytes of offset', '06086162630b03000000', 'abcabc'],
    ['a copy of what it writes', '0600610501', 'aaaaaa'],
  ])('%s', (_, hex, expected) => {
    expect(text(decodeSnappy(bytes(hex)))).toBe(expected)
    expect(snappyFirstByte(bytes(hex))).toBe(expected === '' ? undefined : expected.charCodeAt(0))
  })

  it.each([
    ['a copy from before the beginning', '07086162630104'],
    ['a copy from nowhere', '07086162630100'],
    ['less than it says', '0408616263'],
    ['more than it says', '0208616263'],
    ['a literal that ends early', '03086162'],
    ['no length', ''],
  ])('refuses %s', (_, hex) => {
    expect(() => decodeSnappy(bytes(hex))).toThrow(CorruptError)
  })

  it('refuses what is not snappy and never reads or writes outside', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (garbage) => {
        const decode = (): unknown => snappyLength(garbage) < 1e6 && decodeSnappy(garbage)
        expect(errorOf(decode)).toSatisfy(isCorruptOrNone)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('encoding', () => {
  it('gives back what went in', () => {
    const repetitive = fc
      .array(fc.constantFrom('a', 'bc', 'label_name', '\x00\x01', 'zz'), { maxLength: 400 })
      .map((words) => Uint8Array.from(Buffer.from(words.join(''))))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 3000 }), repetitive), (data) => {
        const packed = encodeSnappy(data)
        expect(snappyLength(packed)).toBe(data.length)
        expect(Buffer.compare(decodeSnappy(packed), data)).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  it('compresses over many blocks', () => {
    const line = 'node_cpu_seconds_total{cpu="0",mode="idle"} 12345\n'
    const data = Buffer.from(line.repeat(5000))
    const packed = encodeSnappy(data)
    expect(packed.length).toBeLessThan(data.length / 15)
    expect(Buffer.compare(decodeSnappy(packed), data)).toBe(0)
  })

  it('adds little to what cannot be compressed', () => {
    let state = 42
    const data = Uint8Array.from({ length: 200_000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return state >>> 24
    })
    const packed = encodeSnappy(data)
    expect(packed.length).toBeLessThan(data.length * 1.001 + 32)
    expect(Buffer.compare(decodeSnappy(packed), data)).toBe(0)
  })
})
