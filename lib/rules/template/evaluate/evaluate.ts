/** Pipelines to values, by the rules of Go's text/template with missingkey=zero. */
import {
  COMPLEX128,
  bool,
  float,
  indirect,
  int,
  string,
  unboxed,
  zeroOf,
  type Value,
} from '../value/value.ts'
import { nodeText, type Command, type NumberNode, type Operand, type Pipe } from '../parse/ast.ts'
import { callFunction, type Final } from './call.ts'
import type { Evaluation, Frame } from './frame.ts'

type Got = Value | undefined

/** Variables that it declares stay until the end of the block. */
export function* evaluatePipe(frame: Frame, dot: Got, pipe: Pipe | undefined): Evaluation<Got> {
  if (pipe === undefined) return undefined
  frame.at(pipe)
  let final: Final = undefined
  for (const command of pipe.commands) {
    frame.step()
    final = { value: unboxed(yield* evaluateCommand(frame, dot, command, final)) }
  }
  const value = final?.value
  for (const { name } of pipe.variables) {
    if (pipe.assigns) frame.assign(name, value)
    else frame.declare(name, value)
  }
  return value
}

function* evaluateCommand(frame: Frame, dot: Got, command: Command, final: Final): Evaluation<Got> {
  const { args } = command
  const first = args[0]!
  switch (first.type) {
    case 'field':
    case 'chain':
      return yield* evaluateFields(frame, dot, first, args, final)
    case 'variable':
      if (first.fields.length > 0) return yield* evaluateFields(frame, dot, first, args, final)
      frame.at(first)
      return plain(frame.variable(first.name))
    case 'function':
      frame.at(first)
      return yield* callNamed(frame, dot, first.name, command, args, final)
    case 'pipe':
      plain(undefined)
      return yield* evaluatePipe(frame, dot, first)
    default:
      frame.at(first)
      plain(undefined)
      if (first.type === 'nil') frame.fail('nil is not a command')
      return first.type === 'dot' ? dot : constant(frame, first)
  }

  /** Not a function, so nothing may be given to it. */
  function plain(value: Got): Got {
    if (args.length > 1 || final !== undefined) {
      frame.fail("can't give argument to non-function %s", nodeText(first))
    }
    return value
  }
}

/** `.a.b`, `$x.a.b`, `(pipe).a.b`: only the last may be a method with arguments. */
function* evaluateFields(
  frame: Frame,
  dot: Got,
  node: Extract<Operand, { type: 'field' | 'variable' | 'chain' }>,
  args: readonly Operand[],
  final: Final,
): Evaluation<Got> {
  frame.at(node)
  let receiver = dot
  if (node.type === 'variable') receiver = frame.variable(node.name)
  if (node.type === 'chain') {
    if (node.of.type === 'nil') {
      frame.fail('indirection through explicit nil in %s', nodeText(node))
    }
    receiver = yield* evaluateOperand(frame, dot, node.of)
  }
  const names = node.type === 'variable' ? node.fields : node.names
  const last = names.length - 1
  for (let i = 0; i < last; i++) {
    receiver = yield* evaluateField(frame, dot, names[i]!, node, [], undefined, receiver)
  }
  return yield* evaluateField(frame, dot, names[last]!, node, args, final, receiver)
}

function* evaluateField(
  frame: Frame,
  dot: Got,
  name: string,
  node: Operand,
  args: readonly Operand[],
  final: Final,
  receiver: Got,
): Evaluation<Got> {
  if (receiver === undefined) return undefined
  const { type } = receiver
  const { value, nil } = indirect(receiver)
  if (value!.type.kind === 'interface') frame.fail('nil pointer evaluating %s.%s', type.name, name)
  const method = findMethod(receiver, value!, name)
  if (method !== undefined) {
    return yield* callFunction(
      frame,
      operands(frame, dot),
      method,
      name,
      node,
      args.slice(1),
      final,
    )
  }
  const hasArguments = args.length > 1 || final !== undefined
  const at = value!
  switch (at.type.kind) {
    case 'struct': {
      const field = at.type.fields!.find((each) => each.name === name)
      if (field === undefined) break
      if (!/^\p{Lu}/u.test(name)) {
        frame.fail('%s is an unexported field of struct type %s', name, type.name)
      }
      if (hasArguments) frame.fail('%s has arguments but cannot be invoked as function', name)
      return field.get(at)
    }
    case 'map': {
      if (hasArguments) frame.fail('%s is not a method but has arguments', name)
      const found = (at.data as ReadonlyMap<string, Value> | undefined)?.get(name)
      return found ?? zeroOf(at.type.elem!)
    }
    case 'pointer': {
      const { fields } = at.type.elem!
      if (fields !== undefined && !fields.some((each) => each.name === name)) break
      if (nil) frame.fail('nil pointer evaluating %s.%s', type.name, name)
      break
    }
    default:
  }
  return frame.fail("can't evaluate field %s in type %s", name, type.name)
}

/** Bound to its receiver; one of a pointer is looked for first. */
function findMethod(receiver: Value, target: Value, name: string) {
  const outer = unboxed(receiver)!
  for (const self of [outer, target]) {
    const method = self.type.methods?.get(name)
    if (method !== undefined) {
      return { ...method, call: (...args: Got[]) => method.call(self, ...args) }
    }
  }
  return undefined
}

function operands(frame: Frame, dot: Got): (operand: Operand) => Evaluation<Got> {
  return (operand) => evaluateOperand(frame, dot, operand)
}

function* callNamed(
  frame: Frame,
  dot: Got,
  name: string,
  node: Command | Operand,
  args: readonly Operand[],
  final: Final,
): Evaluation<Got> {
  const callable = frame.run.functions(name)!
  return yield* callFunction(
    frame,
    operands(frame, dot),
    callable,
    name,
    node,
    args.slice(1),
    final,
  )
}

/** An argument where anything may stand: what Go gives to a parameter of type any. */
function* evaluateOperand(frame: Frame, dot: Got, node: Operand): Evaluation<Got> {
  frame.at(node)
  switch (node.type) {
    case 'dot':
      return dot
    case 'field':
    case 'chain':
      return yield* evaluateFields(frame, dot, node, [], undefined)
    case 'variable':
      if (node.fields.length === 0) return frame.variable(node.name)
      return yield* evaluateFields(frame, dot, node, [], undefined)
    case 'pipe':
      return yield* evaluatePipe(frame, dot, node)
    case 'function':
      return yield* callNamed(frame, dot, node.name, node, [], undefined)
    default:
      return constant(frame, node)
  }
}

/** A literal where nobody says which type it should have: its own look decides. */
function constant(frame: Frame, node: Operand): Got {
  frame.at(node)
  switch (node.type) {
    case 'bool':
      return bool(node.value)
    case 'string':
      return string(node.value)
    case 'number':
      return numberConstant(frame, node)
    default:
      return undefined
  }
}

function numberConstant(frame: Frame, node: NumberNode): Got {
  const { text } = node
  if (node.complex !== undefined) return { type: COMPLEX128, data: node.complex }
  const hex = /^0[xX]./.test(text) && !/[pP]/.test(text)
  if (node.float !== undefined && !hex && !text.startsWith("'") && /[.eEpP]/.test(text)) {
    return float(node.float)
  }
  if (node.int !== undefined) return int(node.int)
  return frame.fail('%s overflows int', text)
}
