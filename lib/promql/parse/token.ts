/** The words of PromQL. A token's kind is its own text where only one text has it. */
import { quoteGo } from '#lib/model/labels.ts'

export interface Token {
  readonly kind: string
  /** As written: `SUM` has kind `sum`. */
  readonly text: string
  /** UTF-16 offsets. */
  readonly start: number
  readonly end: number
}

export const OPERATORS: ReadonlySet<string> = new Set(
  '+ - * / % ^ == != < <= > >= </ >/ =~ !~ @ and or unless atan2'.split(' '),
)

export const AGGREGATORS: ReadonlySet<string> = new Set(
  'sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio'.split(
    ' ',
  ),
)

const KEYWORDS = new Set(
  'offset smoothed anchored by without on ignoring group_left group_right fill fill_left fill_right bool'.split(
    ' ',
  ),
)

/** Words of durations and of `@`, which are function names too. */
export const PREPROCESSORS: ReadonlySet<string> = new Set(
  'start end step range max_of min_of'.split(' '),
)

/** Kind by lower-case word. */
export const WORDS: ReadonlyMap<string, string> = new Map([
  ...['and', 'or', 'unless', 'atan2', ...AGGREGATORS, ...KEYWORDS, ...PREPROCESSORS].map(
    (word) => [word, word] as const,
  ),
  ['inf', 'number'],
  ['nan', 'number'],
])

/** Words that cannot be a metric name, having a place of their own there. */
const NEVER_METRIC = new Set([
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'bool',
  'atan2',
  'number',
])

export const METRIC_NAMES: ReadonlySet<string> = new Set([
  'identifier',
  'metric identifier',
  ...[...WORDS.values()].filter((word) => !NEVER_METRIC.has(word)),
])

/** Words that name a label in `by (…)`. Every word but `without`, which Prometheus forgot; it is no grouping label. */
export const GROUPING_LABELS: ReadonlySet<string> = new Set([
  'identifier',
  'metric identifier',
  ...[...WORDS.values()].filter((word) => word !== 'without' && word !== 'number'),
])

/** Whether an expression can begin with this token. */
export function beginsExpression(kind: string): boolean {
  switch (kind) {
    case 'number':
    case 'duration':
    case 'string':
    case '(':
    case '{':
    case '+':
    case '-':
      return true
    default:
      return METRIC_NAMES.has(kind)
  }
}

/** How errors name a token. */
export function describeToken({ kind, text }: Token): string {
  switch (kind) {
    case 'end of input':
      return kind
    case 'identifier':
    case 'metric identifier':
      return `${kind} ${quoteGo(text)}`
    case 'string':
    case 'number':
    case 'duration':
      return `${kind} ${abbreviate(text)}`
    default:
      if (KEYWORDS.has(kind)) return `<${text}>`
      if (OPERATORS.has(kind)) return `<op:${text}>`
      if (AGGREGATORS.has(kind)) return `<aggr:${text}>`
      return abbreviate(text)
  }
}

/** The first ten characters of what is longer than ten bytes. */
function abbreviate(text: string): string {
  let bytes = 0
  for (const char of text.slice(0, 24)) {
    const code = char.codePointAt(0)!
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  if (bytes <= 10) return quoteGo(text)
  return `${quoteGo(Array.from(text.slice(0, 24)).slice(0, 10).join(''))}...`
}
