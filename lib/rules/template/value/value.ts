/** Go's values as templates see them: a type that says how it is called and what it can do, and data. */
import type { FloatHistogram } from '#lib/model/histogram.ts'

export type Kind =
  | 'bool'
  | 'int'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint32'
  | 'uint64'
  | 'float64'
  | 'complex128'
  | 'string'
  | 'map'
  | 'slice'
  | 'struct'
  | 'pointer'
  | 'interface'
  | 'reflect'

export interface GoType {
  readonly kind: Kind
  /** As `%T` and messages show it. */
  readonly name: string
  /** Of what a map, a slice or a pointer has. */
  readonly elem?: GoType
  /** Of maps. */
  readonly key?: GoType
  /** Of structs, in their order. */
  readonly fields?: readonly Field[]
  /** What can be called on a value; a pointer has those of its element, too. */
  readonly methods?: ReadonlyMap<string, Callable>
  /** How `print` shows it, where it has a say in that: its method String. */
  readonly show?: (value: Value) => string
  /** The same for `%#v`: its method GoString. */
  readonly showGo?: (value: Value) => string
  /** Structs: whether == may be asked for. */
  readonly comparable?: boolean
}

export interface Field {
  readonly name: string
  readonly type: GoType
  readonly get: (struct: Value) => Value
}

/** Params of type `REFLECT` take every value, and none; those of type `ANY` every value, and nil. */
export interface Callable {
  readonly params: readonly GoType[]
  /** Whether the last of `params` may be given any number of times. */
  readonly variadic?: boolean
  /** Why it can't be called at all. */
  readonly refused?: string
  /** Arguments are evaluated until one decides. `call` is not asked then. */
  readonly lazy?: 'and' | 'or'
  /** Steps that it takes beyond those for the size of what it is given. */
  readonly steps?: (...args: (Value | undefined)[]) => number
  /** Whether `call` gets how the first argument is written, before the arguments. */
  readonly named?: boolean
  /** Throws `GoError` for what Go returns as an error or panics with. */
  readonly call: (...args: (Value | undefined)[]) => Called
}

/** `query` is the only one that has to wait: it gives a question, which the evaluation hands outside. */
export type Called = Value | Question | undefined

export interface Question {
  readonly query: string
  readonly answer: (samples: readonly TemplateSample[]) => Value
}

/** One sample of what a query inside of a template answers. */
export interface TemplateSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly histogram?: FloatHistogram | undefined
}

/** What a function or a method complains of; in bytes. */
export class GoError extends Error {}

export interface Slice {
  /** Shared by all slices of it. */
  readonly array: Value[]
  readonly start: number
  readonly length: number
  readonly capacity: number
}

export interface Complex {
  readonly re: number
  readonly im: number
}

/**
 * Data by kind: boolean; bigint of all integers; number; `Complex`; bytes; Map from keys in bytes, or nil; `Slice` or nil;
 * anything of structs; pointers: the value they point at, or nil; interfaces: the value inside, or nil. Nil is undefined.
 */
export interface Value {
  readonly type: GoType
  readonly data: unknown
}

export const BOOL: GoType = { kind: 'bool', name: 'bool' }
export const INT: GoType = { kind: 'int', name: 'int' }
export const INT32: GoType = { kind: 'int32', name: 'int32' }
export const INT64: GoType = { kind: 'int64', name: 'int64' }
export const UINT8: GoType = { kind: 'uint8', name: 'uint8' }
export const UINT32: GoType = { kind: 'uint32', name: 'uint32' }
export const UINT64: GoType = { kind: 'uint64', name: 'uint64' }
export const FLOAT64: GoType = { kind: 'float64', name: 'float64' }
export const COMPLEX128: GoType = { kind: 'complex128', name: 'complex128' }
export const STRING: GoType = { kind: 'string', name: 'string' }
export const ANY: GoType = { kind: 'interface', name: 'interface {}' }
export const REFLECT: GoType = { kind: 'reflect', name: 'reflect.Value' }
export const STRING_MAP: GoType = {
  kind: 'map',
  name: 'map[string]string',
  key: STRING,
  elem: STRING,
}
export const ANY_MAP: GoType = {
  kind: 'map',
  name: 'map[string]interface {}',
  key: STRING,
  elem: ANY,
}
export const BYTE_SLICE: GoType = { kind: 'slice', name: '[]uint8', elem: UINT8 }
export const FLOAT_SLICE: GoType = { kind: 'slice', name: '[]float64', elem: FLOAT64 }

export function bool(data: boolean): Value {
  return { type: BOOL, data }
}

export function int(data: number | bigint): Value {
  return { type: INT, data: BigInt(data) }
}

export function float(data: number): Value {
  return { type: FLOAT64, data }
}

export function string(bytes: string): Value {
  return { type: STRING, data: bytes }
}

export function pointerTo(elem: GoType, more: Partial<GoType> = {}): GoType {
  return { kind: 'pointer', name: `*${elem.name}`, elem, ...more }
}

export function sliceOf(type: GoType, values: readonly Value[]): Value {
  const { length } = values
  return { type, data: { array: [...values], start: 0, length, capacity: length } satisfies Slice }
}

export function itemsOf(value: Value): Value[] {
  const slice = value.data as Slice | undefined
  return slice === undefined ? [] : slice.array.slice(slice.start, slice.start + slice.length)
}

export function itemCount(value: Value): number {
  return (value.data as Slice | undefined)?.length ?? 0
}

/** A value where Go has one of type `interface {}`: in fields and maps that take anything. */
export function boxed(data: Value | undefined): Value {
  return { type: ANY, data }
}

/** The value inside of an interface; undefined for nil. */
export function unboxed(value: Value | undefined): Value | undefined {
  return value?.type.kind === 'interface' ? (value.data as Value | undefined) : value
}

/** Through pointers and interfaces to what is there; `nil` where one of them is, and then `value` is that one. */
export function indirect(value: Value | undefined): { value: Value | undefined; nil: boolean } {
  let at = value
  while (at !== undefined && (at.type.kind === 'pointer' || at.type.kind === 'interface')) {
    if (at.data === undefined) return { value: at, nil: true }
    at = at.data as Value
  }
  return { value: at, nil: false }
}

export function isInteger(type: GoType): boolean {
  return isSigned(type) || isUnsigned(type)
}

export function isSigned(type: GoType): boolean {
  return type.kind === 'int' || type.kind === 'int32' || type.kind === 'int64'
}

export function isUnsigned(type: GoType): boolean {
  return type.kind === 'uint8' || type.kind === 'uint32' || type.kind === 'uint64'
}

export function zeroOf(type: GoType): Value {
  switch (type.kind) {
    case 'bool':
      return { type, data: false }
    case 'float64':
      return { type, data: 0 }
    case 'complex128':
      return { type, data: { re: 0, im: 0 } }
    case 'string':
      return { type, data: '' }
    default:
      return { type, data: isInteger(type) ? 0n : undefined }
  }
}

/** A value without which nothing in an interface or of a nillable kind is: maps, slices, pointers, interfaces. */
export function canBeNil(type: GoType): boolean {
  return ['interface', 'map', 'pointer', 'slice', 'reflect'].includes(type.kind)
}

/** What counts in conditions: anything but false, 0, nil and what is empty. */
export function isTrue(of: Value | undefined): boolean {
  const value = unboxed(of)
  if (value === undefined) return false
  const { type, data } = value
  switch (type.kind) {
    case 'bool':
      return data as boolean
    case 'float64':
      return data !== 0
    case 'complex128':
      return (data as Complex).re !== 0 || (data as Complex).im !== 0
    case 'string':
      return data !== ''
    case 'map':
      return data !== undefined && (data as Map<string, Value>).size > 0
    case 'slice':
      return data !== undefined && (data as Slice).length > 0
    case 'struct':
      return true
    case 'pointer':
      return data !== undefined
    default:
      return data !== 0n
  }
}
