/** XOR chunks, and the integers inside chunks. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BitReader } from '#lib/tsdb/chunk/bit-reader.ts'
import { BitWriter } from '#lib/tsdb/chunk/bit-writer.ts'
import { chunkSampleCount, decodeChunk } from '#lib/tsdb/chunk/chunk.ts'
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import {
  readVarbitInt,
  readVarbitUint,
  writeVarbitInt,
  writeVarbitUint,
} from '#lib/tsdb/chunk/varbit.ts'
import { decodeXor, encodeXor } from '#lib/tsdb/chunk/xor.ts'

/** Any 64 bits: all NaNs, both zeros, subnormal numbers. */
const anyFloatBits = fc.tuple(fc.integer(), fc.integer())
const delta = fc.oneof(
  fc.constant(15_000),
  fc.integer({ min: 1, max: 40_000 }),
  fc.integer({ min: 1, max: 3_000_000 }),
  fc.integer({ min: 1, max: 2 ** 45 }),
)

describe('an XOR chunk', () => {
  it('gives back timestamps and value bits', () => {
    const samples = fc.array(fc.tuple(delta, anyFloatBits, fc.boolean()), {
      minLength: 1,
      maxLength: 150,
    })
    fc.assert(
      fc.property(samples, fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), (made, start) => {
        const timestamps = new Float64Array(made.length)
        const bits = new Int32Array(made.length * 2)
        let t = start
        made.forEach(([step, [low, high], same], i) => {
          timestamps[i] = t += step
          bits[i * 2] = same && i > 0 ? bits[i * 2 - 2]! : low
          bits[i * 2 + 1] = same && i > 0 ? bits[i * 2 - 1]! : high
        })
        const data = encodeXor(timestamps, new Float64Array(bits.buffer), 0, made.length)
        const builder = new ColumnBuilder(1)
        decodeXor(data, builder)
        expect(builder.length).toBe(made.length)
        expect(chunkSampleCount(1, data)).toBe(made.length)
        expect(builder.timestamps.slice(0, made.length)).toEqual(timestamps)
        expect(builder.valueBits.slice(0, made.length * 2)).toEqual(bits)
      }),
    )
  })

  it('is the bytes of the fixture in the format notes', () => {
    const start = 1_700_000_000_000
    const data = encodeXor(Float64Array.of(start), Float64Array.of(0.1), 0, 1)
    expect(Buffer.from(data).toString('hex')).toBe('000180a0abfef9623fb999999999999a')
  })

  it('is read in place or copied, as a whole or cut to what is wanted, with the same result', () => {
    const count = fc.integer({ min: 1, max: 200 })
    fc.assert(
      fc.property(
        count,
        fc.array(fc.double(), { minLength: 200 }),
        fc.nat(200),
        fc.nat(200),
        (n, drawn, a, b) => {
          const timestamps = Float64Array.from(
            { length: n },
            (_, i) => i * 10 + (drawn[i]! > 1 ? 3 : 0),
          )
          const data = encodeXor(timestamps, Float64Array.from(drawn), 0, n)
          const whole = new ColumnBuilder()
          decodeXor(data, whole)
          const [min, max] = [Math.min(a, b) * 10, Math.max(a, b) * 10]
          for (const [before, behind] of [
            [0, 0],
            [7, 20],
            [3, 100],
          ] as const) {
            const bytes = new Uint8Array(before + data.length + behind).fill(0xff)
            bytes.set(data, before)
            const builder = new ColumnBuilder(1)
            builder.reset(min, max)
            builder.append(-1, 9)
            decodeXor(bytes, builder, before, before + data.length)
            const wanted = [...whole.timestamps.subarray(0, n)].flatMap((t, i) =>
              t >= min && t <= max ? [[t, whole.values[i]!]] : [],
            )
            const got = [...builder.timestamps.subarray(0, builder.length)].map((t, i) => [
              t,
              builder.values[i]!,
            ])
            expect(got).toEqual([[-1, 9], ...wanted])
          }
        },
      ),
    )
  })

  it('with no sample is two zero bytes and decodes to nothing', () => {
    const data = encodeXor(new Float64Array(0), new Float64Array(0), 0, 0)
    const builder = new ColumnBuilder()
    decodeXor(data, builder)
    expect([...data, builder.length]).toEqual([0, 0, 0])
  })

  it('that runs back in time is rejected', () => {
    const data = encodeXor(Float64Array.of(0, 10, 5), Float64Array.of(1, 1, 1), 0, 3)
    expect(() => decodeXor(data, new ColumnBuilder())).toThrow(
      /^timestamp runs back in sample 2 at/,
    )
  })
})

it('an unknown encoding is unsupported and named', () => {
  expect(() => decodeChunk(17, new Uint8Array(9), new ColumnBuilder())).toThrow(
    'chunk encoding 17 is not known',
  )
})

describe('varbit integers', () => {
  const edges = [
    0, 1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 63, 64, 255, 256, 257, 511, 512, 2047, 2048, 2049,
  ]
  const far = [
    4095,
    4096,
    131_071,
    131_072,
    131_073,
    262_143,
    2 ** 24,
    2 ** 24 + 1,
    2 ** 25,
    2 ** 52,
  ]
  const values = [...edges, ...far, Number.MAX_SAFE_INTEGER]

  it('come back, at every edge of their sizes and at any bit', () => {
    for (let shift = 1; shift <= 8; shift++) {
      const out = new BitWriter(16)
      out.bits(0, shift)
      for (const value of values) {
        writeVarbitInt(out, value)
        writeVarbitInt(out, -value)
        writeVarbitUint(out, value)
      }
      const reader = new BitReader()
      const bytes = out.finish()
      reader.load(bytes, 0, bytes.length)
      reader.at = shift
      for (const value of values) {
        const read = [readVarbitInt(reader), readVarbitInt(reader) + 0, readVarbitUint(reader)]
        expect(read).toEqual([value, 0 - value, value])
      }
      reader.expectWithin()
    }
  })

  it('use the fewest bits', () => {
    const size = (value: number): number => {
      const out = new BitWriter()
      writeVarbitInt(out, value)
      const at = out.byteLength
      return at
    }
    expect([0, 4, -3, 32, 2048, 131_072, 16_777_216, 16_777_217].map(size)).toEqual([
      1, 1, 1, 2, 3, 3, 4, 8,
    ])
  })
})
