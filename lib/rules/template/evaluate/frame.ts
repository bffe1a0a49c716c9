/** One template while it runs: its variables, and the node that a complaint would be about. */
import { LimitError } from '#lib/model/errors.ts'
import { sprintf } from '../print/sprintf.ts'
import { quote } from '../value/quote.ts'
import {
  GoError,
  int,
  itemCount,
  string,
  unboxed,
  type Callable,
  type Question,
  type TemplateSample,
  type Value,
} from '../value/value.ts'
import { nodeText, type Node, type Template } from '../parse/ast.ts'

/** What may have to wait for answers to queries. Everything else is done at once. */
export type Evaluation<T> = Generator<Question, T, readonly TemplateSample[]>

export interface TemplateLimits {
  /** Statements, commands and rounds of loops, of one expansion; long strings and lists count for more. */
  readonly steps: number
  /** Of the result, and of every string on the way to it. */
  readonly bytes: number
  /** Templates within templates. */
  readonly depth: number
}

/** What all frames of one expansion share. */
export interface Run {
  readonly template: Template
  readonly functions: (name: string) => Callable | undefined
  readonly limits: TemplateLimits
  steps: number
  output: string
}

export class Frame {
  readonly run: Run
  readonly depth: number
  readonly #name: string
  readonly #variables: { readonly name: string; value: Value | undefined }[]
  #node: Node | undefined

  constructor(run: Run, name: string, dot: Value | undefined, depth: number) {
    this.run = run
    this.depth = depth
    this.#name = name
    this.#variables = [{ name: '$', value: dot }]
  }

  at(node: Node): void {
    this.#node = node
  }

  /** As Go's text/template says it. A percent sign in the name of the whole does what it does there. */
  fail(format: string, ...args: (string | number | Value | undefined)[]): never {
    const { name, text } = this.run.template
    const node = this.#node!
    const before = text.slice(0, node.at)
    const line = before.split('\n').length
    const column = node.at - (before.lastIndexOf('\n') + 1)
    const executing = quote(doublePercent(this.#name))
    const context = doublePercent(nodeText(node))
    const where = `template: ${name}:${line}:${column}: executing ${executing} at <${context}>: `
    const values = args.map((arg) =>
      typeof arg === 'string' ? string(arg) : typeof arg === 'number' ? int(arg) : arg,
    )
    throw new GoError(sprintf(where + format, values, true))
  }

  step(count = 1): void {
    const { limits } = this.run
    this.run.steps += count
    if (this.run.steps > limits.steps) {
      throw new LimitError(
        `template takes more than ${limits.steps} steps`,
        limits.steps,
        this.run.steps,
      )
    }
  }

  write(bytes: string): void {
    this.run.output += bytes
    this.checkSize(this.run.output)
  }

  /** For what goes into a function or comes out of it. */
  stepFor(value: Value | undefined): void {
    const inside = unboxed(value)
    if (inside?.type.kind === 'string') this.step((inside.data as string).length >> 4)
    if (inside?.type.kind === 'slice') this.step(itemCount(inside) >> 2)
  }

  checkSize(bytes: string): void {
    const { limits } = this.run
    if (bytes.length > limits.bytes) {
      throw new LimitError(
        `template makes more than ${limits.bytes} bytes`,
        limits.bytes,
        bytes.length,
      )
    }
  }

  /** To be given to `forget` where what is declared from now on ends. */
  mark(): number {
    return this.#variables.length
  }

  forget(mark: number): void {
    this.#variables.length = mark
  }

  declare(name: string, value: Value | undefined): void {
    this.#variables.push({ name, value })
  }

  assign(name: string, value: Value | undefined): void {
    this.#find(name).value = value
  }

  /** The newest of that name. */
  variable(name: string): Value | undefined {
    return this.#find(name).value
  }

  /** Overwrites one that was just declared: 1 is the newest. */
  setNewest(back: number, value: Value | undefined): void {
    this.#variables.at(-back)!.value = value
  }

  #find(name: string): { value: Value | undefined } {
    const found = this.#variables.findLast((variable) => variable.name === name)
    return found ?? this.fail('undefined variable: %s', name)
  }
}

function doublePercent(text: string): string {
  return text.replaceAll('%', '%%')
}
