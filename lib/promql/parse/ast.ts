/** The PromQL tree: plain readonly data, one union, one switch to handle it. Grammar of Prometheus 3.14. */
import type { Matcher } from '#lib/model/matcher.ts'

/** Half-open range of the query text, in UTF-16 units. */
export interface Position {
  readonly start: number
  readonly end: number
}

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string'

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Aggregation
  | Call
  | Binary
  | Unary
  | Paren

export interface NumberLiteral {
  readonly type: 'number'
  readonly value: number
  /** Written as a duration (`5m`), so printed as one. */
  readonly duration: boolean
  readonly position: Position
}

export interface StringLiteral {
  readonly type: 'string'
  readonly value: string
  readonly position: Position
}

/** `@ 12.5`, `@ start()`, `@ end()`. */
export type AtModifier =
  | { readonly type: 'timestamp'; readonly ms: number }
  | { readonly type: 'start' }
  | { readonly type: 'end' }

/** A duration as written: a number of milliseconds, or arithmetic that needs the query's step and range. */
export type DurationExpr =
  | DurationLiteral
  | {
      readonly type: 'duration-binary'
      readonly op: '+' | '-' | '*' | '/' | '%' | '^' | 'min_of' | 'max_of'
      readonly left: DurationExpr
      readonly right: DurationExpr
      readonly position: Position
    }
  | {
      readonly type: 'duration-unary'
      readonly op: '-' | '+'
      readonly input: DurationExpr
      readonly position: Position
    }
  | { readonly type: 'duration-call'; readonly func: 'step' | 'range'; readonly position: Position }
  | { readonly type: 'duration-paren'; readonly input: DurationExpr; readonly position: Position }

export interface DurationLiteral {
  readonly type: 'duration'
  readonly ms: number
  /** What `ms` was made from: seconds, possibly with a fraction of a millisecond. Its sign is folded in. */
  readonly seconds: number
  /** Written as a duration (`5m`) and not as a number of seconds (`300`), so printed as one. */
  readonly duration: boolean
  readonly position: Position
}

/** `expr` is undefined when the duration was a plain literal; then `ms` is it. Otherwise `resolve` sets `ms`. */
export interface Duration {
  readonly ms: number
  readonly expr: DurationExpr | undefined
}

export const ZERO_DURATION: Duration = { ms: 0, expr: undefined }

export interface VectorSelector {
  readonly type: 'vector'
  /** The name before the braces; '' when the name is quoted inside them (`{"a.b"}`) or given by matcher only. */
  readonly name: string
  /** Every matcher, the one of the name included, in the order written; the one of `name` is last, as Prometheus keeps it. */
  readonly matchers: readonly Matcher[]
  /** As written; positive looks back. */
  readonly offset: Duration
  readonly at: AtModifier | undefined
  readonly anchored: boolean
  readonly smoothed: boolean
  readonly position: Position
}

export interface MatrixSelector {
  readonly type: 'matrix'
  readonly selector: VectorSelector
  readonly range: Duration
  readonly position: Position
}

export interface Subquery {
  readonly type: 'subquery'
  readonly input: Expr
  readonly range: Duration
  /** `undefined` where the default step is meant (`[5m:]`). */
  readonly step: Duration | undefined
  readonly offset: Duration
  readonly at: AtModifier | undefined
  readonly position: Position
}

export type AggregationOp =
  | 'sum'
  | 'avg'
  | 'count'
  | 'min'
  | 'max'
  | 'group'
  | 'stddev'
  | 'stdvar'
  | 'topk'
  | 'bottomk'
  | 'count_values'
  | 'quantile'
  | 'limitk'
  | 'limit_ratio'

export interface Aggregation {
  readonly type: 'aggregation'
  readonly op: AggregationOp
  readonly input: Expr
  readonly param: Expr | undefined
  readonly grouping: readonly string[]
  readonly without: boolean
  readonly position: Position
}

export interface Call {
  readonly type: 'call'
  /** Lower case, known: the parser refuses others. */
  readonly func: string
  readonly args: readonly Expr[]
  readonly position: Position
}

export type BinaryOp =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'
  | 'atan2'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '</'
  | '>/'
  | 'and'
  | 'or'
  | 'unless'

export interface Binary {
  readonly type: 'binary'
  readonly op: BinaryOp
  readonly left: Expr
  readonly right: Expr
  /** Set exactly when both sides are vectors. */
  readonly matching: VectorMatching | undefined
  readonly returnBool: boolean
  readonly position: Position
}

export interface VectorMatching {
  readonly card: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'
  readonly labels: readonly string[]
  readonly on: boolean
  readonly include: readonly string[]
  readonly fillLeft: number | undefined
  readonly fillRight: number | undefined
}

export interface Unary {
  readonly type: 'unary'
  readonly op: '+' | '-'
  readonly input: Expr
  readonly position: Position
}

export interface Paren {
  readonly type: 'paren'
  readonly input: Expr
  readonly position: Position
}
