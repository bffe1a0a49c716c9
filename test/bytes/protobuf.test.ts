import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtoReader, ProtoWriter } from '#lib/bytes/protobuf.ts'
import { errorOf, isCorruptOrNone } from './error-of.ts'

const hex = (writer: ProtoWriter): string => Buffer.from(writer.bytes()).toString('hex')

describe('writing', () => {
  it.each([
    ['0', 0, '0800'],
    ['150', 150, '089601'],
    ['-1', -1, '08ffffffffffffffffff01'],
    ['-2', -2, '08feffffffffffffffff01'],
    ['the time of a sample', 1_700_000_000_123, '08fbd095ffbc31'],
    ['the largest', Number.MAX_SAFE_INTEGER, '08ffffffffffffff0f'],
    ['the smallest', -Number.MAX_SAFE_INTEGER, '0881808080808080f0ff01'],
    ['2^62', 2 ** 62, '08808080808080808040'],
    ['-2^62', -(2 ** 62), '08808080808080808040'.replace('40', 'c001')],
    ['the smallest int64', -(2 ** 63), '0880808080808080808001'],
  ])('an int of %s', (_, value, expected) => {
    const writer = new ProtoWriter()
    writer.int(1, value)
    expect(hex(writer)).toBe(expected)
    const reader = new ProtoReader(writer.bytes())
    expect([reader.next(), reader.field, reader.int(), reader.next()]).toEqual([
      true,
      1,
      value,
      false,
    ])
  })

  it.each([
    ['Infinity', Infinity, '08ffffffffffffffff7f', 2 ** 63],
    ['2^64', 2 ** 64, '08ffffffffffffffff7f', 2 ** 63],
    ['-Infinity', -Infinity, '0880808080808080808001', -(2 ** 63)],
  ])('%s as the int64 that is nearest', (_, value, expected, read) => {
    const writer = new ProtoWriter()
    writer.int(1, value)
    expect(hex(writer)).toBe(expected)
    const reader = new ProtoReader(writer.bytes())
    reader.next()
    expect(reader.int()).toBe(read)
  })

  it('bools and packed numbers', () => {
    const writer = new ProtoWriter(1)
    writer.bool(1, true)
    writer.bool(1, false)
    writer.ints(2, [1, 300, 0])
    expect(hex(writer)).toBe('08010800120401ac0200')
  })

  it('gives its bytes away and goes on with others', () => {
    const writer = new ProtoWriter()
    writer.int(1, 1)
    const first = writer.take()
    writer.int(1, 2)
    expect([Buffer.from(first).toString('hex'), hex(writer)]).toEqual(['0801', '0802'])
  })

  it('zig-zags, doubles, strings', () => {
    const writer = new ProtoWriter(1)
    writer.sint(1, -3)
    writer.double(2, 1)
    writer.string(3, 'ü')
    writer.doubles(4, Float64Array.of(1, 2))
    writer.doubles(5, new Float64Array(0))
    expect(hex(writer)).toBe('080511000000000000f03f1a02c3bc2210000000000000f03f0000000000000040')
  })

  it('keeps the bits of a stale marker', () => {
    const values = new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)
    const writer = new ProtoWriter()
    writer.doubleOf(1, values, 0)
    expect(hex(writer)).toBe('09020000000000f07f')
  })

  it.each([0, 1, 127, 128, 16_383, 16_384, 100_000])('a message of %i bytes', (size) => {
    const writer = new ProtoWriter(16)
    const outer = writer.begin(1)
    const inner = writer.begin(2)
    writer.bytesOf(3, new Uint8Array(size).fill(7))
    writer.end(inner)
    writer.int(4, 9)
    writer.end(outer)
    const reader = new ProtoReader(writer.bytes())
    reader.next()
    const message = reader.message()
    message.next()
    const deepest = message.message()
    deepest.next()
    expect(deepest.bytes()).toEqual(new Uint8Array(size).fill(7))
    message.next()
    expect([message.field, message.int(), message.next(), reader.next()]).toEqual([
      4,
      9,
      false,
      false,
    ])
  })
})

describe('reading', () => {
  it('skips fields of every type', () => {
    const reader = new ProtoReader(Buffer.from('08011100000000000000001a016125000000002807', 'hex'))
    const fields: number[] = []
    while (reader.next() && reader.field < 5) {
      fields.push(reader.field)
      reader.skip()
    }
    expect(fields).toEqual([1, 2, 3, 4])
    expect([reader.field, reader.int(), reader.next()]).toEqual([5, 7, false])
  })

  it('goes into a message and out again', () => {
    const reader = new ProtoReader(Buffer.from('0a041202080118051a00', 'hex'))
    reader.next()
    const outer = reader.enter()
    reader.next()
    const inner = reader.enter()
    expect([reader.next(), reader.int(), reader.next()]).toEqual([true, 1, false])
    reader.leave(inner)
    expect(reader.next()).toBe(false)
    reader.leave(outer)
    expect([reader.next(), reader.int(), reader.next(), reader.field]).toEqual([true, 5, true, 3])
    const empty = reader.enter()
    expect(reader.next()).toBe(false)
    reader.leave(empty)
    expect(reader.next()).toBe(false)
  })

  it.each([
    ['a message larger than the one around it', '0a021205', '5 bytes wanted, 0 left at byte 4'],
    ['a field that reaches out of its message', '0a0208ff01', 'outgrows its message at byte 5'],
  ])('refuses %s', (_, bytes, message) => {
    const reader = new ProtoReader(Buffer.from(bytes, 'hex'))
    const all = (): void => {
      reader.next()
      reader.enter()
      while (reader.next()) {
        if (reader.field === 2) reader.enter()
        else reader.int()
      }
    }
    expect(all).toThrow(message)
  })

  it('takes repeated numbers packed or one by one', () => {
    const reader = new ProtoReader(Buffer.from('0a0301ac020805', 'hex'))
    const all: number[] = []
    while (reader.next()) all.push(...reader.ints())
    expect(all).toEqual([1, 300, 5])
  })

  it('throws CorruptError for garbage, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (garbage) => {
        expect(errorOf(() => readAll(new ProtoReader(garbage)))).toSatisfy(isCorruptOrNone)
      }),
      { numRuns: 2000 },
    )
  })
})

function readAll(reader: ProtoReader): void {
  while (reader.next()) {
    if (reader.field % 3 === 0) reader.ints()
    else if (reader.field % 3 === 1) reader.message()
    else reader.skip()
  }
}
