/**
 * What Prometheus made of templates, kept in `*.jsonl`: a first line with how it was made and the alert that all are of, then one template
 * a line. `node test/rules/template/golden.ts <oracle>` asks again: the oracle is a program that reads lines of a
 * `OracleCase` and writes lines of `OracleAnswer` for them.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { TemplateSample } from '#lib/rules/template/expand.ts'
import { parseFloat64 } from '#lib/rules/template/value/parse-number.ts'
import { RandomTemplate } from './random-template.ts'

export const GOLDEN_FILES = ['syntax', 'builtins', 'printf', 'functions', 'random'] as const

/** Spans are pairs of offset and length. */
interface GoldenHistogram {
  readonly schema: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly count: number
  readonly sum: number
  readonly positiveSpans: readonly (readonly [number, number])[]
  readonly negativeSpans: readonly (readonly [number, number])[]
  readonly positiveBuckets: readonly number[]
  readonly negativeBuckets: readonly number[]
}

/** Numbers as Go reads them. */
interface GoldenSample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: string
  readonly histogram?: GoldenHistogram
}

export interface GoldenAlert {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly value: string
  readonly timeMs: number
  readonly queries: Readonly<Record<string, readonly GoldenSample[]>>
}

/** `check`: what loading the rule complains of, as `expandTemplate` then does, too. */
export interface GoldenAnswer {
  readonly output?: string
  readonly error?: string
  readonly check?: string
}

interface GoldenHead {
  readonly prometheus: string
  readonly made: string
  readonly alert: GoldenAlert
  /** Of random templates, the seed of the first. */
  readonly seed?: number
  readonly count?: number
}

export interface Golden {
  readonly head: GoldenHead
  readonly cases: readonly (GoldenAnswer & { readonly text: string })[]
}

export function readGolden(name: string): Golden {
  const path = new URL(`golden/${name}.jsonl`, import.meta.url)
  const [head = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
  return {
    head: JSON.parse(head) as GoldenHead,
    cases: lines.map((line) => JSON.parse(line) as Golden['cases'][number]),
  }
}

export function goldenNumber(text: string): number {
  const value = parseFloat64(text)
  if (typeof value !== 'number') throw new Error(value.error)
  return value
}

export function goldenSamples(samples: readonly GoldenSample[]): TemplateSample[] {
  return samples.map(({ labels, value, histogram }) => ({
    labels,
    value: goldenNumber(value),
    histogram: histogram && floatHistogram(histogram),
  }))
}

function floatHistogram(histogram: GoldenHistogram): FloatHistogram {
  const spans = (pairs: GoldenHistogram['positiveSpans']) =>
    pairs.map(([offset, length]) => ({ offset, length }))
  return {
    ...histogram,
    positiveSpans: spans(histogram.positiveSpans),
    negativeSpans: spans(histogram.negativeSpans),
    positiveBuckets: Float64Array.from(histogram.positiveBuckets),
    negativeBuckets: Float64Array.from(histogram.negativeBuckets),
    customValues: new Float64Array(0),
    counterResetHint: 'unknown',
  }
}

/** Asked twice: what hangs on where Go puts things in memory is left out. */
function remake(name: string, oracle: string): void {
  const { head, cases } = readGolden(name)
  const { seed, count } = head
  const texts =
    seed === undefined || count === undefined
      ? cases.map(({ text }) => text)
      : Array.from({ length: count }, (_, i) => new RandomTemplate(seed + i).text())
  const input = texts.map((text) => `${JSON.stringify({ ...head.alert, text })}\n`).join('')
  const [first, second] = [1, 2].map(() =>
    spawnSync(oracle, { input, encoding: 'utf8', maxBuffer: 2 ** 30 })
      .stdout.trimEnd()
      .split('\n'),
  )
  const lines = texts.flatMap((text, i) => {
    if (first![i] !== second![i]) return []
    const { output, error, check } = JSON.parse(first![i]!) as GoldenAnswer
    return [JSON.stringify(check === undefined ? { text, output, error } : { text, check })]
  })
  const path = new URL(`golden/${name}.jsonl`, import.meta.url)
  writeFileSync(path, `${[JSON.stringify(head), ...lines].join('\n')}\n`)
  console.log(`${name}: ${lines.length} of ${texts.length} templates`)
}

if (import.meta.main) {
  for (const name of GOLDEN_FILES) remake(name, process.argv[2]!)
}
