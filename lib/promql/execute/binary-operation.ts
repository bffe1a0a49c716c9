/** One binary operation on two samples, of floats and histograms in any mix. */
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { Binary, BinaryOp } from '../parse/ast.ts'
import { power } from '../function/float-math.ts'
import { atan2 } from '../function/trigonometry.ts'
import { equalHistograms } from '../histogram/equal.ts'
import { addHistograms, subtractHistograms } from '../histogram/arithmetic.ts'
import { trimHistogram } from '../histogram/trim.ts'
import {
  compactHistogram,
  divideHistogram,
  GAUGE,
  scaleHistogram,
} from '../histogram/working-histogram.ts'
import type { Annotation, AnnotationKind } from './annotation-set.ts'
import type { Evaluation } from './evaluation.ts'

/** The result of the last `apply`. Reused. */
export interface Outcome {
  value: number
  histogram: FloatHistogram | undefined
  /** A comparison that held, or any other operation that has a result. */
  keep: boolean
  /** The operation is not defined for these types; nothing comes out, not even for `bool`. */
  failed: boolean
}

export function isComparison(op: BinaryOp): boolean {
  switch (op) {
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return true
    default:
      return false
  }
}

/** Trims and comparisons leave the metric what it is. */
export function changesMetric(op: BinaryOp): boolean {
  return !isComparison(op) && op !== '</' && op !== '>/'
}

/** Arithmetic gives the result; a comparison 1 or 0. */
export function scalarFunction(op: BinaryOp): (a: number, b: number) => number {
  switch (op) {
    case '+':
      return (a, b) => a + b
    case '-':
      return (a, b) => a - b
    case '*':
      return (a, b) => a * b
    case '/':
      return (a, b) => a / b
    case '%':
      return (a, b) => a % b
    case '^':
      return power
    case 'atan2':
      return atan2
    case '==':
      return (a, b) => Number(a === b)
    case '!=':
      return (a, b) => Number(a !== b)
    case '<':
      return (a, b) => Number(a < b)
    case '<=':
      return (a, b) => Number(a <= b)
    case '>':
      return (a, b) => Number(a > b)
    case '>=':
      return (a, b) => Number(a >= b)
    case '</':
    case '>/':
    case 'and':
    case 'or':
    case 'unless':
      throw new Error(`bug: ${op} on floats`)
    default:
      return op satisfies never
  }
}

interface Report extends Annotation {
  readonly order: number
}

export class BinaryOperation {
  readonly outcome: Outcome = { value: 0, histogram: undefined, keep: false, failed: false }
  readonly #op: BinaryOp
  readonly #float: ((a: number, b: number) => number) | undefined
  readonly #filter: boolean
  readonly #expr: Binary
  readonly #reports = new Map<number, Report>()
  #step = 0
  #order = 0

  constructor(evaluation: Evaluation, expr: Binary) {
    this.#op = expr.op
    this.#filter = isComparison(expr.op)
    this.#float = expr.op === '</' || expr.op === '>/' ? undefined : scalarFunction(expr.op)
    this.#expr = expr
    evaluation.annotations.later(() => this.#reports.values())
  }

  /** Where the next `apply` is: `order` is the place of its samples among all of the step. */
  at(step: number, order: number): void {
    this.#step = step
    this.#order = order
  }

  /** A filter's value is its left side. */
  apply(
    left: number,
    right: number,
    leftHistogram: FloatHistogram | undefined,
    rightHistogram: FloatHistogram | undefined,
  ): void {
    const { outcome } = this
    outcome.histogram = undefined
    outcome.failed = false
    if (leftHistogram || rightHistogram || !this.#float) {
      this.#applyHistograms(left, right, leftHistogram, rightHistogram)
      return
    }
    const result = this.#float(left, right)
    outcome.keep = this.#filter ? result === 1 : true
    outcome.value = this.#filter ? left : result
  }

  #applyHistograms(
    left: number,
    right: number,
    a: FloatHistogram | undefined,
    b: FloatHistogram | undefined,
  ): void {
    const { outcome } = this
    const op = this.#op
    outcome.value = 0
    outcome.keep = true
    if (a && b) {
      if (op === '+' || op === '-') {
        this.#combine(a, b)
        return
      }
      if (op === '==' || op === '!=') {
        outcome.histogram = a
        outcome.keep = equalHistograms(a, b) === (op === '==')
        return
      }
    } else {
      outcome.histogram = withFloat(op, a, b, a ? right : left)
      if (outcome.histogram) return
    }
    this.#fail()
    const types = [a, b].map((side) => (side ? 'histogram' : 'float'))
    this.#report(
      'info',
      `incompatible sample types encountered for binary operator "${op}": ${types[0]} ${op} ${types[1]}`,
    )
  }

  /** Of all that an operation has to say at a step, Prometheus keeps what it says last. */
  #report(kind: AnnotationKind, text: string): void {
    const last = this.#reports.get(this.#step)
    if (last && last.order > this.#order) return
    this.#reports.set(this.#step, { order: this.#order, kind, text, position: this.#expr.position })
  }

  #combine(a: FloatHistogram, b: FloatHistogram): void {
    const { outcome } = this
    const adding = this.#op === '+'
    const combined = adding ? addHistograms(a, b) : subtractHistograms(a, b)
    if (!combined) {
      this.#fail()
      this.#report(
        'warning',
        `incompatible bucket layout encountered for binary operator ${this.#op}`,
      )
      return
    }
    const operation = adding ? 'addition' : 'subtraction'
    if (combined.resetCollision) {
      // Prometheus reports one finding per operation and loses the sample's result here.
      this.#fail()
      this.#report('warning', `conflicting counter resets during histogram ${operation}`)
      return
    }
    if (combined.boundsReconciled) {
      this.#report('info', `mismatched custom buckets were reconciled during ${operation}`)
    }
    const result = compactHistogram(combined.histogram)
    outcome.histogram = adding ? result : { ...result, counterResetHint: GAUGE }
  }

  #fail(): void {
    this.outcome.keep = false
    this.outcome.failed = true
  }
}

/** A histogram and a float; undefined where there is no such operation. */
function withFloat(
  op: BinaryOp,
  left: FloatHistogram | undefined,
  right: FloatHistogram | undefined,
  float: number,
): FloatHistogram | undefined {
  if (right) return op === '*' ? compactHistogram(scaleHistogram(right, float)) : undefined
  if (!left) return undefined
  if (op === '*') return compactHistogram(scaleHistogram(left, float))
  if (op === '/') return compactHistogram(divideHistogram(left, float))
  if (op === '</' || op === '>/') return trimHistogram(left, float, op === '</')
  return undefined
}
