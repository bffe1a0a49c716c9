/** Calls: counting arguments, giving each its type, and what comes back. */
import {
  ANY,
  GoError,
  STRING,
  bool,
  canBeNil,
  float,
  isSigned,
  isTrue,
  string,
  zeroOf,
  type Callable,
  type GoType,
  type Value,
} from '../value/value.ts'
import { nodeText, type Command, type Operand } from '../parse/ast.ts'
import type { Evaluation, Frame } from './frame.ts'

/** What the command before it in the pipeline gave; undefined where it is the first. */
export type Final = { readonly value: Value | undefined } | undefined

type Got = Value | undefined

/** An operand where anything may stand. */
type Evaluate = (operand: Operand) => Evaluation<Got>

/** `node` is what an error of the function itself is at. */
export function* callFunction(
  frame: Frame,
  evaluate: Evaluate,
  callable: Callable,
  name: string,
  node: Command | Operand,
  args: readonly Operand[],
  final: Final,
): Evaluation<Got> {
  const { params } = callable
  const count = args.length + (final === undefined ? 0 : 1)
  const fixed = callable.variadic ? params.length - 1 : params.length
  if (callable.variadic && count < fixed) {
    const counts = [fixed, args.length]
    frame.fail('wrong number of args for %s: want at least %d got %d', name, ...counts)
  }
  if (!callable.variadic && count !== fixed) {
    frame.fail('wrong number of args for %s: want %d got %d', name, fixed, count)
  }
  if (callable.refused !== undefined) frame.fail('%v', callable.refused)
  if (callable.lazy !== undefined) {
    return yield* firstThatDecides(evaluate, callable.lazy, args, final)
  }
  const typeOf = (i: number): GoType => params[Math.min(i, params.length - 1)]!
  const values: Got[] = []
  for (const [i, arg] of args.entries()) {
    values.push(yield* evaluateArgument(frame, evaluate, typeOf(i), arg))
  }
  if (final !== undefined) values.push(convert(frame, final.value, typeOf(args.length)))
  if (callable.named) values.unshift(string(calleeText(args, final)))
  for (const value of values) frame.stepFor(value)
  if (callable.steps !== undefined) frame.step(callable.steps(...values))
  let result: Got
  try {
    const called = callable.call(...values)
    if (called !== undefined && 'query' in called) result = called.answer(yield called)
    else result = called
  } catch (error) {
    if (!(error instanceof GoError)) throw error
    frame.at(node)
    frame.fail('error calling %s: %w', name, error.message)
  }
  if (result?.type.kind === 'string') frame.checkSize(result.data as string)
  frame.stepFor(result)
  return result
}

/** `and` and `or` evaluate no more than they need. */
function* firstThatDecides(
  evaluate: Evaluate,
  which: 'and' | 'or',
  args: readonly Operand[],
  final: Final,
): Evaluation<Got> {
  let value: Got
  for (const arg of args) {
    value = yield* evaluate(arg)
    if (isTrue(value) === (which === 'or')) return value
  }
  return final === undefined ? value : final.value
}

/** An operand as a value of the type that a parameter has. */
function* evaluateArgument(
  frame: Frame,
  evaluate: Evaluate,
  type: GoType,
  arg: Operand,
): Evaluation<Got> {
  frame.at(arg)
  switch (arg.type) {
    case 'nil':
      if (!canBeNil(type)) frame.fail('cannot assign nil to %s', type.name)
      return type.kind === 'reflect' || type === ANY ? undefined : zeroOf(type)
    case 'bool':
    case 'number':
    case 'string':
      return yield* evaluateLiteral(frame, evaluate, type, arg)
    default:
      return convert(frame, yield* evaluate(arg), type)
  }
}

function* evaluateLiteral(
  frame: Frame,
  evaluate: Evaluate,
  type: GoType,
  arg: Extract<Operand, { type: 'bool' | 'number' | 'string' }>,
): Evaluation<Got> {
  if (type.kind === 'reflect' || type === ANY) return yield* evaluate(arg)
  if (isSigned(type)) {
    if (arg.type === 'number' && arg.int !== undefined) return { type, data: arg.int }
    frame.fail('expected integer; found %s', nodeText(arg))
  }
  switch (type.kind) {
    case 'bool':
      if (arg.type === 'bool') return bool(arg.value)
      return frame.fail('expected bool; found %s', nodeText(arg))
    case 'string':
      if (arg.type === 'string') return { type, data: arg.value }
      return frame.fail('expected string; found %s', nodeText(arg))
    case 'float64':
      if (arg.type === 'number' && arg.float !== undefined) return float(arg.float)
      return frame.fail('expected float; found %s', nodeText(arg))
    default:
      return frame.fail("can't handle %s for arg of type %s", nodeText(arg), type.name)
  }
}

/** Go assigns a value to its own type and to any; here one pointer or interface may be in between. */
function convert(frame: Frame, value: Got, type: GoType): Got {
  if (type.kind === 'reflect') return value
  if (value === undefined) {
    if (!canBeNil(type)) frame.fail('invalid value; expected %s', type.name)
    return type === ANY ? undefined : zeroOf(type)
  }
  let at = value
  if (at.type.kind === 'interface') {
    if (type === ANY) return at.data as Got
    if (at.data !== undefined) at = at.data as Value
  }
  if (type === ANY || at.type === type) return at
  if (at.type.kind === 'pointer' && at.type.elem === type) {
    if (at.data === undefined) frame.fail('dereference of nil pointer of type %s', type.name)
    return at.data as Value
  }
  return frame.fail('wrong type for value; expected %s; got %s', type.name, at.type.name)
}

/** How `call` calls what it was to call. */
function calleeText(args: readonly Operand[], final: Final): string {
  if (args.length > 0) return nodeText(args[0]!)
  const value = final?.value
  if (value?.type === STRING) return value.data as string
  return value === undefined ? '<invalid Value>' : `<${value.type.name} Value>`
}
