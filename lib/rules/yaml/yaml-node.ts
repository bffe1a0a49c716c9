/** A YAML document as Go's yaml packages see it: nodes with their lines and columns, plain scalars still as text. */
import { Alias, isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, Node, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { DomainError } from '#lib/model/errors.ts'
import { describeFault } from './yaml-fault.ts'

export type YamlNode = YamlScalar | YamlMapping | YamlSequence | YamlAlias

interface Placed {
  /** From 1. */
  readonly line: number
  /** From 1, in characters. */
  readonly column: number
  /** Short (`!!str`), '' where none is written. */
  readonly tag: string
}

export interface YamlScalar extends Placed {
  readonly kind: 'scalar'
  readonly value: string
  /** Not in quotes and no block: its type is what it looks like. */
  readonly plain: boolean
}

export interface YamlMapping extends Placed {
  readonly kind: 'mapping'
  readonly pairs: readonly (readonly [YamlNode, YamlNode])[]
}

export interface YamlSequence extends Placed {
  readonly kind: 'sequence'
  readonly items: readonly YamlNode[]
}

export interface YamlAlias extends Placed {
  readonly kind: 'alias'
  readonly name: string
  readonly target: YamlNode
}

export interface YamlText {
  /** Of the first document; undefined where there is none. */
  readonly root: YamlNode | undefined
  readonly documentCount: number
}

/** Throws `invalid` in the words of Go's yaml package of that version, where it can be told what they are. */
export function parseYaml(text: string, version: 2 | 3 = 3): YamlText {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]/.test(text)) {
    throw new DomainError('invalid', 'yaml: control characters are not allowed')
  }
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    schema: 'failsafe',
    version: '1.2',
  })
  const documents: readonly Document[] = Array.isArray(parsed) ? parsed : []
  const first = documents[0]
  if (!first) return { root: undefined, documentCount: 0 }
  if (first.errors.length > 0) {
    throw new DomainError('invalid', `yaml: ${describeFault(text, first, lines, version)}`)
  }
  const isEmpty = first.contents === null && first.directives?.docStart !== true
  return {
    root: isEmpty ? undefined : new Reader(text, lines).node(first.contents, 0),
    documentCount: documents.length,
  }
}

/** Characters of an anchor and a tag, for the place where they begin to be found. */
const MAX_PROPERTIES = 1024

class Reader {
  readonly #text: string
  readonly #lines: LineCounter
  readonly #anchors = new Map<string, YamlNode>()
  /** The last place that was counted: nodes of one line come in order, and lines may be long. */
  #counted = { line: 0, offset: 0, column: 0 }

  constructor(text: string, lines: LineCounter) {
    this.#text = text
    this.#lines = lines
  }

  node(node: unknown, fallback: number): YamlNode {
    const placed = this.#place(node as Node | null, fallback)
    if (isAlias(node)) return this.#alias(node, placed)
    if (isMap(node)) return this.#mapping(node, placed)
    if (isSeq(node)) return this.#sequence(node, placed)
    if (isScalar(node)) return this.#scalar(node, placed)
    return { kind: 'scalar', value: '', plain: true, ...placed }
  }

  #alias(node: Alias, placed: Placed): YamlAlias {
    const target = this.#anchors.get(node.source)
    if (!target) {
      throw new DomainError('invalid', `yaml: unknown anchor '${node.source}' referenced`)
    }
    return { kind: 'alias', name: node.source, target, ...placed }
  }

  #scalar(node: Scalar, placed: Placed): YamlScalar {
    const plain = node.type === 'PLAIN' || node.type === undefined
    const scalar: YamlScalar = {
      kind: 'scalar',
      value: String(plain ? (node.source ?? '') : node.value),
      plain,
      ...placed,
    }
    this.#remember(node, scalar)
    return scalar
  }

  #mapping(node: YAMLMap, placed: Placed): YamlMapping {
    const pairs: [YamlNode, YamlNode][] = []
    const mapping: YamlMapping = { kind: 'mapping', pairs, ...placed }
    this.#remember(node, mapping)
    for (const { key, value } of node.items) {
      const keyNode = this.node(key, node.range?.[0] ?? 0)
      // An empty value stands behind the colon.
      const keyEnd = (key as Node | null)?.range?.[1] ?? node.range?.[0] ?? 0
      pairs.push([keyNode, this.node(value, this.#text.indexOf(':', keyEnd) + 1)])
    }
    return mapping
  }

  #sequence(node: YAMLSeq, placed: Placed): YamlSequence {
    const items: YamlNode[] = []
    const sequence: YamlSequence = { kind: 'sequence', items, ...placed }
    this.#remember(node, sequence)
    for (const item of node.items) items.push(this.node(item, node.range?.[0] ?? 0))
    return sequence
  }

  #remember(node: { anchor?: string }, made: YamlNode): void {
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, made)
  }

  /** Where a node begins: at its anchor or tag, if it has one. */
  #place(node: Node | null, fallback: number): Placed {
    const written = (node as { tag?: string } | null)?.tag
    const anchor = (node as { anchor?: string } | null)?.anchor
    let offset = node?.range?.[0] ?? fallback
    if (written !== undefined || anchor !== undefined) {
      const before = this.#text.slice(Math.max(0, offset - MAX_PROPERTIES), offset)
      offset -= /(?:[&!]\S*\s+){0,2}$/.exec(before)?.[0].length ?? 0
    }
    const { line } = this.#lines.linePos(offset)
    return { line, column: this.#column(line, offset), tag: shortTag(written ?? '') }
  }

  /** In characters, from 1. */
  #column(line: number, offset: number): number {
    if (this.#counted.line !== line || this.#counted.offset > offset) {
      this.#counted = { line, offset: this.#lines.lineStarts[line - 1] ?? 0, column: 1 }
    }
    for (const char of this.#text.slice(this.#counted.offset, offset)) {
      this.#counted.offset += char.length
      this.#counted.column++
    }
    return this.#counted.column
  }
}

function shortTag(tag: string): string {
  return tag.replace(/^tag:yaml\.org,2002:/, '!!')
}
