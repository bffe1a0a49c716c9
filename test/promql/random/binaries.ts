/** Random binary operations: between vectors with every kind of matching, with scalars, and between scalars. */
import type { BinaryOp } from '#lib/promql/parse/ast.ts'
import { grouping } from './aggregations.ts'
import { type Kind, LABEL_NAMES, metricsOf } from './catalogue.ts'
import type { Grammar } from './generate.ts'
import { selectorOf } from './selectors.ts'

const ARITHMETIC: readonly BinaryOp[] = ['+', '-', '*', '/', '%', '^', 'atan2']
const COMPARISON: readonly BinaryOp[] = ['==', '!=', '<', '<=', '>', '>=']
const TRIM: readonly BinaryOp[] = ['</', '>/']
const SET: readonly BinaryOp[] = ['and', 'or', 'unless']

/** All but the operators between sets, which only vectors have. */
function operator({ random }: Grammar, kind: Kind): string {
  const op = random.weighted([
    [4, random.pick(ARITHMETIC)],
    [3, random.pick(COMPARISON)],
    [kind === 'float' ? 0.05 : 2, random.pick(TRIM)],
  ])
  return COMPARISON.includes(op) && random.chance(0.4) ? `${op} bool` : op
}

export function scalarBinary(all: Grammar, depth: number): string {
  const { random } = all
  const op = random.pick([...ARITHMETIC, ...COMPARISON])
  const written = COMPARISON.includes(op) ? `${op} bool` : op
  return `(${all.scalar(depth - 1)} ${written} ${all.scalar(depth - 1)})`
}

export function binary(all: Grammar, depth: number, kind: Kind): string {
  const { random } = all
  const shape = random.weighted([
    [3, withScalar],
    [3, withItself],
    [2, withTarget],
    [2, setOperation],
    [2, anyTwo],
  ])
  return shape(all, depth, kind)
}

function withScalar(all: Grammar, depth: number, kind: Kind): string {
  const vector = parenthesised(all, depth - 1, kind)
  const scalar = all.scalar(depth - 1)
  const op = operator(all, kind)
  return all.random.chance(0.7) ? `${vector} ${op} ${scalar}` : `${scalar} ${op} ${vector}`
}

/** Two sides that come from the same text, so that their series match. */
function withItself(all: Grammar, depth: number, kind: Kind): string {
  const { random } = all
  const input = all.vector(depth - 1, kind)
  const other = random.pick<() => string>([
    () => `(${input})`,
    () => `(${input}) > 0`,
    () => `abs(${input})`,
    () => `topk(2, ${input})`,
  ])()
  const matching = random.chance(0.3) ? ` ignoring (${grouping(all)})` : ''
  const op = operator(all, kind)
  return `(${input}) ${op}${matching}${fill(all)} (${other})`
}

/** Many series joined with one for each target, or both sides grouped alike. */
function withTarget(all: Grammar, depth: number, kind: Kind): string {
  const { random } = all
  const on = random.chance(0.7) ? 'job, instance' : 'instance, job'
  const many = parenthesised(all, depth - 1, kind)
  const metric = random.pick(all.dataset.metrics.filter(({ perTarget }) => perTarget))
  const one = random.chance(0.6)
    ? selectorOf(random, metric)
    : `${random.pick(['sum', 'max', 'count'])} by (${on}) (${all.vector(depth - 1, kind)})`
  const include = random
    .some(
      LABEL_NAMES.filter((name) => !on.includes(name)),
      2,
    )
    .map(written)
  const op = operator(all, kind)
  // By what is not given, the labels of the "one" side are those it has.
  const matching = random.chance(0.8)
    ? `on (${on})`
    : `ignoring (${LABEL_NAMES.filter((name) => !on.includes(name))
        .map(written)
        .join(', ')})`
  // What follows group_right may begin with a parenthesis, which would be taken for its labels.
  const group = (side: 'left' | 'right'): string =>
    side === 'left' && include.length === 0 && random.chance(0.3)
      ? `${matching} group_left`
      : `${matching} group_${side} (${include.join(', ')})`
  return random.chance(0.7)
    ? `${many} ${op} ${group('left')}${fill(all)} ${one}`
    : `${one} ${op} ${group('right')}${fill(all)} ${many}`
}

function written(name: string): string {
  return /^\w+$/.test(name) ? name : JSON.stringify(name)
}

/** Without parentheses: which operand belongs to which operator is the parser's to say. */
export function chain(all: Grammar, kind: Kind): string {
  const { random } = all
  const operands = Array.from({ length: 3 + random.below(2) }, (_, i) =>
    i === 0 || random.chance(0.3)
      ? selectorOf(random, random.pick(metricsOf(all.dataset, kind)))
      : random.pick(['2', '0.5', '-1', '3', '10']),
  )
  const operators = [...ARITHMETIC, '>', '<=', '!=']
  return operands.reduce((text, operand) => `${text} ${random.pick(operators)} ${operand}`)
}

function setOperation(all: Grammar, depth: number, kind: Kind): string {
  const { random } = all
  const left = parenthesised(all, depth - 1, kind)
  const right = parenthesised(all, depth - 1, random.chance(0.5) ? 'any' : kind)
  return `${left} ${random.pick(SET)}${matchingLabels(all)} ${right}`
}

function anyTwo(all: Grammar, depth: number, kind: Kind): string {
  const left = parenthesised(all, depth - 1, kind)
  const right = parenthesised(all, depth - 1, kind)
  return `${left} ${operator(all, kind)}${matchingLabels(all)}${fill(all)} ${right}`
}

function matchingLabels(all: Grammar): string {
  return all.random.weighted<() => string>([
    [2, () => ''],
    [2, () => ` on (${grouping(all)})`],
    [1, () => ` ignoring (${grouping(all)})`],
  ])()
}

function fill({ random }: Grammar): string {
  if (!random.chance(0.15)) return ''
  const value = (): string => random.pick(['0', '1', '-2.5', 'NaN', 'Inf', '-Inf'])
  return random.pick([
    ` fill(${value()})`,
    ` fill_left(${value()})`,
    ` fill_right(${value()})`,
    ` fill_left(${value()}) fill_right(${value()})`,
  ])
}

function parenthesised(all: Grammar, depth: number, kind: Kind): string {
  const vector = all.vector(depth, kind)
  return depth > 0 ? `(${vector})` : vector
}
