/** Warnings and infos of one evaluation, each text once, with the place in the query that caused it. */
import type { Annotations } from '../result.ts'
import type { Position } from '../parse/ast.ts'
import { lineAndColumn } from '../parse/parse-error.ts'

export type AnnotationKind = 'warning' | 'info'

/** More about a text that was met several times: counted, and shown after the text. */
export interface AnnotationDetail {
  merge(earlier: AnnotationDetail): AnnotationDetail
  show(): string
}

export interface Annotation {
  readonly kind: AnnotationKind
  readonly text: string
  readonly position: Position
}

interface Entry {
  readonly kind: AnnotationKind
  readonly position: Position
  readonly detail: AnnotationDetail | undefined
}

export class AnnotationSet {
  readonly #entries = new Map<string, Entry>()
  readonly #sources: (() => Iterable<Annotation>)[] = []

  warn(text: string, position: Position, detail?: AnnotationDetail): void {
    this.#add('warning', text, position, detail)
  }

  info(text: string, position: Position, detail?: AnnotationDetail): void {
    this.#add('info', text, position, detail)
  }

  /** What is only known when everything has been computed. */
  later(source: () => Iterable<Annotation>): void {
    this.#sources.push(source)
  }

  #add(
    kind: AnnotationKind,
    text: string,
    position: Position,
    detail: AnnotationDetail | undefined,
  ): void {
    const earlier = this.#entries.get(text)
    const merged = detail && earlier?.detail ? detail.merge(earlier.detail) : detail
    const evaluatedLater = earlier && evaluatedAfter(earlier.position, position)
    // What adds up is shown where it began.
    const keeps = merged === undefined ? evaluatedLater : !evaluatedLater
    const place = earlier && keeps ? earlier.position : position
    this.#entries.set(text, { kind, position: place, detail: merged })
  }

  show(query: string): Annotations {
    for (const source of this.#sources) {
      for (const { kind, text, position } of source()) this.#add(kind, text, position, undefined)
    }
    const warnings: string[] = []
    const infos: string[] = []
    const places: Record<string, Position> = {}
    for (const [text, { kind, position, detail }] of this.#entries) {
      const prefix = kind === 'warning' ? 'PromQL warning: ' : 'PromQL info: '
      const line = `${prefix}${text}${detail?.show() ?? ''} (${lineAndColumn(query, position.start)})`
      if (kind === 'warning') warnings.push(line)
      else infos.push(line)
      places[line] = { start: position.start, end: position.end }
    }
    return { warnings, infos, places }
  }
}

/**
 * Of a text met in several places Prometheus shows the one it evaluates last: operands from left to right, then the
 * operation. In what order we compute plays no part.
 */
export function evaluatedAfter(a: Position, b: Position): boolean {
  return a.end !== b.end ? a.end > b.end : a.start < b.start
}

/**
 * Shown at an argument, but evaluated with the call around it, after all of its arguments: `end` is between them and the
 * end of the call, further on for a higher `rank`.
 */
export function saidBy(whole: Position, argument: Position, rank = 0): Position {
  return { start: argument.start, end: Math.max(whole.end - 1 / (rank + 2), argument.end) }
}
