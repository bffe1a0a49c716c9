/** Going over a tree: its children, every node, every selector, and a changed copy. */
import type { Expr, MatrixSelector, VectorSelector } from './ast.ts'

/** The expressions an expression is made of, in the order they are evaluated. A range selector holds its selector. */
export function children(expr: Expr): readonly Expr[] {
  switch (expr.type) {
    case 'number':
    case 'string':
    case 'vector':
      return []
    case 'matrix':
      return [expr.selector]
    case 'subquery':
    case 'unary':
    case 'paren':
      return [expr.input]
    case 'aggregation':
      return expr.param === undefined ? [expr.input] : [expr.input, expr.param]
    case 'call':
      return expr.args
    case 'binary':
      return [expr.left, expr.right]
    default:
      return expr satisfies never
  }
}

/** Parents before children. `ancestors` goes from the root to the parent and is only valid during the call. */
export function visit(
  expr: Expr,
  see: (node: Expr, ancestors: readonly Expr[]) => void,
  ancestors: Expr[] = [],
): void {
  see(expr, ancestors)
  ancestors.push(expr)
  for (const child of children(expr)) visit(child, see, ancestors)
  ancestors.pop()
}

export interface FoundSelector {
  readonly selector: VectorSelector
  /** The range selector around it, if there is one. */
  readonly matrix: MatrixSelector | undefined
  /** From the root down, without `matrix`. */
  readonly ancestors: readonly Expr[]
}

/** Every selector of the expression, from left to right. */
export function findSelectors(expr: Expr): FoundSelector[] {
  const found: FoundSelector[] = []
  visit(expr, (node, ancestors) => {
    if (node.type !== 'vector') return
    const parent = ancestors.at(-1)
    found.push(
      parent?.type === 'matrix'
        ? { selector: node, matrix: parent, ancestors: ancestors.slice(0, -1) }
        : { selector: node, matrix: undefined, ancestors: ancestors.slice() },
    )
  })
  return found
}

/**
 * A copy in which every node is what `change` makes of it, children first. A part in which nothing changes is not
 * copied. The selector of a range selector must stay a selector.
 */
export function mapExpr(expr: Expr, change: (node: Expr) => Expr): Expr {
  return change(mapChildren(expr, (child) => mapExpr(child, change)))
}

/** The node itself with other children; the same node when none of them changed. */
export function mapChildren(expr: Expr, change: (child: Expr) => Expr): Expr {
  switch (expr.type) {
    case 'number':
    case 'string':
    case 'vector':
      return expr
    case 'matrix': {
      const selector = change(expr.selector)
      if (selector === expr.selector) return expr
      if (selector.type !== 'vector') throw new TypeError(`bug: a range over a ${selector.type}`)
      return { ...expr, selector }
    }
    case 'subquery':
    case 'unary':
    case 'paren': {
      const input = change(expr.input)
      return input === expr.input ? expr : { ...expr, input }
    }
    case 'aggregation': {
      const input = change(expr.input)
      const param = expr.param && change(expr.param)
      return input === expr.input && param === expr.param ? expr : { ...expr, input, param }
    }
    case 'call': {
      const args = expr.args.map(change)
      return args.every((arg, i) => arg === expr.args[i]) ? expr : { ...expr, args }
    }
    case 'binary': {
      const left = change(expr.left)
      const right = change(expr.right)
      return left === expr.left && right === expr.right ? expr : { ...expr, left, right }
    }
    default:
      return expr satisfies never
  }
}
