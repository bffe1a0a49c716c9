/**
 * Messages of protobuf as tables: a field's number and type for each property. Both ways are read off the same table. For
 * everything but the frames of series, which are too many for that (series-messages.ts).
 *
 * As proto3 has it: what is zero or empty is not written, what is absent is zero or empty, unknown fields are passed over.
 */
import { ProtoReader, ProtoWriter } from '#lib/bytes/protobuf.ts'
import { CorruptError } from '#lib/model/errors.ts'

export interface Field<T> {
  readonly number: number
  readonly initial: () => T
  readonly isAbsent: (value: T) => boolean
  readonly write: (out: ProtoWriter, number: number, value: T) => void
  /** Where a field comes again, `before` is what it said until now. */
  readonly read: (reader: ProtoReader, before: T) => T
}

export interface Message<T> {
  readonly name: string
  /** Properties that are not given are zero or empty. */
  encode(message: Partial<T>): Uint8Array<ArrayBuffer>
  /** Throws CorruptError that names the message. */
  decode(bytes: Uint8Array): T
  append(out: ProtoWriter, message: Partial<T>): void
  read(reader: ProtoReader): T
}

export type FieldTable<T> = { readonly [K in keyof T]-?: Field<T[K]> }

export function message<T extends object>(name: string, table: FieldTable<T>): Message<T> {
  const fields = Object.entries(table) as [keyof T, Field<T[keyof T]>][]
  const byNumber = new Map(fields.map((entry) => [entry[1].number, entry]))
  const codec: Message<T> = {
    name,
    encode(value) {
      const out = new ProtoWriter(256)
      codec.append(out, value)
      return out.take()
    },
    decode(bytes) {
      return within(name, () => codec.read(new ProtoReader(bytes)))
    },
    append(out, value) {
      for (const [key, field] of fields) {
        const property = value[key]
        if (property === undefined || field.isAbsent(property)) continue
        field.write(out, field.number, property)
      }
    },
    read(reader) {
      const value = {} as T
      for (const [key, field] of fields) value[key] = field.initial()
      while (reader.next()) {
        const entry = byNumber.get(reader.field)
        if (entry === undefined) reader.skip()
        else value[entry[0]] = entry[1].read(reader, value[entry[0]])
      }
      return value
    },
  }
  return codec
}

/** What is corrupt is said with the name of the message. */
export function within<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof CorruptError ? error.in(name) : error
  }
}

/** int32, int64 and uint64; past ±2^53 only about right. */
export function int(number: number): Field<number> {
  return {
    number,
    initial: () => 0,
    isAbsent: (value) => value === 0,
    write: (out, field, value) => out.int(field, value),
    read: (reader) => reader.int(),
  }
}

export function double(number: number): Field<number> {
  return {
    number,
    initial: () => 0,
    isAbsent: (value) => Object.is(value, 0),
    write: (out, field, value) => out.double(field, value),
    read: (reader) => reader.double(),
  }
}

export function bool(number: number): Field<boolean> {
  return {
    number,
    initial: () => false,
    isAbsent: (value) => !value,
    write: (out, field, value) => out.bool(field, value),
    read: (reader) => reader.int() !== 0,
  }
}

export function string(number: number): Field<string> {
  return {
    number,
    initial: () => '',
    isAbsent: (value) => value === '',
    write: (out, field, value) => out.string(field, value),
    read: (reader) => reader.string(),
  }
}

/** Shares memory with what was decoded. */
export function bytes(number: number): Field<Uint8Array> {
  return {
    number,
    initial: () => EMPTY_BYTES,
    isAbsent: (value) => value.length === 0,
    write: (out, field, value) => out.bytesOf(field, value),
    read: (reader) => reader.bytes(),
  }
}

/** The value of number i is `names[i]`; a number without a name is corrupt. */
export function enumeration<T extends string>(number: number, names: readonly T[]): Field<T> {
  return {
    number,
    initial: () => names[0]!,
    isAbsent: (value) => value === names[0],
    write: (out, field, value) => out.int(field, names.indexOf(value)),
    read: (reader) => nameOf(names, reader.int()),
  }
}

export function enumerations<T extends string>(
  number: number,
  names: readonly T[],
): Field<readonly T[]> {
  return {
    ...repeatedField<T>(number),
    write: (out, field, values) => {
      const numbers = values.map((value) => names.indexOf(value))
      out.ints(field, numbers)
    },
    read: (reader, before) => {
      for (const value of reader.ints()) pushed(before, nameOf(names, value))
      return before
    },
  }
}

function nameOf<T extends string>(names: readonly T[], value: number): T {
  const name = names[value]
  if (name === undefined) throw new CorruptError(`enum value ${value}`, 0)
  return name
}

/** A part of a oneof: '' is not the same as absent. */
export function oneofString(number: number): Field<string | undefined> {
  return {
    ...optionalField<string>(number),
    write: (out, field, value) => out.string(field, value!),
    read: (reader) => reader.string(),
  }
}

export function optional<T>(number: number, codec: Message<T>): Field<T | undefined> {
  return {
    ...optionalField<T>(number),
    write: (out, field, value) => appendMessage(out, field, codec, value!),
    read: (reader) => codec.read(reader.message()),
  }
}

export function repeated<T>(number: number, codec: Message<T>): Field<readonly T[]> {
  return {
    ...repeatedField<T>(number),
    write: (out, field, values) => {
      for (const value of values) appendMessage(out, field, codec, value)
    },
    read: (reader, before) => pushed(before, codec.read(reader.message())),
  }
}

export function strings(number: number): Field<readonly string[]> {
  return {
    ...repeatedField<string>(number),
    write: (out, field, values) => {
      for (const value of values) out.string(field, value)
    },
    read: (reader, before) => pushed(before, reader.string()),
  }
}

export function byteStrings(number: number): Field<readonly Uint8Array[]> {
  return {
    ...repeatedField<Uint8Array>(number),
    write: (out, field, values) => {
      for (const value of values) out.bytesOf(field, value)
    },
    read: (reader, before) => pushed(before, reader.bytes()),
  }
}

export function ints(number: number): Field<readonly number[]> {
  return {
    ...repeatedField<number>(number),
    write: (out, field, values) => out.ints(field, values),
    read: (reader, before) => {
      for (const value of reader.ints()) pushed(before, value)
      return before
    },
  }
}

/** `map<string, T>`. */
export function mapOf<T>(number: number, codec: Message<T>): Field<ReadonlyMap<string, T>> {
  return {
    number,
    initial: () => new Map<string, T>(),
    isAbsent: (value) => value.size === 0,
    write: (out, field, map) => {
      for (const [key, value] of map) {
        const entry = out.begin(field)
        out.string(1, key)
        appendMessage(out, 2, codec, value)
        out.end(entry)
      }
    },
    read: (reader, before) => {
      const entry = reader.message()
      let key = ''
      let value: T | undefined
      while (entry.next()) {
        if (entry.field === 1) key = entry.string()
        else if (entry.field === 2) value = codec.read(entry.message())
        else entry.skip()
      }
      return (before as Map<string, T>).set(key, value ?? codec.read(new ProtoReader(EMPTY_BYTES)))
    },
  }
}

const EMPTY_BYTES = new Uint8Array(0)

export function appendMessage<T>(
  out: ProtoWriter,
  field: number,
  codec: Message<T>,
  value: Partial<T>,
): void {
  const start = out.begin(field)
  codec.append(out, value)
  out.end(start)
}

type Shape<T> = Pick<Field<T>, 'number' | 'initial' | 'isAbsent'>

export function repeatedField<T>(number: number): Shape<readonly T[]> {
  return { number, initial: () => [], isAbsent: (values) => values.length === 0 }
}

function optionalField<T>(number: number): Shape<T | undefined> {
  return { number, initial: () => undefined, isAbsent: (value) => value === undefined }
}

/** The list is the one that `initial` made, so nobody else has it. */
export function pushed<T>(list: readonly T[], item: T): readonly T[] {
  ;(list as T[]).push(item)
  return list
}
