/** Statements: text, actions, branches, loops, and templates called by templates. */
import { printedText } from '../print/printed.ts'
import { sortedKeys } from '../print/printer.ts'
import { indirect, int, isInteger, isTrue, itemsOf, type Value } from '../value/value.ts'
import type { Branch, Call, Statement } from '../parse/ast.ts'
import { evaluatePipe } from './evaluate.ts'
import { Frame, type Evaluation, type Run } from './frame.ts'

type Got = Value | undefined

/** What comes after a statement: the next one, or what its loop makes of it. */
type After = 'next' | 'break' | 'continue'

export function* walkTemplate(run: Run, name: string, dot: Got, depth = 0): Evaluation<void> {
  const frame = new Frame(run, name, dot, depth)
  yield* walk(frame, dot, run.template.bodies.get(name)!)
}

function* walk(frame: Frame, dot: Got, body: readonly Statement[]): Evaluation<After> {
  for (const statement of body) {
    frame.step()
    const after = yield* walkStatement(frame, dot, statement)
    if (after !== 'next') return after
  }
  return 'next'
}

function* walkStatement(frame: Frame, dot: Got, statement: Statement): Evaluation<After> {
  switch (statement.type) {
    case 'text':
      frame.write(statement.text)
      return 'next'
    case 'action': {
      const value = yield* evaluatePipe(frame, dot, statement.pipe)
      if (statement.pipe.variables.length === 0) frame.write(printedText(value))
      return 'next'
    }
    case 'break':
    case 'continue':
      return statement.type
    case 'template':
      yield* walkCall(frame, dot, statement)
      return 'next'
    case 'range':
      return yield* walkRange(frame, dot, statement)
    default:
      return yield* walkCondition(frame, dot, statement)
  }
}

function* walkCondition(frame: Frame, dot: Got, branch: Branch): Evaluation<After> {
  const mark = frame.mark()
  const value = yield* evaluatePipe(frame, dot, branch.pipe)
  let after: After = 'next'
  if (isTrue(value)) after = yield* walk(frame, branch.type === 'with' ? value : dot, branch.body)
  else if (branch.otherwise) after = yield* walk(frame, dot, branch.otherwise)
  frame.forget(mark)
  return after
}

function* walkRange(frame: Frame, dot: Got, branch: Branch): Evaluation<After> {
  const before = frame.mark()
  const { value } = indirect(yield* evaluatePipe(frame, dot, branch.pipe))
  const mark = frame.mark()
  let rounds = 0
  for (const [index, element] of roundsOf(frame, value, branch)) {
    rounds++
    frame.step()
    setVariables(frame, branch, index, element)
    const after = yield* walk(frame, element, branch.body)
    frame.forget(mark)
    if (after === 'break') break
  }
  let after: After = 'next'
  if (rounds === 0 && branch.otherwise) after = yield* walk(frame, dot, branch.otherwise)
  frame.forget(before)
  return after === 'break' ? 'next' : after
}

function* roundsOf(frame: Frame, value: Got, branch: Branch): Generator<[Got, Value]> {
  if (value === undefined) return
  const { type, data } = value
  if (isInteger(type)) {
    if (branch.pipe.variables.length > 1) {
      frame.fail("can't use %v to iterate over more than one variable", value)
    }
    for (let i = 0n; i < (data as bigint); i++) yield [undefined, { type, data: i }]
    return
  }
  switch (type.kind) {
    case 'slice':
      for (const [i, item] of itemsOf(value).entries()) yield [int(i), item]
      return
    case 'map': {
      const map = data as ReadonlyMap<string, Value> | undefined
      for (const key of sortedKeys(map)) yield [{ type: type.key!, data: key }, map!.get(key)!]
      return
    }
    default:
      frame.fail("range can't iterate over %v", value)
  }
}

/** One variable takes the element, two take index and element. */
function setVariables(frame: Frame, { pipe }: Branch, index: Got, element: Value): void {
  const [first, second] = pipe.variables
  if (first === undefined) return
  if (pipe.assigns) {
    frame.assign(first.name, second ? index : element)
    if (second) frame.assign(second.name, element)
    return
  }
  frame.setNewest(1, element)
  if (second) frame.setNewest(2, index)
}

function* walkCall(frame: Frame, dot: Got, call: Call): Evaluation<void> {
  const { run, depth } = frame
  frame.at(call)
  if (!run.template.bodies.has(call.name)) frame.fail('template %q not defined', call.name)
  if (depth === run.limits.depth) {
    frame.fail('exceeded maximum template depth (%v)', run.limits.depth)
  }
  const value = yield* evaluatePipe(frame, dot, call.pipe)
  yield* walkTemplate(run, call.name, value, depth + 1)
}
