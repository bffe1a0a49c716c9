/** Trees back to text: Prometheus's one-line form, and the same broken over lines. */
import { METRIC_NAME } from '#lib/model/labels.ts'
import type { Matcher } from '#lib/model/matcher.ts'
import type {
  Aggregation,
  AtModifier,
  Binary,
  Duration,
  DurationExpr,
  Expr,
  MatrixSelector,
  Subquery,
  VectorSelector,
} from './ast.ts'
import { formatDecimal, formatDuration, formatShortest, quoteText } from './literals.ts'

/** The canonical form: `sum(m)by(a)` is `sum by (a) (m)`. */
export function printExpr(expr: Expr): string {
  switch (expr.type) {
    case 'number':
      return expr.duration ? formatDuration(expr.value * 1000) : formatDecimal(expr.value)
    case 'string':
      return quoteText(expr.value)
    case 'vector':
      return printVector(expr)
    case 'matrix':
      return printMatrix(expr)
    case 'subquery':
      return printExpr(expr.input) + subquerySuffix(expr)
    case 'aggregation': {
      const param = expr.param === undefined ? '' : `${printExpr(expr.param)}, `
      return `${aggregationHead(expr)}(${param}${printExpr(expr.input)})`
    }
    case 'call':
      return `${expr.func}(${expr.args.map(printExpr).join(', ')})`
    case 'binary':
      return `${printExpr(expr.left)} ${operator(expr)} ${printExpr(expr.right)}`
    case 'unary':
      return expr.op + printExpr(expr.input)
    case 'paren':
      return `(${printExpr(expr.input)})`
    default:
      return expr satisfies never
  }
}

const LINE_LENGTH = 100

/** The form `format_query` gives: whatever is longer than 100 bytes on one line is broken and indented. */
export function prettyPrint(expr: Expr): string {
  return pretty(expr, 0)
}

function pretty(expr: Expr, level: number): string {
  const indent = '  '.repeat(level)
  const line = printExpr(expr)
  switch (expr.type) {
    case 'number':
    case 'string':
    case 'vector':
    case 'matrix':
      return indent + line
    case 'unary':
      return indent + expr.op + pretty(expr.input, level).trim()
    case 'subquery':
      // Upstream leaves out the indent of a short one, and so must we.
      return fits(line) ? line : pretty(expr.input, level) + subquerySuffix(expr)
    case 'aggregation': {
      if (fits(line)) return indent + line
      const param = expr.param === undefined ? '' : `${pretty(expr.param, level + 1)},\n`
      return `${indent}${aggregationHead(expr)}(\n${param}${pretty(expr.input, level + 1)}\n${indent})`
    }
    case 'call': {
      if (fits(line)) return indent + line
      const args = expr.args.map((arg) => pretty(arg, level + 1)).join(',\n')
      return `${indent}${expr.func}(\n${args}\n${indent})`
    }
    case 'paren':
      if (fits(line)) return indent + line
      return `${indent}(\n${pretty(expr.input, level + 1)}\n${indent})`
    case 'binary':
      if (fits(line)) return indent + line
      return `${pretty(expr.left, level + 1)}\n${indent}${operator(expr)}\n${pretty(expr.right, level + 1)}`
    default:
      return expr satisfies never
  }
}

/** In UTF-8 bytes, which only need counting when the characters alone do not decide. */
function fits(line: string): boolean {
  if (line.length > LINE_LENGTH) return false
  return line.length * 3 <= LINE_LENGTH || new TextEncoder().encode(line).length <= LINE_LENGTH
}

function printVector(selector: VectorSelector): string {
  const { anchored, smoothed, offset, at } = selector
  const extended = anchored ? ' anchored' : smoothed ? ' smoothed' : ''
  return printBare(selector) + printAt(at) + extended + printOffset(offset)
}

function printMatrix({ selector, range }: MatrixSelector): string {
  const { anchored, smoothed, offset, at } = selector
  const extended = anchored ? ' anchored' : smoothed ? ' smoothed' : ''
  return `${printBare(selector)}[${printDuration(range)}]${extended}${printAt(at)}${printOffset(offset)}`
}

function printBare({ name, matchers }: VectorSelector): string {
  const shown = matchers
    .filter(
      (matcher) =>
        matcher.name !== METRIC_NAME ||
        matcher.type !== '=' ||
        matcher.value !== name ||
        name === '',
    )
    .map(printMatcher)
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return shown.length === 0 ? name : `${name}{${shown.join(',')}}`
}

/** `name="value"`, the name quoted where it must be. */
export function printMatcher({ name, type, value }: Matcher): string {
  return printLabelName(name) + type + quoteText(value)
}

function printLabelName(name: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quoteText(name)
}

function printLabels(labels: readonly string[]): string {
  return labels.map(printLabelName).join(', ')
}

function aggregationHead({ op, grouping, without }: Aggregation): string {
  if (without) return `${op} without (${printLabels(grouping)}) `
  return grouping.length > 0 ? `${op} by (${printLabels(grouping)}) ` : op
}

function operator({ op, returnBool, matching }: Binary): string {
  let text = returnBool ? `${op} bool` : op
  if (matching === undefined) return text
  const { card, labels, on, include, fillLeft, fillRight } = matching
  const grouped = card === 'many-to-one' || card === 'one-to-many'
  if (labels.length > 0 || on || grouped) {
    text += ` ${on ? 'on' : 'ignoring'} (${printLabels(labels)})`
  }
  if (grouped) {
    text += ` group_${card === 'many-to-one' ? 'left' : 'right'} (${printLabels(include)})`
  }
  if (fillLeft !== undefined && fillLeft === fillRight) {
    return `${text} fill (${formatShortest(fillLeft)})`
  }
  if (fillLeft !== undefined) text += ` fill_left (${formatShortest(fillLeft)})`
  if (fillRight !== undefined) text += ` fill_right (${formatShortest(fillRight)})`
  return text
}

function subquerySuffix({ range, step, at, offset }: Subquery): string {
  const stepText = step === undefined ? '' : printDuration(step)
  return `[${printDuration(range)}:${stepText}]${printAt(at)}${printOffset(offset)}`
}

function printAt(at: AtModifier | undefined): string {
  if (at === undefined) return ''
  return at.type === 'timestamp' ? ` @ ${(at.ms / 1000).toFixed(3)}` : ` @ ${at.type}()`
}

function printOffset(offset: Duration): string {
  if (offset.ms === 0 && offset.expr === undefined) return ''
  return ` offset ${printDuration(offset)}`
}

function printDuration({ ms, expr }: Duration): string {
  return expr === undefined ? formatDuration(ms) : printDurationExpr(expr)
}

function printDurationExpr(expr: DurationExpr): string {
  switch (expr.type) {
    case 'duration':
      return expr.duration ? formatDuration(expr.ms) : formatDecimal(expr.seconds)
    case 'duration-call':
      return `${expr.func}()`
    case 'duration-paren':
      return `(${printDurationExpr(expr.input)})`
    case 'duration-unary':
      return (expr.op === '-' ? '-' : '') + printDurationExpr(expr.input)
    case 'duration-binary': {
      const left = printDurationExpr(expr.left)
      const right = printDurationExpr(expr.right)
      if (expr.op === 'min_of' || expr.op === 'max_of') return `${expr.op}(${left}, ${right})`
      return `${left} ${expr.op} ${right}`
    }
    default:
      return expr satisfies never
  }
}
