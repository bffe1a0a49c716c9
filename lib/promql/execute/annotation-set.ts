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

interface Entry {
  readonly kind: AnnotationKind
  readonly position: Position
  readonly detail: AnnotationDetail | undefined
}

export class AnnotationSet {
  readonly #entries = new Map<string, Entry>()

  warn(text: string, position: Position, detail?: AnnotationDetail): void {
    this.#add('warning', text, position, detail)
  }

  info(text: string, position: Position, detail?: AnnotationDetail): void {
    this.#add('info', text, position, detail)
  }

  #add(
    kind: AnnotationKind,
    text: string,
    position: Position,
    detail: AnnotationDetail | undefined,
  ): void {
    const earlier = this.#entries.get(text)
    const merged = detail && earlier?.detail ? detail.merge(earlier.detail) : detail
    this.#entries.set(text, { kind, position, detail: merged })
  }

  /** The last place a text was met is the one that is shown, as Prometheus does. */
  show(query: string): Annotations {
    const warnings: string[] = []
    const infos: string[] = []
    for (const [text, { kind, position, detail }] of this.#entries) {
      const prefix = kind === 'warning' ? 'PromQL warning: ' : 'PromQL info: '
      const line = `${prefix}${text}${detail?.show() ?? ''} (${lineAndColumn(query, position.start)})`
      if (kind === 'warning') warnings.push(line)
      else infos.push(line)
    }
    return { warnings, infos }
  }
}
