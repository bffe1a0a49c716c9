/** What may stand between a binary operator and its right side, and label lists in parentheses. */
import type { VectorMatching } from './ast.ts'
import { literalSeconds } from './duration.ts'
import { quoteText, unquote } from './literals.ts'
import { beginsExpression, GROUPING_LABELS } from './token.ts'
import type { TokenStream } from './token-stream.ts'

const OPEN: readonly [string, string] = ['grouping opts', '"("']
const LABEL: readonly [string, string] = ['grouping opts', 'label']
const NEXT: readonly [string, string] = ['grouping opts', '"," or ")"']

/** `bool`, `on`/`ignoring`, `group_left`/`group_right`, `fill…`, in this order, each optional. */
export function parseMatching(stream: TokenStream): {
  matching: VectorMatching
  returnBool: boolean
} {
  const returnBool = stream.takeIf('bool') !== undefined
  let card: VectorMatching['card'] = 'one-to-one'
  let labels: readonly string[] = []
  let include: readonly string[] = []
  let on = false
  if (stream.kind() === 'on' || stream.kind() === 'ignoring') {
    on = stream.take().kind === 'on'
    labels = parseGrouping(stream).labels
    if (stream.kind() === 'group_left' || stream.kind() === 'group_right') {
      card = stream.take().kind === 'group_left' ? 'many-to-one' : 'one-to-many'
      if (stream.kind() === '(' || !beginsExpression(stream.kind())) {
        include = parseGrouping(stream).labels
      }
    }
  }
  let fillLeft: number | undefined
  let fillRight: number | undefined
  const kind = stream.kind()
  if (kind === 'fill') {
    stream.take()
    fillLeft = fillRight = parseFillValue(stream)
  } else if (kind === 'fill_left') {
    stream.take()
    fillLeft = parseFillValue(stream)
    if (stream.takeIf('fill_right')) fillRight = parseFillValue(stream)
  } else if (kind === 'fill_right') {
    stream.take()
    fillRight = parseFillValue(stream)
    if (stream.takeIf('fill_left')) fillLeft = parseFillValue(stream)
  }
  return { matching: { card, labels, on, include, fillLeft, fillRight }, returnBool }
}

function parseFillValue(stream: TokenStream): number {
  stream.expect('(')
  const value = parseSignedNumber(stream)
  stream.expect(')')
  return value
}

/** A number or duration, with or without a sign. */
export function parseSignedNumber(stream: TokenStream): number {
  const sign = stream.takeIf('-') ?? stream.takeIf('+')
  if (stream.kind() !== 'number' && stream.kind() !== 'duration') return stream.unexpected()
  const value = literalSeconds(stream, stream.take())
  return sign?.kind === '-' ? -value : value
}

/** `(a, b, "c.d")`; the list may be empty and may end with a comma. */
export function parseGrouping(stream: TokenStream): { labels: string[]; end: number } {
  const labels: string[] = []
  if (stream.kind() !== '(') return stream.unexpected(OPEN)
  stream.take()
  let close = stream.takeIf(')')
  while (close === undefined) {
    const token = stream.peek()
    if (token.kind !== 'string' && !GROUPING_LABELS.has(token.kind)) return stream.unexpected(LABEL)
    stream.take()
    const label = token.kind === 'string' ? unquote(token.text) : token.text
    if (label === '' || !label.isWellFormed()) {
      stream.fail(token.start, `invalid label name for grouping: ${quoteText(label)}`)
    }
    labels.push(label)
    const comma = stream.takeIf(',')
    close = stream.takeIf(')')
    if (close === undefined && comma === undefined) return stream.unexpected(NEXT)
  }
  return { labels, end: close.end }
}
