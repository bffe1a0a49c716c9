/** Protobuf's wire format: fields out of bytes and into them. What the fields mean is the caller's. */
import { CorruptError } from '#lib/model/errors.ts'
import { ByteReader } from './byte-reader.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

const FOUR_GROUPS = 2 ** 28

/** Goes over the fields of a message. After `next`, read the field by its type or `skip` it. */
export class ProtoReader {
  /** Of the field that `next` came to. */
  field = 0
  readonly #reader: ByteReader
  #end: number
  #wire = VARINT

  constructor(bytes: Uint8Array) {
    this.#reader = new ByteReader(bytes)
    this.#end = bytes.length
  }

  /** False at the end of the message. */
  next(): boolean {
    const { offset } = this.#reader
    if (offset > this.#end) throw new CorruptError('protobuf field outgrows its message', offset)
    if (offset === this.#end) return false
    const tag = this.#reader.uvarint32()
    this.field = tag >>> 3
    this.#wire = tag & 7
    if (this.field === 0) throw new CorruptError('protobuf field 0', this.#reader.offset)
    return true
  }

  /** int64, uint64, bool or enum; past ±2^53 only about right. */
  int(): number {
    this.#expect(VARINT)
    return readInt64(this.#reader)
  }

  double(): number {
    this.#expect(FIXED64)
    const bytes = this.#reader.take(8)
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true)
  }

  /** Into `values[index]`, every bit of a NaN included. */
  doubleInto(values: Float64Array, index: number): void {
    this.#expect(FIXED64)
    const raw = new Uint8Array(values.buffer, values.byteOffset + index * 8, 8)
    raw.set(this.#reader.take(8))
  }

  /** sint32 or sint64; exact within ±2^53. */
  sint(): number {
    this.#expect(VARINT)
    return this.#reader.varint()
  }

  bytes(): Uint8Array {
    this.#expect(BYTES)
    return this.#reader.take(this.#reader.uvarint32())
  }

  string(): string {
    this.#expect(BYTES)
    return this.#reader.string()
  }

  message(): ProtoReader {
    return new ProtoReader(this.bytes())
  }

  /**
   * Goes on within a message, without a reader of its own: `next` is false at its end, and then `leave` goes back to the
   * message around it, for which it wants what this gave.
   */
  enter(): number {
    this.#expect(BYTES)
    const size = this.#reader.uvarint32()
    const outer = this.#end
    const end = this.#reader.offset + size
    if (end > outer) {
      const left = outer - this.#reader.offset
      throw new CorruptError(`${size} bytes wanted, ${left} left`, this.#reader.offset)
    }
    this.#end = end
    return outer
  }

  leave(outer: number): void {
    this.#end = outer
  }

  /** One or, when packed, several numbers of a repeated field. */
  ints(): number[] {
    if (this.#wire === VARINT) return [this.int()]
    const packed = new ByteReader(this.bytes())
    const values: number[] = []
    while (packed.remaining > 0) values.push(readInt64(packed))
    return values
  }

  /** As `ints`, of sint32 or sint64. */
  sints(): number[] {
    if (this.#wire === VARINT) return [this.sint()]
    const packed = new ByteReader(this.bytes())
    const values: number[] = []
    while (packed.remaining > 0) values.push(packed.varint())
    return values
  }

  /** As `ints`, of double. */
  doubles(): number[] {
    if (this.#wire === FIXED64) return [this.double()]
    const packed = this.bytes()
    if (packed.length % 8 !== 0) {
      throw new CorruptError(`${packed.length} bytes of doubles`, this.#reader.offset)
    }
    const view = new DataView(packed.buffer, packed.byteOffset, packed.length)
    const values: number[] = []
    for (let at = 0; at < packed.length; at += 8) values.push(view.getFloat64(at, true))
    return values
  }

  skip(): void {
    const reader = this.#reader
    if (this.#wire === VARINT) readInt64(reader)
    else if (this.#wire === FIXED64) reader.skip(8)
    else if (this.#wire === BYTES) reader.skip(reader.uvarint32())
    else if (this.#wire === FIXED32) reader.skip(4)
    else throw new CorruptError(`protobuf wire type ${this.#wire}`, reader.offset)
  }

  #expect(wire: number): void {
    if (this.#wire === wire) return
    throw new CorruptError(
      `protobuf wire type ${this.#wire} of field ${this.field}`,
      this.#reader.offset,
    )
  }
}

/** Two's complement of 64 bits in at most ten bytes. */
function readInt64(reader: ByteReader): number {
  let value = 0
  let scale = 1
  for (let i = 0; i < 10; i++) {
    const byte = reader.uint8()
    value += (byte & 0x7f) * scale
    // A tenth byte is there only for what is at least 2^63: a negative number, of which all high bits are set.
    if (byte < 0x80) return i === 9 && byte > 0 ? negative(reader, i) : value
    scale *= 128
  }
  throw new CorruptError('protobuf varint overflows', reader.offset)
}

/** The sum above would lose the low bits of numbers near 2^64, so the bytes are taken once more, as what they lack. */
function negative(reader: ByteReader, last: number): number {
  let lacking = 0
  let scale = 1
  for (let at = reader.offset - last - 1; at < reader.offset - 1; at++) {
    lacking += (0x7f - (reader.bytes[at]! & 0x7f)) * scale
    scale *= 128
  }
  return -1 - lacking
}

/** Appends fields to a buffer that doubles. Every field is written, also where it is zero. */
export class ProtoWriter {
  length = 0
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** The bytes so far; shares memory until the next append. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
  }

  /** The bytes so far, which are the caller's from now on: nothing is copied, the next append begins a new buffer. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.bytes()
    this.#bytes = new Uint8Array(0)
    this.#view = new DataView(this.#bytes.buffer)
    this.length = 0
    return taken
  }

  /** int64, uint64 or enum. Past ±2^53 as near as the number is, at most what 64 bits hold: -Infinity is the smallest int64. */
  int(field: number, value: number): void {
    this.#tag(field, VARINT)
    if (Number.isSafeInteger(value)) this.#int(value)
    else this.#farInt(value)
  }

  bool(field: number, value: boolean): void {
    this.int(field, value ? 1 : 0)
  }

  /** sint32 or sint64; a safe integer below 2^52. */
  sint(field: number, value: number): void {
    this.#tag(field, VARINT)
    this.#uvarint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64)
    this.#reserve(8)
    this.#view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** `values[index]`, every bit of a NaN included. */
  doubleOf(field: number, values: Float64Array, index: number): void {
    const value = values[index]!
    if (value === value) return this.double(field, value)
    this.#tag(field, FIXED64)
    this.#raw(new Uint8Array(values.buffer, values.byteOffset + index * 8, 8))
  }

  /** A packed repeated field; nothing where it is empty. Little-endian hosts only, as Node's all are. */
  doubles(field: number, values: Float64Array): void {
    if (values.length === 0) return
    this.bytesOf(field, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }

  /** A packed repeated field of safe integers. */
  ints(field: number, values: readonly number[]): void {
    const start = this.begin(field)
    for (const value of values) this.#int(value)
    this.end(start)
  }

  /** Short ASCII by hand: a call of the encoder costs more than most names and values of labels. */
  string(field: number, text: string): void {
    const { length } = text
    if (length >= 0x80) return this.bytesOf(field, encoder.encode(text))
    this.#tag(field, BYTES)
    this.#reserve(length + 1)
    const bytes = this.#bytes
    const start = this.length + 1
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) return this.delimited(encoder.encode(text))
      bytes[start + i] = unit
    }
    bytes[start - 1] = length
    this.length = start + length
  }

  bytesOf(field: number, bytes: Uint8Array): void {
    this.#tag(field, BYTES)
    this.#uvarint(bytes.length)
    this.#raw(bytes)
  }

  /** A message within the message: give what this returns to `end` when its fields are written. */
  begin(field: number): number {
    this.#tag(field, BYTES)
    this.#reserve(1)
    return ++this.length
  }

  end(start: number): void {
    const size = this.length - start
    // One byte is free for the length; the few long messages move for the others.
    const more = uvarintLength(size) - 1
    if (more > 0) {
      this.#reserve(more)
      this.#bytes.copyWithin(start + more, start, this.length)
    }
    this.length = start - 1
    this.#uvarint(size)
    this.length += size
  }

  /** A message with its length in front and no field around it. */
  delimited(message: Uint8Array): void {
    this.#uvarint(message.length)
    this.#raw(message)
  }

  #tag(field: number, wire: number): void {
    this.#uvarint(field * 8 + wire)
  }

  #int(value: number): void {
    if (value >= 0) return this.#uvarint(value)
    // The complement of -1 - value, in ten bytes.
    this.#reserve(10)
    let rest = -1 - value
    for (let i = 0; i < 9; i++) {
      this.#bytes[this.length++] = 0xff - (rest % 128)
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.length++] = 1
  }

  /** Nine bytes of the 63 bits that fit, and a tenth for the sign. */
  #farInt(value: number): void {
    const least = -(2n ** 63n)
    const most = 2n ** 63n - 1n
    const near = value >= 2 ** 63 ? most : value <= -(2 ** 63) ? least : BigInt(Math.trunc(value))
    let rest = BigInt.asUintN(64, near)
    this.#reserve(10)
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.length++] = Number(rest & 0x7fn) | 0x80
    this.#bytes[this.length++] = Number(rest)
  }

  #uvarint(value: number): void {
    this.#reserve(10)
    const bytes = this.#bytes
    let at = this.length
    let rest = value
    // What is left of a safe integer after four bytes fits the operators of 32 bits.
    if (rest >= FOUR_GROUPS) {
      const high = Math.floor(rest / FOUR_GROUPS)
      let low = rest - high * FOUR_GROUPS
      for (let i = 0; i < 4; i++) {
        bytes[at++] = (low & 0x7f) | 0x80
        low >>>= 7
      }
      rest = high
    }
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[at++] = rest
    this.length = at
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  #reserve(size: number): void {
    const needed = this.length + size
    if (needed <= this.#bytes.length) return
    const bigger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    bigger.set(this.bytes())
    this.#bytes = bigger
    this.#view = new DataView(bigger.buffer)
  }
}

function uvarintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++
  return length
}

const encoder = new TextEncoder()
