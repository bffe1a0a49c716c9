/**
 * Looks for text that crashes or hangs the parser: `node test/promql/parse/fuzz.ts [minutes] [seed]`.
 * Mutates the golden queries. A text may parse or be a ParseError, within a second; what parses must print to text that
 * parses to the same printed text. Ends with 1 and the text when one does not.
 */
import { DomainError } from '#lib/model/errors.ts'
import { ParseError } from '#lib/promql/parse/parse-error.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { prettyPrint, printExpr } from '#lib/promql/parse/print.ts'
import { QUERIES } from './queries.ts'

const minutes = Number(process.argv[2] ?? 20)
let state = Number(process.argv[3] ?? Date.now() % 2 ** 31) >>> 0
const features = new Set([
  'promql-experimental-functions',
  'promql-extended-range-selectors',
  'promql-binop-fill-modifiers',
] as const)
const ALPHABET = [...' \n\t(){}[]<>=!~+-*/%^@:,"\'`\\#._09aexsmhdwyNI\u00e9\u{1F600}\ud800\u0000']
const WORDS = QUERIES.flatMap((query) => query.split(/\b/)).filter((word) => word !== '')
const SLOW_MS = 1000

/** xorshift32. */
function random(below: number): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)]!
}

function mutate(text: string): string {
  const at = random(text.length + 1)
  const end = Math.min(text.length, at + random(12))
  switch (random(7)) {
    case 0:
      return text.slice(0, at) + text.slice(end)
    case 1:
      return text.slice(0, at) + pick(ALPHABET) + text.slice(at)
    case 2:
      return text.slice(0, at) + pick(WORDS) + text.slice(end)
    case 3:
      return text.slice(0, at) + text.slice(at, end).repeat(random(5)) + text.slice(end)
    case 4:
      return text.slice(0, at) + pick(QUERIES) + text.slice(end)
    case 5:
      return `${pick(['sum(', '-', '(', 'rate('])}${text}${pick([')', '[5m])', '', '[1h:]'])}`
    default:
      return (
        text.slice(0, at) +
        pick(['[5m]', ' offset -1d', ' @ end()', '{a=~".*"}', ' and on () ']) +
        text.slice(at)
      )
  }
}

/**
 * What a second printing may change, in Prometheus too: infinity prints with its sign, which is read as one more operator
 * where a power follows, and a duration of centuries loses a millisecond.
 */
function settled(text: string): string {
  return text.replace(/\+ ?(?=\+*Inf)/g, '').replace(/\b\d[\dywdhms]*\b/g, '0')
}

/** What is wrong with how the parser takes a text, undefined when nothing is. */
function faultOf(text: string): string | undefined {
  const started = performance.now()
  try {
    const expr = parseExpr(text, { features })
    const printed = printExpr(expr)
    const again = printExpr(parseExpr(printed, { features }))
    if (settled(again) !== settled(printed)) return `prints ${printed}, which prints ${again}`
    parseExpr(prettyPrint(expr), { features })
  } catch (error) {
    if (!(error instanceof ParseError) && !(error instanceof DomainError)) return String(error)
  }
  const tookMs = performance.now() - started
  return tookMs > SLOW_MS ? `takes ${tookMs.toFixed(0)} ms` : undefined
}

const seed = state
const until = Date.now() + minutes * 60_000
let runs = 0
while (Date.now() < until) {
  for (let i = 0; i < 1000; i++, runs++) {
    let text = pick(QUERIES)
    for (let n = random(6); n >= 0; n--) text = mutate(text)
    const fault = faultOf(text.slice(0, 100_000))
    if (fault !== undefined) {
      console.error(`seed ${seed}, text ${runs}: ${fault}\n${JSON.stringify(text)}`)
      process.exit(1)
    }
  }
}
console.log(
  `seed ${seed}: ${runs} texts in ${minutes} minutes, no crash, no hang, prints are stable`,
)
