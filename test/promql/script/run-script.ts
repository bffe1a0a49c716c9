/** Runs a script against the engine: each eval plain, with every selector pinned, and as the middle of a range query. */
import { evaluate } from '#lib/promql/engine.ts'
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from '#lib/promql/options.ts'
import type { Expr, VectorSelector } from '#lib/promql/parse/ast.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { TIME_DEPENDENT_FUNCTIONS } from '#lib/promql/plan/expr-facts.ts'
import type { QueryOutcome, StepGrid } from '#lib/promql/result.ts'
import type { Storage } from '#lib/storage/storage.ts'
import { actualSeries, almostEqual, assertSorted, compareSeries } from './compare.ts'
import { parseScript, type EvalCommand, type ExpectKind } from './script.ts'
import { ScriptStorage } from './script-storage.ts'

export const SCRIPT_OPTIONS: EngineOptions = {
  ...DEFAULT_ENGINE_OPTIONS,
  // Streaming holds other samples than Prometheus does, so its test limit of 10,000 means nothing here.
  features: new Set([
    'promql-experimental-functions',
    'promql-delayed-name-removal',
    'promql-extended-range-selectors',
    'promql-binop-fill-modifiers',
    'use-start-timestamps',
  ]),
}

export interface EvalResult {
  readonly line: number
  readonly expr: string
  /** Undefined when it passed. */
  readonly error: Error | undefined
}

export async function runScript(
  text: string,
  options: EngineOptions = SCRIPT_OPTIONS,
): Promise<EvalResult[]> {
  const results: EvalResult[] = []
  let loaded = new ScriptStorage()
  let storage = loaded.storage()
  for (const command of parseScript(text)) {
    if (command.type === 'clear') loaded = new ScriptStorage()
    else if (command.type === 'load') loaded.load(command)
    else {
      const error = await runEval(command, storage, options).then(
        () => undefined,
        (reason: unknown) => (reason instanceof Error ? reason : new Error(String(reason))),
      )
      results.push({ line: command.line, expr: command.expr, error })
      continue
    }
    storage = loaded.storage()
  }
  return results
}

async function runEval(
  command: EvalCommand,
  storage: Storage,
  options: EngineOptions,
): Promise<void> {
  const failing = has(command, 'fail')
  let expr: Expr
  try {
    expr = parseExpr(command.expr, options)
  } catch (error) {
    checkFailure(command, error)
    return
  }
  const run = (of: Expr, grid: StepGrid): Promise<QueryOutcome> =>
    evaluate({ expr: of, text: command.expr, grid, whole: grid, storage, options })

  if (command.range) {
    const { startMs, endMs, stepMs } = command
    const stepCount = Math.floor((endMs - startMs) / stepMs) + 1
    const outcome = await attempt(() => run(expr, { startMs, stepMs, stepCount, endMs }))
    if (!outcome) return
    checkAnnotations(command, outcome)
    const actual = scalarAsSeries(outcome)
    assertSorted(actual)
    compareSeries(command, actual, { startMs, stepMs }, false)
    return
  }
  const variants = [{ expr, timeMs: command.startMs }, ...pinned(expr, command.startMs)]
  for (const variant of variants) {
    await runInstant(variant.expr, command.vectorRange?.endMs ?? variant.timeMs)
  }

  async function attempt(query: () => Promise<QueryOutcome>): Promise<QueryOutcome | undefined> {
    let outcome: QueryOutcome
    try {
      outcome = await query()
    } catch (error) {
      checkFailure(command, error)
      return undefined
    }
    if (failing) throw new Error('expected an error, got none')
    return outcome
  }

  async function runInstant(of: Expr, timeMs: number): Promise<void> {
    const grid = { startMs: timeMs, stepMs: 0, stepCount: 1 }
    const outcome = await attempt(() => run(of, grid))
    if (!outcome) return
    checkAnnotations(command, outcome)
    compareInstant(command, outcome)
    if (command.vectorRange || command.expectedString !== undefined) return
    if (/(start|end|range|step)\(\)/.test(command.expr)) return
    const around = { startMs: timeMs - 60_000, stepMs: 60_000, stepCount: 3 }
    const ranged = await run(of, around)
    if (has(command, 'ordered')) return
    if (ranged.value.type === 'scalar') {
      compareScalar(command, ranged.value.values[1]!)
      return
    }
    const series = actualSeries(ranged.value, around)
    assertSorted(series)
    const middle = series.flatMap(({ labels, points }) => {
      const found = points.filter((point) => point.timeMs === timeMs)
      return found.length > 0 ? [{ labels, points: found }] : []
    })
    compareSeries(command, middle, { startMs: timeMs, stepMs: 0 }, false)
  }
}

function has(command: EvalCommand, kind: ExpectKind): boolean {
  return command.expectations.some((one) => one.kind === kind)
}

function checkFailure(command: EvalCommand, error: unknown): void {
  if (!(error instanceof Error)) throw error
  const expected = command.expectations.filter(({ kind }) => kind === 'fail')
  if (expected.length === 0 || error.message.startsWith('bug:')) throw error
  for (const { matches, shown } of expected) {
    if (!matches(error.message)) {
      throw new Error(`expected error ${shown}, got ${error.message}`, { cause: error })
    }
  }
}

function compareInstant(command: EvalCommand, { value, grid }: QueryOutcome): void {
  if (value.type === 'string') {
    if (value.value !== command.expectedString) throw new Error(`got string ${value.value}`)
    return
  }
  if (value.type === 'scalar') {
    compareScalar(command, value.values[0]!)
    return
  }
  if (command.expectedScalar !== undefined)
    throw new Error(`expected a scalar, got a ${value.type}`)
  const actual = actualSeries(value, grid)
  if (value.type === 'matrix') assertSorted(actual)
  const times = command.vectorRange ?? { startMs: grid.startMs, stepMs: 0 }
  compareSeries(command, actual, times, has(command, 'ordered'))
}

function compareScalar(command: EvalCommand, got: number): void {
  if (command.expectedScalar === undefined) throw new Error(`unexpected scalar ${got}`)
  if (!almostEqual(command.expectedScalar, got)) {
    throw new Error(`expected ${command.expectedScalar}, got ${got}`)
  }
}

/** A scalar over a range is a series without labels. */
function scalarAsSeries({ value, grid }: QueryOutcome): ReturnType<typeof actualSeries> {
  if (value.type !== 'scalar') return actualSeries(value, grid)
  const points = Array.from(value.values, (of, i) => ({
    timeMs: grid.startMs + i * grid.stepMs,
    value: of,
    histogram: undefined,
  }))
  return [{ labels: [], points }]
}

function checkAnnotations(command: EvalCommand, { annotations }: QueryOutcome): void {
  const check = (kind: 'warn' | 'info', got: readonly string[]) => {
    if (has(command, `no_${kind}`) && got.length > 0) {
      throw new Error(`expected no ${kind}, got ${got.join('; ')}`)
    }
    const expected = command.expectations.filter((one) => one.kind === kind)
    for (const { matches, shown } of expected) {
      if (!got.some(matches)) throw new Error(`expected ${kind} ${shown}, got ${got.join('; ')}`)
    }
    for (const text of expected.length > 0 ? got : []) {
      if (!expected.some(({ matches }) => matches(text)))
        throw new Error(`unexpected ${kind} ${text}`)
    }
  }
  check('warn', annotations.warnings)
  check('info', annotations.infos)
}

/** The expression with everything pinned to `timeMs`, at times when that must make no difference. */
function pinned(expr: Expr, timeMs: number): { expr: Expr; timeMs: number }[] {
  let unsafe = false
  const at = { type: 'timestamp', ms: timeMs } as const
  const pinSelector = (selector: VectorSelector): VectorSelector => ({
    ...selector,
    at: selector.at ?? at,
  })
  const pin = (node: Expr): Expr => {
    switch (node.type) {
      case 'number':
      case 'string':
        return node
      case 'vector':
        return pinSelector(node)
      case 'matrix':
        return { ...node, selector: pinSelector(node.selector) }
      case 'subquery':
        return { ...node, at: node.at ?? at }
      case 'aggregation':
        return { ...node, input: pin(node.input), param: node.param && pin(node.param) }
      case 'call':
        unsafe ||= TIME_DEPENDENT_FUNCTIONS.has(node.func)
        return { ...node, args: node.args.map(pin) }
      case 'binary':
        return { ...node, left: pin(node.left), right: pin(node.right) }
      case 'unary':
      case 'paren':
        return { ...node, input: pin(node.input) }
      default:
        return node satisfies never
    }
  }
  const rewritten = pin(expr)
  if (unsafe) return []
  const times = timeMs === 0 ? [-1000, 0, 1000] : [-10 * timeMs, 0, timeMs / 5, timeMs, 10 * timeMs]
  return times.map((time) => ({ expr: rewritten, timeMs: Math.trunc(time) }))
}
