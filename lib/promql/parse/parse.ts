/** PromQL text → tree, by precedence climbing. The grammar and the errors are those of Prometheus 3.14. */
import type { Matcher } from '#lib/model/matcher.ts'
import type { Feature } from '#lib/promql/options.ts'
import type { AggregationOp, Binary, BinaryOp, Call, Expr } from './ast.ts'
import { checkExpr } from './check.ts'
import { literalSeconds } from './duration.ts'
import { FUNCTIONS } from './functions.ts'
import { unquote } from './literals.ts'
import { parseGrouping, parseMatching } from './matching.ts'
import { parsePostfix } from './postfix.ts'
import { parseSelector, selectorOf } from './selector.ts'
import { AGGREGATORS, beginsExpression, METRIC_NAMES, PREPROCESSORS } from './token.ts'
import type { Token } from './token.ts'
import { MAX_DEPTH, TokenStream } from './token-stream.ts'

export interface ParseOptions {
  readonly features: ReadonlySet<Feature>
}

const NO_FEATURES: ParseOptions = { features: new Set() }

/** Throws ParseError. */
export function parseExpr(text: string, options: ParseOptions = NO_FEATURES): Expr {
  return new Parser(text, options).expression()
}

/** The matchers of a `match[]` parameter. Throws ParseError. They may all match the empty value. */
export function parseMetricSelector(text: string): readonly Matcher[] {
  const stream = new TokenStream(text)
  const { matchers } = parseSelector(stream)
  stream.expect('end of input')
  return matchers
}

const PRECEDENCE: Readonly<Record<BinaryOp, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '</': 3,
  '>/': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
}

/** A sign binds like `*`: what it takes is anything tighter. */
const UNARY_OPERAND = 6

function precedenceOf(kind: string): number {
  return Object.hasOwn(PRECEDENCE, kind) ? PRECEDENCE[kind as BinaryOp] : 0
}

class Parser {
  readonly #stream: TokenStream
  readonly #features: ReadonlySet<Feature>
  /** How deep the tree of the last expression is. */
  #height = 0

  constructor(text: string, { features }: ParseOptions) {
    this.#stream = new TokenStream(text)
    this.#features = features
  }

  expression(): Expr {
    const stream = this.#stream
    if (stream.kind() === 'end of input') stream.fail(0, 'no expression found in input')
    const expr = this.#binary(1)
    stream.expect('end of input')
    return checkExpr(expr, stream.text)
  }

  #binary(minPrecedence: number): Expr {
    const stream = this.#stream
    stream.descend()
    let left = this.#unary()
    for (;;) {
      const precedence = precedenceOf(stream.kind())
      if (precedence < minPrecedence || precedence === 0) break
      const height = this.#height
      const op = stream.take().kind as BinaryOp
      const { matching, returnBool } = parseMatching(stream)
      const right = this.#binary(op === '^' ? precedence : precedence + 1)
      this.#rise(Math.max(height, this.#height), left.position.start)
      const position = { start: left.position.start, end: right.position.end }
      if (matching.fillLeft !== undefined || matching.fillRight !== undefined) {
        if (!this.#features.has('promql-binop-fill-modifiers')) {
          stream.fail(position.start, 'binop fill modifiers are experimental and not enabled')
        }
      }
      left = { type: 'binary', op, left, right, matching, returnBool, position } satisfies Binary
    }
    stream.ascend()
    return left
  }

  #unary(): Expr {
    const stream = this.#stream
    if (stream.kind() !== '+' && stream.kind() !== '-') {
      const primary = this.#primary()
      const expr = parsePostfix(stream, primary, this.#features, this.#riseOnce)
      this.#rise(this.#height, primary.position.start)
      return expr
    }
    const op = stream.take()
    const input = this.#binary(UNARY_OPERAND)
    const position = { start: op.start, end: input.position.end }
    if (input.type === 'number') {
      return { ...input, value: op.kind === '-' ? -input.value : input.value, position }
    }
    this.#rise(this.#height, op.start)
    return { type: 'unary', op: op.kind as '+' | '-', input, position }
  }

  readonly #riseOnce = (position: number): void => this.#rise(this.#height, position)

  #rise(heightBelow: number, position: number): void {
    this.#height = heightBelow + 1
    if (this.#height > MAX_DEPTH) this.#stream.failDepth(position)
  }

  #primary(): Expr {
    const stream = this.#stream
    const token = stream.peek()
    const { kind, start, end } = token
    this.#height = 0
    switch (kind) {
      case 'number':
      case 'duration':
        stream.take()
        return {
          type: 'number',
          value: literalSeconds(stream, token),
          duration: kind === 'duration',
          position: { start, end },
        }
      case 'string':
        stream.take()
        return { type: 'string', value: unquote(token.text), position: { start, end } }
      case '{':
        return parseSelector(stream)
      case '(': {
        stream.take()
        const input = this.#binary(1)
        this.#rise(this.#height, start)
        return { type: 'paren', input, position: { start, end: stream.expect(')').end } }
      }
      default:
        if (!METRIC_NAMES.has(kind)) return stream.unexpected()
        stream.take()
        return this.#named(token)
    }
  }

  /** A call, an aggregation or a selector: what follows the name decides. */
  #named(name: Token): Expr {
    const kind = this.#stream.kind()
    if (AGGREGATORS.has(name.kind)) {
      if (kind === '(' || kind === 'by' || kind === 'without') return this.#aggregation(name)
    } else if (kind === '(' && (name.kind === 'identifier' || PREPROCESSORS.has(name.kind))) {
      return this.#call(name)
    }
    return selectorOf(this.#stream, name)
  }

  #call(name: Token): Call {
    const stream = this.#stream
    const { args, end } = this.#args()
    const signature = FUNCTIONS.get(name.text)
    if (signature === undefined) {
      return stream.fail(name.start, `unknown function with name "${name.text}"`)
    }
    if (signature.experimental && !this.#features.has('promql-experimental-functions')) {
      stream.fail(name.start, `function "${name.text}" is not enabled`)
    }
    return { type: 'call', func: name.text, args, position: { start: name.start, end } }
  }

  #args(): { args: Expr[]; end: number } {
    const stream = this.#stream
    stream.expect('(')
    const args: Expr[] = []
    let height = 0
    const first = stream.takeIf(')')
    if (first !== undefined) {
      this.#height = 1
      return { args, end: first.end }
    }
    for (;;) {
      args.push(this.#binary(1))
      height = Math.max(height, this.#height)
      const comma = stream.takeIf(',')
      if (comma === undefined) break
      if (!beginsExpression(stream.kind())) {
        stream.fail(comma.start, 'trailing commas not allowed in function call args')
      }
    }
    const { end } = stream.expect(')')
    this.#rise(height, args[0]!.position.start)
    return { args, end }
  }

  #aggregation(name: Token): Expr {
    const stream = this.#stream
    const op = name.kind as AggregationOp
    const { start } = name
    stream.enter('aggregation', '')
    let clause = this.#groupingClause()
    const { args, end: argsEnd } = this.#args()
    let end = argsEnd
    if (clause === undefined) {
      clause = this.#groupingClause()
      end = clause?.end ?? end
    }
    stream.leave()
    if (args.length === 0) {
      return stream.fail(start, 'no arguments for aggregate expression provided')
    }
    const withParam = WITH_PARAM.has(op)
    if (
      (op === 'limitk' || op === 'limit_ratio') &&
      !this.#features.has('promql-experimental-functions')
    ) {
      stream.fail(
        start,
        `${op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`,
      )
    }
    const expected = withParam ? 2 : 1
    if (args.length !== expected) {
      return stream.fail(
        start,
        `wrong number of arguments for aggregate expression provided, expected ${expected}, got ${args.length}`,
      )
    }
    return {
      type: 'aggregation',
      op,
      input: args[expected - 1]!,
      param: withParam ? args[0] : undefined,
      grouping: clause?.labels ?? [],
      without: clause?.without ?? false,
      position: { start, end },
    }
  }

  #groupingClause(): { without: boolean; labels: string[]; end: number } | undefined {
    const kind = this.#stream.kind()
    if (kind !== 'by' && kind !== 'without') return undefined
    this.#stream.take()
    return { without: kind === 'without', ...parseGrouping(this.#stream) }
  }
}

const WITH_PARAM: ReadonlySet<AggregationOp> = new Set([
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
])
