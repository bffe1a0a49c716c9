/** The rules that need types: what may be an argument, an operand, an aggregated or a range expression. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import { compileMatcher } from '#lib/regex/matcher.ts'
import type { Binary, Call, Expr, ValueType, VectorMatching, VectorSelector } from './ast.ts'
import { FUNCTIONS } from './functions.ts'
import { quoteText } from './literals.ts'
import { ParseError } from './parse-error.ts'
import { isSpace } from './scan.ts'
import { typeOf } from './type.ts'

/** Words for types in errors. */
export function describeType(type: ValueType): string {
  return type === 'vector' ? 'instant vector' : type === 'matrix' ? 'range vector' : type
}

/**
 * Throws the first error in Prometheus's order. Returns the same tree, its own nodes now finished: the
 * grammar gives every operator a `matching`, which is taken away or made many-to-many here.
 */
export function checkExpr(expr: Expr, text: string): Expr {
  new Checker(text).check(expr)
  return expr
}

const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>='])
const SET_OPERATORS = new Set(['and', 'or', 'unless'])

class Checker {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  check(expr: Expr, emptySelectorAllowed = false): ValueType {
    switch (expr.type) {
      case 'number':
        return 'scalar'
      case 'string':
        return 'string'
      case 'vector':
        this.#selector(expr, emptySelectorAllowed)
        return 'vector'
      case 'matrix':
        this.#selector(expr.selector, false)
        return 'matrix'
      case 'subquery': {
        const type = this.check(expr.input)
        if (type !== 'vector') {
          this.#fail(expr, `subquery is only allowed on instant vector, got ${type} instead`)
        }
        return 'matrix'
      }
      case 'paren':
        return this.check(expr.input)
      case 'unary': {
        const type = this.check(expr.input)
        if (type !== 'scalar' && type !== 'vector') {
          this.#fail(
            expr,
            `unary expression only allowed on expressions of type scalar or instant vector, got "${describeType(type)}"`,
          )
        }
        return type
      }
      case 'aggregation':
        this.#expect(expr.input, 'vector', 'aggregation expression')
        if (expr.param !== undefined) {
          const type = expr.op === 'count_values' ? 'string' : 'scalar'
          this.#expect(expr.param, type, 'aggregation parameter')
        }
        return 'vector'
      case 'call':
        return this.#call(expr)
      case 'binary':
        return this.#binary(expr)
      default:
        return expr satisfies never
    }
  }

  #expect(expr: Expr, wanted: ValueType, context: string): void {
    const type = this.check(expr)
    if (type === wanted) return
    this.#fail(
      expr,
      `expected type ${describeType(wanted)} in ${context}, got ${describeType(type)}`,
    )
  }

  #call(call: Call): ValueType {
    const { name, argTypes, variadic, returnType } = FUNCTIONS.get(call.func)!
    const count = call.args.length
    const declared = argTypes.length
    if (variadic === 0) {
      if (count !== declared) {
        this.#fail(call, `expected ${declared} argument(s) in call to "${name}", got ${count}`)
      }
    } else if (count < declared - 1) {
      this.#fail(
        call,
        `expected at least ${declared - 1} argument(s) in call to "${name}", got ${count}`,
      )
    } else if (variadic > 0 && count > declared - 1 + variadic) {
      const most = declared - 1 + variadic
      this.#fail(call, `expected at most ${most} argument(s) in call to "${name}", got ${count}`)
    }
    if (name === 'info' && count > 1) this.#infoSelector(call, call.args[1]!)
    call.args.forEach((arg, i) => {
      const wanted = argTypes[Math.min(i, declared - 1)]!
      const type = this.check(arg, name === 'info' && i === 1)
      if (type === wanted) return
      this.#fail(
        arg,
        `expected type ${describeType(wanted)} in call to function "${name}", got ${describeType(type)}`,
      )
    })
    return returnType
  }

  #infoSelector(call: Call, selector: Expr): void {
    const type = typeOf(selector)
    if (type !== 'vector') {
      this.#fail(
        call,
        `expected type instant vector in call to function "info", got ${describeType(type)}`,
      )
    }
    if (selector.type !== 'vector') this.#fail(selector, 'expected label selectors only')
    if (selector.type === 'vector' && selector.name !== '') {
      this.#fail(selector, 'expected label selectors only, got vector selector instead')
    }
  }

  #binary(binary: Binary): ValueType {
    const { op, left, right, returnBool } = binary
    const leftType = this.check(left)
    const rightType = this.check(right)
    const comparison = COMPARISONS.has(op)
    const setOperator = SET_OPERATORS.has(op)
    const matching = binary.matching!
    if (returnBool && !comparison) {
      this.#failAt(
        this.#operatorStart(left),
        'bool modifier can only be used on comparison operators',
      )
    }
    if (comparison && !returnBool && leftType === 'scalar' && rightType === 'scalar') {
      this.#failAt(this.#operatorStart(left), 'comparisons between scalars must use BOOL modifier')
    }
    const twice = matching.on && matching.labels.find((label) => matching.include.includes(label))
    if (typeof twice === 'string') {
      this.#failAt(
        this.#operatorStart(left),
        `label ${quoteText(twice)} must not occur in ON and GROUP clause at once`,
      )
    }
    for (const [side, type] of [
      [left, leftType],
      [right, rightType],
    ] as const) {
      if (type !== 'scalar' && type !== 'vector') {
        this.#fail(side, 'binary expression must contain only scalar and instant vector types')
      }
    }
    const filled = matching.fillLeft !== undefined || matching.fillRight !== undefined
    const bothVectors = leftType === 'vector' && rightType === 'vector'
    if (!bothVectors) {
      if (matching.labels.length > 0) {
        this.#fail(binary, 'vector matching only allowed between instant vectors')
      }
      if (filled) {
        this.#fail(binary, 'filling in missing series only allowed between instant vectors')
      }
      if (setOperator) {
        this.#fail(binary, `set operator "${op}" not allowed in binary scalar expression`)
      }
    } else if (setOperator) {
      if (matching.card !== 'one-to-one') {
        this.#fail(binary, `no grouping allowed for "${op}" operation`)
      }
      if (filled) this.#fail(binary, 'filling in missing series not allowed for set operators')
    }
    finish(binary, bothVectors, setOperator)
    return leftType === 'scalar' && rightType === 'scalar' ? 'scalar' : 'vector'
  }

  #selector(selector: VectorSelector, emptyAllowed: boolean): void {
    const { name, matchers } = selector
    if (name !== '') {
      const other = matchers.slice(0, -1).find((matcher) => matcher.name === METRIC_NAME)
      if (other !== undefined) {
        this.#fail(
          selector,
          `metric name must not be set twice: ${quoteText(name)} or ${quoteText(other.value)}`,
        )
      }
      return
    }
    if (emptyAllowed || matchers.some((matcher) => !compileMatcher(matcher).matchesEmpty)) return
    this.#fail(selector, 'vector selector must contain at least one non-empty matcher')
  }

  /** Where the operator is, or whatever else follows the left side. */
  #operatorStart(left: Expr): number {
    let at = left.position.end
    while (isSpace(this.#text.charCodeAt(at))) at++
    return at
  }

  #fail(expr: Expr, reason: string): never {
    return this.#failAt(expr.position.start, reason)
  }

  #failAt(position: number, reason: string): never {
    throw new ParseError(this.#text, position, reason)
  }
}

/** The one place where a node of the tree is written after it was made: no one else has seen it yet. */
function finish(binary: Binary, bothVectors: boolean, setOperator: boolean): void {
  const node = binary as { matching: VectorMatching | undefined }
  if (!bothVectors) node.matching = undefined
  else if (setOperator) node.matching = { ...binary.matching!, card: 'many-to-many' }
}
