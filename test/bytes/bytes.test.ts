/** ByteReader, ByteWriter and CRC-32C. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, utf8 } from '#lib/bytes/byte-reader.ts'
import { ByteWriter } from '#lib/bytes/byte-writer.ts'
import { crc32c } from '#lib/bytes/crc32c.ts'

const bytes = (...values: number[]): ByteReader => new ByteReader(new Uint8Array(values))

function written(write: (out: ByteWriter) => void): number[] {
  const out = new ByteWriter(1)
  write(out)
  return [...out.bytes()]
}

describe('ByteReader', () => {
  it('rejects a read past the end and says where', () => {
    expect(() => bytes(1, 2, 3).uint32()).toThrow('4 bytes wanted, 3 left at byte 0')
    const reader = bytes(1, 2, 3)
    reader.uint16()
    expect(() => reader.uint16()).toThrow('2 bytes wanted, 1 left at byte 2')
  })

  it('rejects a range outside its bytes', () => {
    expect(() => new ByteReader(new Uint8Array(4), 2, 5)).toThrow('range 2..5 is outside 4 bytes')
    expect(() => new ByteReader(new Uint8Array(4), 3, 2)).toThrow('range 3..2 is outside 4 bytes')
    expect(() => new ByteReader(new Uint8Array(4), -1)).toThrow('range -1..4 is outside 4 bytes')
  })

  it('rejects a uvarint of eleven bytes', () => {
    const reader = bytes(...Array.from({ length: 11 }, () => 0x80))
    expect(() => reader.uvarint()).toThrow('uvarint overflows at byte 0')
  })

  it('rejects a uvarint over 2^53 and a uvarint32 over 2^32', () => {
    expect(() => bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f).uvarint()).toThrow(
      'overflows',
    )
    expect(() => bytes(0x80, 0x80, 0x80, 0x80, 0x10).uvarint32()).toThrow(
      'uvarint32 overflows at byte 0',
    )
    expect(bytes(0xff, 0xff, 0xff, 0xff, 0x0f).uvarint32()).toBe(0xffff_ffff)
  })

  it('rejects a uint64 over 2^53', () => {
    expect(() => bytes(0, 0x20, 0, 0, 0, 0, 0, 0).uint64()).toThrow('uint64 exceeds 2^53 at byte 0')
    expect(bytes(0, 0x1f, 255, 255, 255, 255, 255, 255).uint64()).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('reads an int64 that was written as a uvarint', () => {
    // `binary.PutUvarint(buf, uint64(value))` in Go.
    const minus1000 = bytes(0x98, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 7)
    expect(minus1000.uvarintOfInt()).toBe(-1000)
    expect(minus1000.uint8()).toBe(7)
    const minus1 = bytes(...Array.from({ length: 9 }, () => 0xff), 1)
    expect(minus1.uvarintOfInt()).toBe(-1)
    expect(bytes(0xe8, 0x07).uvarintOfInt()).toBe(1000)
    const least = bytes(...Array.from({ length: 9 }, () => 0x80), 1)
    expect(() => least.uvarintOfInt()).toThrow('uvarint overflows at byte 0')
    expect(() => bytes(0x80).uvarintOfInt()).toThrow('1 bytes wanted')
  })

  it('reads Go varints', () => {
    expect(bytes(0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62).varint()).toBe(1_700_000_000_000)
    expect(bytes(1).varint()).toBe(-1)
    expect(bytes(2).varint()).toBe(1)
  })

  it('rejects a varint over 2^53', () => {
    const longest = bytes(255, 255, 255, 255, 255, 255, 255, 255, 255, 1)
    expect(() => longest.varint()).toThrow('varint exceeds 2^53 at byte 0')
  })

  it('rejects a string longer than what is left', () => {
    expect(() => bytes(5, 97, 98).string()).toThrow('5 bytes wanted, 2 left at byte 1')
  })

  it('rejects a wrong checksum with both values', () => {
    const reader = bytes(1, 2, 0, 0, 0, 0)
    reader.skip(2)
    expect(() => reader.expectCrc(0)).toThrow(
      /^crc [0-9a-f]{8} where 00000000 is recorded at byte 2$/,
    )
  })

  it('gives views that share memory', () => {
    const memory = new Uint8Array([1, 2, 3])
    const view = new ByteReader(memory).take(2)
    memory[0] = 9
    expect([...view]).toEqual([9, 2])
  })
})

describe('ByteWriter', () => {
  it('writes what ByteReader reads', () => {
    const safe = fc.maxSafeInteger()
    fc.assert(
      fc.property(
        safe,
        fc.maxSafeNat(),
        fc.double(),
        fc.string({ unit: 'binary' }),
        (a, b, c, d) => {
          const out = new ByteWriter(1)
          out.varint(a)
          out.uvarint(b)
          out.uint64(b)
          out.float64(c)
          out.string(d)
          out.crc(0)
          const reader = new ByteReader(out.bytes())
          const read = [reader.varint(), reader.uvarint(), reader.uint64(), reader.float64()]
          expect([...read, reader.string()]).toEqual([a, b, b, c, d])
          reader.expectCrc(0)
          expect(reader.remaining).toBe(0)
        },
      ),
    )
  })

  it('aligns with zero bytes', () => {
    expect(written((out) => (out.uint8(7), out.align(4)))).toEqual([7, 0, 0, 0])
    expect(written((out) => (out.uint32(7), out.align(4)))).toEqual([0, 0, 0, 7])
  })

  it('leaves no old bytes where it aligns after a clear', () => {
    const out = new ByteWriter(8)
    out.uint32(0xffff_ffff)
    out.clear()
    out.uint8(1)
    out.align(4)
    expect([...out.bytes()]).toEqual([1, 0, 0, 0])
  })

  it('patches what was written before', () => {
    expect(written((out) => (out.uint32(0), out.uint8(1), out.patchUint32(0, 258)))).toEqual([
      0, 0, 1, 2, 1,
    ])
  })
})

describe('crc32c', () => {
  it('is the Castagnoli one', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(0))).toBe(0)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  })

  it('goes on from a seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(50), (all, at) => {
        const cut = Math.min(at, all.length)
        expect(crc32c(all, cut, all.length, crc32c(all, 0, cut))).toBe(crc32c(all))
      }),
    )
  })
})

it('utf8 decodes short and long text alike', () => {
  for (const text of ['', 'up', 'é', 'job'.repeat(20), '😀'.repeat(9)]) {
    const encoded = new TextEncoder().encode(`x${text}y`)
    expect(utf8(encoded, 1, encoded.length - 1)).toBe(text)
  }
})
