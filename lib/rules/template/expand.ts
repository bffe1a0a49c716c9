/** Templates in labels and annotations of alerts: Go's text/template with Prometheus's functions and variables. */
import { DomainError, LimitError } from '#lib/model/errors.ts'
import type { FloatHistogram } from '#lib/model/histogram.ts'
import type { Run, TemplateLimits } from './evaluate/frame.ts'
import { walkTemplate } from './evaluate/walk.ts'
import { BUILTINS } from './functions/builtins.ts'
import { dataValue } from './functions/data.ts'
import { evaluationFunctions, FIXED_FUNCTIONS } from './functions/prometheus.ts'
import { parseTemplate } from './parse/parse.ts'
import type { Template } from './parse/ast.ts'
import { fromBytes, toBytes } from './value/bytes.ts'
import { GoError, type Callable, type TemplateSample } from './value/value.ts'

export type { TemplateLimits, TemplateSample }

export interface TemplateData {
  readonly labels: Readonly<Record<string, string>>
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly value: number | FloatHistogram
}

export interface TemplateOptions {
  /** `__alert_<name of the alert>` */
  readonly name: string
  readonly timeMs: number
  readonly externalUrl: string
  /** Called for each `query` of the template. A DomainError of it becomes part of the template's. */
  readonly query: (expr: string, timeMs: number) => Promise<readonly TemplateSample[]>
  readonly limits?: TemplateLimits
}

export const TEMPLATE_LIMITS: TemplateLimits = {
  steps: 200_000,
  bytes: 1_000_000,
  depth: 100,
}

/** Prometheus puts these before each text, so that positions in messages count them. */
const VARIABLES = [
  '{{$labels := .Labels}}',
  '{{$externalLabels := .ExternalLabels}}',
  '{{$externalURL := .ExternalURL}}',
  '{{$value := .Value}}',
].join('')

/**
 * What Prometheus looks at when it loads rules: whether the template parses. `name` is that of the options.
 * Throws DomainError 'invalid' in Go's words: `template: __alert_a:1: unclosed action`.
 */
export function checkTemplate(text: string, name: string): void {
  parse(text, name)
}

/** Rejects with a DomainError whose message is what Prometheus writes into `<error expanding template: …>`. */
export async function expandTemplate(
  text: string,
  data: TemplateData,
  options: TemplateOptions,
): Promise<string> {
  const { name, limits = TEMPLATE_LIMITS } = options
  try {
    const template = parse(text, name)
    const own = evaluationFunctions(options)
    const functions = (known: string) => own.get(known) ?? FUNCTIONS.get(known)
    const run: Run = { template, functions, limits, steps: 0, output: '' }
    await drive(run, data, options)
    return fromBytes(run.output)
  } catch (cause) {
    if (cause instanceof GoError) {
      const message = `error executing template ${name}: ${fromBytes(cause.message)}`
      throw new DomainError('execution', message, { cause })
    }
    if (cause instanceof DomainError) {
      const what = cause.kind === 'limit' ? 'executing' : 'parsing'
      const message = `error ${what} template ${name}: ${cause.message}`
      throw new DomainError(cause.kind, message, { cause })
    }
    throw cause
  }
}

/** Everything runs at once, but for queries: one is asked, and its answer goes back to where it was wanted. */
async function drive(run: Run, data: TemplateData, options: TemplateOptions): Promise<void> {
  const walk = walkTemplate(run, run.template.name, dataValue(data))
  let next = resumed(run, () => walk.next([]))
  while (!next.done) {
    const { query } = next.value
    const answer = await options.query(query, options.timeMs).catch((error: unknown) => {
      if (error instanceof DomainError) return error
      throw error
    })
    next = resumed(run, () =>
      answer instanceof DomainError
        ? walk.throw(new GoError(toBytes(answer.message)))
        : walk.next(answer),
    )
  }
}

/** JavaScript ends strings of many megabytes, and calls within calls without end, in a RangeError. */
function resumed<T>(run: Run, step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const { bytes, depth } = run.limits
    if (error.message.includes('call stack')) {
      throw new LimitError('template is nested too deeply', depth, Infinity)
    }
    throw new LimitError(`template makes more than ${bytes} bytes`, bytes, Infinity)
  }
}

const FUNCTIONS: ReadonlyMap<string, Callable> = new Map([...BUILTINS, ...FIXED_FUNCTIONS])

/** Their names. */
export const TEMPLATE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...FUNCTIONS.keys(),
  ...evaluationFunctions({ timeMs: 0, externalUrl: '' }).keys(),
])

/** Texts of rules come again with every evaluation and every alert. */
const MAX_KEPT_CHARACTERS = 2_000_000
const kept = new Map<string, Template>()
let keptCharacters = 0

function parse(text: string, name: string): Template {
  const key = `${name}\0${text}`
  let template = kept.get(key)
  if (template === undefined) {
    template = parseTemplate(name, VARIABLES + text, (known) => TEMPLATE_FUNCTIONS.has(known))
    keptCharacters += key.length
    if (keptCharacters > MAX_KEPT_CHARACTERS) {
      kept.clear()
      keptCharacters = key.length
    }
    kept.set(key, template)
  }
  return template
}
