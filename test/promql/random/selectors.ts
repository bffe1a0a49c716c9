/** Random selectors and subqueries with their modifiers. */
import { type Kind, type Metric, metricsOf } from './catalogue.ts'
import { offsetDuration, rangeDuration, subqueryStep } from './durations.ts'
import type { Grammar } from './generate.ts'
import type { RandomSource } from './random-source.ts'

const ANCHORED = new Set(['resets', 'changes', 'rate', 'increase', 'delta'])
const SMOOTHED = new Set(['rate', 'increase', 'delta'])

export function selector(all: Grammar, kind: Kind): string {
  const { random } = all
  const smoothed = random.chance(0.03) ? ' smoothed' : ''
  return matching(all, kind) + smoothed + placed(all)
}

/** The selector of one metric, without modifiers. */
export function selectorOf(random: RandomSource, { name, labels }: Metric): string {
  const plain = /^\w+$/.test(name)
  const matchers = random
    .some(Object.entries(labels), 2)
    .filter(() => random.chance(0.6))
    .map(([label, values]) => {
      const shown = /^\w+$/.test(label) ? label : JSON.stringify(label)
      return shown + labelMatcher(random, values)
    })
  if (!plain) matchers.unshift(JSON.stringify(name))
  return (plain ? name : '') + (matchers.length > 0 ? `{${matchers.join(',')}}` : '')
}

function matching({ random, dataset }: Grammar, kind: Kind): string {
  if (random.chance(0.06)) return `{__name__${random.pick(dataset.nameMatchers[kind])}}`
  return selectorOf(random, random.pick(metricsOf(dataset, kind)))
}

function labelMatcher(random: RandomSource, values: readonly string[]): string {
  const value = random.pick(values)
  const quoted = (text: string): string => JSON.stringify(text)
  const escaped = value.replace(/[+.]/g, '[$&]')
  return random.weighted<string>([
    [5, `=${quoted(value)}`],
    [1, `!=${quoted(value)}`],
    [1, `=~${quoted(`${escaped}|none`)}`],
    [1, `!~${quoted(escaped)}`],
    [1, `=~".+"`],
    [0.5, `=~".*${/[\w😀]$/u.exec(value)?.[0] ?? ''}"`],
  ])
}

/** `offset` and `@`, mostly none. */
function placed(all: Grammar): string {
  const { random } = all
  const offset = random.chance(0.12) ? ` offset ${offsetDuration(random)}` : ''
  const at = random.chance(0.07) ? ` @ ${atTime(all)}` : ''
  return random.chance(0.5) ? offset + at : at + offset
}

function atTime({ random, dataset: { startMs, endMs } }: Grammar): string {
  const seconds = (startMs + random.next() * (endMs - startMs)) / 1000
  const scrape = seconds - (seconds % 30)
  const exponent = scrape.toExponential()
  return random.pick([
    'start()',
    'end()',
    'start()',
    'end()',
    seconds.toFixed(3),
    String(scrape),
    exponent,
    '-1.5',
  ])
}

export function rangeSelector(all: Grammar, kind: Kind, func: string): string {
  const { random } = all
  const anchored = ANCHORED.has(func) && random.chance(0.2) ? ' anchored' : ''
  const smoothed = anchored === '' && SMOOTHED.has(func) && random.chance(0.2) ? ' smoothed' : ''
  return `${matching(all, kind)}[${rangeDuration(random)}]${anchored}${smoothed}${placed(all)}`
}

export function subquery(all: Grammar, depth: number, kind: Kind): string {
  const { random } = all
  const inner = all.vector(depth - 1, kind)
  const simple = /^[\w.]+(\{[^{}]*\})?$/.test(inner) || /^\w+\(.*\)$/.test(inner)
  // In parentheses unless it is surely one operand.
  const input = simple && !/\) *[-+*/^%<>=!a-z]/.test(inner) ? inner : `(${inner})`
  const range = random.pick(['2m', '5m', '7m', '10m', '10m', '15m', '20m1s'])
  return `${input}[${range}:${subqueryStep(random)}]${placed(all)}`
}
