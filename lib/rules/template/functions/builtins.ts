/** The functions of Go's text/template itself. */
import { printable } from '../print/printed.ts'
import { sprint, sprintf, sprintln } from '../print/sprintf.ts'
import {
  ANY,
  GoError,
  REFLECT,
  STRING,
  UINT8,
  bool,
  indirect,
  int,
  isInteger,
  isTrue,
  string,
  unboxed,
  zeroOf,
  type Callable,
  type Slice,
  type Value,
} from '../value/value.ts'
import { fn, text } from './callable.ts'
import { COMPARISONS } from './compare.ts'
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts'

type Got = Value | undefined

/** The value behind interfaces and pointers, which must be there. */
function target(name: string, of: Got): Value {
  const outer = unboxed(of)
  if (outer === undefined) throw new GoError(`${name} of untyped nil`)
  const { value, nil } = indirect(outer)
  if (nil) throw new GoError(`${name} of nil pointer`)
  return value!
}

/** At most `limit`: one more than there is is let through, and refused later, by Go's reflection. */
function indexOf(index: Got, limit: number): number {
  const value = unboxed(index)
  if (value === undefined) throw new GoError('cannot index slice/array with nil')
  if (!isInteger(value.type)) {
    throw new GoError(`cannot index slice/array with type ${value.type.name}`)
  }
  const at = BigInt.asIntN(64, value.data as bigint)
  if (at < 0n || at > BigInt(limit)) throw new GoError(`index out of range: ${at}`)
  return Number(at)
}

function index(of: Got, ...indexes: Got[]): Got {
  let at = unboxed(of)
  if (at === undefined) throw new GoError('index of untyped nil')
  for (const each of indexes) at = element(at, each)
  return at
}

function element(of: Value, by: Got): Value {
  const { value, nil } = indirect(of)
  if (nil) throw new GoError('index of nil pointer')
  const { type, data } = value!
  switch (type.kind) {
    case 'string': {
      const bytes = data as string
      const at = indexOf(by, bytes.length)
      if (at === bytes.length) throw new GoError('reflect: string index out of range')
      return { type: UINT8, data: BigInt(bytes.charCodeAt(at)) }
    }
    case 'slice': {
      const slice = data as Slice | undefined
      const at = indexOf(by, slice?.length ?? 0)
      if (slice === undefined || at === slice.length) {
        throw new GoError('reflect: slice index out of range')
      }
      return slice.array[slice.start + at]!
    }
    case 'map': {
      const key = unboxed(by)
      const wanted = type.key!
      if (key === undefined) {
        throw new GoError(`value is nil; should be of type ${wanted.name}`)
      }
      if (key.type !== wanted) {
        throw new GoError(`value has type ${key.type.name}; should be ${wanted.name}`)
      }
      const found = (data as ReadonlyMap<string, Value> | undefined)?.get(text(key))
      return found ?? zeroOf(type.elem!)
    }
    default:
      throw new GoError(`can't index item of type ${type.name}`)
  }
}

function slice(of: Got, ...indexes: Got[]): Value {
  const item = target('slice', of)
  const { type, data } = item
  if (indexes.length > 3) throw new GoError(`too many slice indexes: ${indexes.length}`)
  if (type.kind !== 'string' && type.kind !== 'slice') {
    throw new GoError(`can't slice item of type ${type.name}`)
  }
  const isString = type.kind === 'string'
  if (isString && indexes.length === 3) throw new GoError('cannot 3-index slice a string')
  const list = isString ? undefined : (data as Slice | undefined)
  const length = isString ? text(item).length : (list?.length ?? 0)
  const capacity = isString ? length : (list?.capacity ?? 0)
  const [from = 0, to = length, max = capacity] = indexes.map((each) => indexOf(each, capacity))
  if (from > to) throw new GoError(`invalid slice index: ${from} > ${to}`)
  if (isString) return { type, data: text(item).slice(from, to) }
  if (to > max) throw new GoError(`invalid slice index: ${to} > ${max}`)
  if (list === undefined) return item
  const part: Slice = {
    array: list.array,
    start: list.start + from,
    length: to - from,
    capacity: max - from,
  }
  return { type, data: part }
}

function length(of: Got): Value {
  const { value, nil } = indirect(of)
  if (nil) throw new GoError('len of nil pointer')
  if (value === undefined) {
    throw new GoError('reflect: call of reflect.Value.Type on zero Value')
  }
  switch (value.type.kind) {
    case 'string':
      return int(text(value).length)
    case 'slice':
      return int((value.data as Slice | undefined)?.length ?? 0)
    case 'map':
      return int((value.data as ReadonlyMap<string, Value> | undefined)?.size ?? 0)
    default:
      throw new GoError(`len of type ${value.type.name}`)
  }
}

/** Nothing here is a function that could be called. */
function call(name: Value, of: Got): never {
  const value = unboxed(of)
  if (value === undefined) throw new GoError('call of nil')
  throw new GoError(`non-function ${text(name)} of type ${value.type.name}`)
}

function escaping(escape: (bytes: string) => string): Callable {
  const escaped = (...args: Got[]) =>
    string(escape(sprint(args.map((arg) => (arg === undefined ? NO_VALUE : printable(arg))))))
  return fn([ANY], escaped, { variadic: true })
}

const NO_VALUE = string('<no value>')

function nothing(): undefined {
  return undefined
}

export const BUILTINS: ReadonlyMap<string, Callable> = new Map([
  ...COMPARISONS,
  ['and', fn([REFLECT, REFLECT], nothing, { variadic: true, lazy: 'and' })],
  ['or', fn([REFLECT, REFLECT], nothing, { variadic: true, lazy: 'or' })],
  ['not', fn([REFLECT], (value) => bool(!isTrue(value)))],
  [
    'call',
    fn([REFLECT, REFLECT], (name, value) => call(name, value), { variadic: true, named: true }),
  ],
  ['html', escaping(escapeHtml)],
  ['js', escaping(escapeJs)],
  ['urlquery', escaping(escapeQuery)],
  ['index', fn([REFLECT, REFLECT], index, { variadic: true })],
  ['slice', fn([REFLECT, REFLECT], slice, { variadic: true })],
  ['len', fn([REFLECT], length)],
  ['print', fn([ANY], (...args) => string(sprint(args)), { variadic: true })],
  ['println', fn([ANY], (...args) => string(sprintln(args)), { variadic: true })],
  [
    'printf',
    fn([STRING, ANY], (format, ...args) => string(sprintf(text(format), args)), {
      variadic: true,
    }),
  ],
])
