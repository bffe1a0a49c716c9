/** Turns everything that depends on the query's range and step into plain numbers, so that a slice needs no context. */
import { DomainError } from '#lib/model/errors.ts'
import type {
  AtModifier,
  Duration,
  DurationExpr,
  Expr,
  Subquery,
  VectorSelector,
} from '../parse/ast.ts'
import type { EngineOptions } from '../options.ts'
import type { StepGrid } from '../result.ts'
import { unwrapParens } from './expr-facts.ts'
import { power, maximum, minimum } from '../function/float-math.ts'

interface Context {
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
  readonly defaultSubqueryStepMs: number
}

/**
 * `@ start()` and `@ end()`, duration expressions, subquery steps and the functions start(), end(), step(), range().
 * Parentheses around arguments go too: annotations point at what is inside.
 */
export function resolve(expr: Expr, whole: StepGrid, options: EngineOptions): Expr {
  const endMs = whole.endMs ?? whole.startMs + (whole.stepCount - 1) * whole.stepMs
  return resolveIn(expr, {
    startMs: whole.startMs,
    endMs,
    stepMs: whole.stepMs,
    defaultSubqueryStepMs: options.defaultSubqueryStepMs,
  })
}

function resolveIn(expr: Expr, context: Context): Expr {
  switch (expr.type) {
    case 'number':
    case 'string':
      return expr
    case 'vector':
      return resolveSelector(expr, context)
    case 'matrix':
      return {
        ...expr,
        selector: resolveSelector(expr.selector, context),
        range: resolveDuration(expr.range, context, false),
      }
    case 'subquery':
      return resolveSubquery(expr, context)
    case 'aggregation':
      return {
        ...expr,
        input: unwrapParens(resolveIn(expr.input, context)),
        param: expr.param && unwrapParens(resolveIn(expr.param, context)),
      }
    case 'call': {
      const value = contextFunction(expr.func, context)
      if (value !== undefined) {
        return { type: 'number', value, duration: false, position: expr.position }
      }
      return { ...expr, args: expr.args.map((arg) => unwrapParens(resolveIn(arg, context))) }
    }
    case 'binary':
      return {
        ...expr,
        left: resolveIn(expr.left, context),
        right: resolveIn(expr.right, context),
      }
    case 'unary':
    case 'paren':
      return { ...expr, input: resolveIn(expr.input, context) }
    default:
      return expr satisfies never
  }
}

function contextFunction(func: string, context: Context): number | undefined {
  const { startMs, endMs, stepMs } = context
  if (func === 'start') return startMs / 1000
  if (func === 'end') return endMs / 1000
  if (func === 'range') return (endMs - startMs) / 1000
  if (func === 'step') return startMs === endMs ? 0 : stepMs / 1000
  return undefined
}

function resolveSelector(selector: VectorSelector, context: Context): VectorSelector {
  return {
    ...selector,
    at: resolveAt(selector.at, context),
    offset: resolveDuration(selector.offset, context, true),
  }
}

function resolveSubquery(subquery: Subquery, context: Context): Subquery {
  const step = subquery.step ?? { ms: context.defaultSubqueryStepMs, expr: undefined }
  return {
    ...subquery,
    input: resolveIn(subquery.input, context),
    offset: resolveDuration(subquery.offset, context, true),
    step: resolveDuration(step, context, false),
    range: resolveDuration(subquery.range, context, false),
    at: resolveAt(subquery.at, context),
  }
}

function resolveAt(at: AtModifier | undefined, context: Context): AtModifier | undefined {
  if (!at || at.type === 'timestamp') return at
  return { type: 'timestamp', ms: at.type === 'start' ? context.startMs : context.endMs }
}

function resolveDuration(duration: Duration, context: Context, mayBeNegative: boolean): Duration {
  const { expr } = duration
  if (!expr) return duration
  const seconds = durationValue(expr, context)
  if (!Number.isFinite(seconds)) throw durationError(expr, 'duration is NaN or infinite')
  if (seconds <= 0 && !mayBeNegative) {
    throw durationError(expr, 'duration must be greater than 0')
  }
  if (Math.abs(seconds) > 2 ** 63 / 1e9) throw durationError(expr, 'duration is out of range')
  return { ms: Math.trunc(seconds * 1000), expr: undefined }
}

function durationValue(expr: DurationExpr, context: Context): number {
  switch (expr.type) {
    case 'duration':
      return expr.seconds
    case 'duration-paren':
      return durationValue(expr.input, context)
    case 'duration-unary': {
      const value = durationValue(expr.input, context)
      return expr.op === '-' ? -value : value
    }
    case 'duration-call':
      return (expr.func === 'step' ? context.stepMs : context.endMs - context.startMs) / 1000
    case 'duration-binary': {
      const left = durationValue(expr.left, context)
      const right = durationValue(expr.right, context)
      switch (expr.op) {
        case '+':
          return left + right
        case '-':
          return left - right
        case '*':
          return left * right
        case '/':
          if (right === 0) throw durationError(expr, 'division by zero')
          return left / right
        case '%':
          if (right === 0) throw durationError(expr, 'modulo by zero')
          return left % right
        case '^':
          return power(left, right)
        case 'min_of':
          return minimum(left, right)
        case 'max_of':
          return maximum(left, right)
        default:
          return expr satisfies never
      }
    }
    default:
      return expr satisfies never
  }
}

function durationError(expr: DurationExpr, reason: string): DomainError {
  return new DomainError(
    'invalid',
    `${bareEdge(expr, 'start')}:${bareEdge(expr, 'end')}: ${reason}`,
  )
}

/** Where the first operand starts or the last one ends, which for Prometheus is inside of parentheses, those of min_of() included. */
function bareEdge(expr: DurationExpr, edge: 'start' | 'end'): number {
  if (expr.type === 'duration-paren') return bareEdge(expr.input, edge)
  if (expr.type !== 'duration-binary') return expr.position[edge]
  return bareEdge(edge === 'start' ? expr.left : expr.right, edge)
}
