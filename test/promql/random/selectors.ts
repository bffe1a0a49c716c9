/** Random selectors and subqueries with their modifiers. */
import { DATA_END_MS, DATA_START_MS } from './data.ts'
import { type Kind, type Metric, metricsOf, NAME_MATCHERS } from './catalogue.ts'
import { offsetDuration, rangeDuration, subqueryStep } from './durations.ts'
import type { Grammar } from './generate.ts'
import type { RandomSource } from './random-source.ts'

const ANCHORED = new Set(['resets', 'changes', 'rate', 'increase', 'delta'])
const SMOOTHED = new Set(['rate', 'increase', 'delta'])

export function selector(random: RandomSource, kind: Kind): string {
  const smoothed = random.chance(0.03) ? ' smoothed' : ''
  return matching(random, kind) + smoothed + placed(random)
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

function matching(random: RandomSource, kind: Kind): string {
  if (random.chance(0.06)) return `{__name__${random.pick(NAME_MATCHERS[kind])}}`
  return selectorOf(random, random.pick(metricsOf(kind)))
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
function placed(random: RandomSource): string {
  const offset = random.chance(0.12) ? ` offset ${offsetDuration(random)}` : ''
  const at = random.chance(0.07) ? ` @ ${atTime(random)}` : ''
  return random.chance(0.5) ? offset + at : at + offset
}

function atTime(random: RandomSource): string {
  const seconds = (DATA_START_MS + random.next() * (DATA_END_MS - DATA_START_MS)) / 1000
  const scrape = seconds - (seconds % 30)
  return random.pick(['start()', 'end()', seconds.toFixed(3), String(scrape)])
}

export function rangeSelector(random: RandomSource, kind: Kind, func: string): string {
  const anchored = ANCHORED.has(func) && random.chance(0.2) ? ' anchored' : ''
  const smoothed = anchored === '' && SMOOTHED.has(func) && random.chance(0.2) ? ' smoothed' : ''
  return `${matching(random, kind)}[${rangeDuration(random)}]${anchored}${smoothed}${placed(random)}`
}

export function subquery(all: Grammar, depth: number, kind: Kind): string {
  const { random } = all
  const inner = all.vector(depth - 1, kind)
  const simple = /^[\w.]+(\{[^{}]*\})?$/.test(inner) || /^\w+\(.*\)$/.test(inner)
  // In parentheses unless it is surely one operand.
  const input = simple && !/\) *[-+*/^%<>=!a-z]/.test(inner) ? inner : `(${inner})`
  const range = random.pick(['2m', '5m', '7m', '10m', '10m', '15m', '20m1s'])
  return `${input}[${range}:${subqueryStep(random)}]${placed(random)}`
}
