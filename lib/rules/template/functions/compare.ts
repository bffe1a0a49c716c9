/** eq, ne, lt, le, gt, ge. */
import { sprintf } from '../print/sprintf.ts'
import {
  GoError,
  REFLECT,
  bool,
  isSigned,
  isUnsigned,
  string,
  unboxed,
  type Callable,
  type Complex,
  type Value,
} from '../value/value.ts'
import { fn } from './callable.ts'

type Got = Value | undefined
type Basic = 'bool' | 'int' | 'uint' | 'float' | 'complex' | 'string' | 'none'

const BAD_TYPE = 'invalid type for comparison'

function basicOf(value: Got): Basic {
  if (value === undefined) return 'none'
  const { type } = value
  if (isSigned(type)) return 'int'
  if (isUnsigned(type)) return 'uint'
  switch (type.kind) {
    case 'bool':
    case 'string':
      return type.kind
    case 'float64':
      return 'float'
    case 'complex128':
      return 'complex'
    default:
      return 'none'
  }
}

function isWhole(basic: Basic): boolean {
  return basic === 'int' || basic === 'uint'
}

function incompatible(a: Value, b: Value): never {
  throw new GoError(`incompatible types for comparison: ${a.type.name} and ${b.type.name}`)
}

/** Whether the first is any of the others. */
function equal(first: Got, others: readonly Got[]): boolean {
  if (others.length === 0) throw new GoError('missing argument for comparison')
  const a = unboxed(first)
  return others.some((other) => equalTwo(a, unboxed(other)))
}

function equalTwo(a: Got, b: Got): boolean {
  const kind = basicOf(a)
  const other = basicOf(b)
  if (kind !== other) {
    if (isWhole(kind) && isWhole(other)) return a!.data === b!.data
    if (a !== undefined && b !== undefined) incompatible(a, b)
    return false
  }
  if (kind === 'complex') {
    const [x, y] = [a!.data as Complex, b!.data as Complex]
    return x.re === y.re && x.im === y.im
  }
  return kind === 'none' ? same(a, b) : a!.data === b!.data
}

/** Of what has no order: nil and nil, or the very same. */
function same(a: Got, b: Got): boolean {
  if (a !== undefined && b !== undefined && a.type.kind !== b.type.kind) {
    throw new GoError(
      sprintf('non-comparable types %s: %v, %s: %v', [
        a,
        string(a.type.name),
        string(b.type.name),
        b,
      ]),
    )
  }
  if (isNil(a) || isNil(b)) return isNil(a) === isNil(b)
  const { kind, comparable } = b!.type
  if (kind === 'map' || kind === 'slice' || (kind === 'struct' && comparable !== true)) {
    throw new GoError(sprintf('non-comparable type %s: %v', [b, string(b!.type.name)]))
  }
  if (a!.type !== b!.type) return false
  if (kind !== 'struct') return a!.data === b!.data
  return b!.type.fields!.every((field) => equalTwo(field.get(a!), field.get(b!)))
}

function isNil(value: Got): boolean {
  if (value === undefined) return true
  return ['map', 'pointer', 'slice'].includes(value.type.kind) && value.data === undefined
}

function less(first: Got, second: Got): boolean {
  const a = unboxed(first)
  const kind = basicOf(a)
  if (kind === 'none') throw new GoError(BAD_TYPE)
  const b = unboxed(second)
  const other = basicOf(b)
  if (other === 'none') throw new GoError(BAD_TYPE)
  if (kind !== other && !(isWhole(kind) && isWhole(other))) incompatible(a!, b!)
  if (kind === 'bool' || kind === 'complex') throw new GoError(BAD_TYPE)
  return (a!.data as number) < (b!.data as number)
}

function lessOrEqual(a: Got, b: Got): boolean {
  return less(a, b) || equal(a, [b])
}

function ofTwo(compare: (a: Got, b: Got) => boolean): Callable {
  return fn([REFLECT, REFLECT], (a, b) => bool(compare(a, b)))
}

export const COMPARISONS: ReadonlyMap<string, Callable> = new Map([
  ['eq', fn([REFLECT, REFLECT], (a, ...b) => bool(equal(a, b)), { variadic: true })],
  ['ne', ofTwo((a, b) => !equal(a, [b]))],
  ['lt', ofTwo(less)],
  ['le', ofTwo(lessOrEqual)],
  ['gt', ofTwo((a, b) => !lessOrEqual(a, b))],
  ['ge', ofTwo((a, b) => !less(a, b))],
])
