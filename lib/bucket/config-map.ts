/** A YAML mapping read key by key, so that every complaint has a line and every key left over is one. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, Node, YAMLMap } from 'yaml'
import { DomainError } from '#lib/model/errors.ts'

type Env = Readonly<Record<string, string | undefined>>

interface Source {
  readonly what: string
  readonly document: Document
  readonly lines: LineCounter
  readonly env: Env
  readonly children: ConfigMap[]
  readonly ignored: string[]
}

/** Reads the first document. `what` begins every error; no error quotes the text, which may hold secrets. */
export function parseConfigMap(yaml: string, what: string, env: Env): ConfigMap {
  const lines = new LineCounter()
  const documents = parseAllDocuments(yaml, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.2',
  })
  const document = Array.isArray(documents) ? documents[0] : undefined
  if (!document) throw new DomainError('invalid', `${what} is empty`)
  const fault = document.errors[0]
  if (fault) {
    const reason = fault.code.toLowerCase().replaceAll('_', ' ')
    throw new DomainError(
      'invalid',
      `${what}, line ${lines.linePos(fault.pos[0]).line}: bad yaml (${reason})`,
    )
  }
  const source: Source = { what, document, lines, env, children: [], ignored: [] }
  if (
    document.contents === null ||
    (isScalar(document.contents) && document.contents.value === null)
  ) {
    throw new DomainError('invalid', `${what} is empty`)
  }
  if (!isMap(document.contents)) throw new DomainError('invalid', `${what} is not a yaml mapping`)
  return new ConfigMap(source, document.contents, '')
}

export class ConfigMap {
  readonly #source: Source
  readonly #map: YAMLMap
  readonly #path: string
  readonly #nodes = new Map<string, Node | null>()
  readonly #keyOffsets = new Map<string, number>()
  readonly #known = new Set<string>()

  constructor(source: Source, map: YAMLMap, path: string) {
    this.#source = source
    this.#map = map
    this.#path = path
    for (const { key, value } of map.items) {
      const offset = (key as Node | null)?.range?.[0] ?? map.range?.[0] ?? 0
      if (!isScalar(key)) throw this.#errorAt(offset, 'has a key that is not a plain word')
      const name = String(key.value)
      this.#nodes.set(name, value as Node | null)
      this.#keyOffsets.set(name, offset)
    }
    source.children.push(this)
  }

  /** The text as it was written, so that a key of digits keeps its zeros. */
  string(name: string): string | undefined {
    const node = this.#take(name)
    if (node === undefined) return undefined
    return this.#text(name, node)
  }

  #text(name: string, node: unknown): string {
    if (!isScalar(node)) throw this.error(name, 'is not a single value')
    const plain = node.type === 'PLAIN' || node.type === undefined
    const text = plain ? (node.source ?? String(node.value)) : String(node.value)
    return this.#expand(name, text)
  }

  list(name: string): readonly string[] | undefined {
    const node = this.#take(name)
    if (node === undefined) return undefined
    if (!isSeq(node)) throw this.error(name, 'is not a list')
    return node.items.map((item) => this.#text(name, item))
  }

  boolean(name: string): boolean | undefined {
    const text = this.string(name)?.toLowerCase()
    if (text === undefined || text === '') return undefined
    if (text === 'true' || text === 'yes' || text === 'on') return true
    if (text === 'false' || text === 'no' || text === 'off') return false
    throw this.error(name, 'is not true or false')
  }

  integer(name: string): number | undefined {
    const text = this.string(name)
    if (text === undefined || text === '') return undefined
    const value = /^[-+]?\d[\d_]*$/.test(text) ? Number(text.replaceAll('_', '')) : NaN
    if (!Number.isSafeInteger(value)) throw this.error(name, 'is not a whole number')
    return value
  }

  /** Prometheus's durations: `90s`, `1m30s`, `0`. */
  durationMs(name: string): number | undefined {
    const text = this.string(name)
    if (text === undefined || text === '') return undefined
    if (text === '0') return 0
    const match =
      /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text)
    if (!match) throw this.error(name, 'is not a duration like 90s')
    const day = 86_400_000
    const units = [365 * day, 7 * day, day, 3_600_000, 60_000, 1000, 1]
    let sum = 0
    for (const [i, unit] of units.entries()) sum += Number(match[i + 1] ?? 0) * unit
    return sum
  }

  map(name: string): ConfigMap | undefined {
    const node = this.#take(name)
    if (node === undefined) return undefined
    if (!isMap(node)) throw this.error(name, 'is not a mapping')
    return new ConfigMap(this.#source, node, this.#path === '' ? name : `${this.#path}.${name}`)
  }

  /** Of a list of mappings. */
  maps(name: string): readonly ConfigMap[] {
    const node = this.#take(name)
    if (node === undefined) return []
    if (!isSeq(node)) throw this.error(name, 'is not a list')
    return node.items.map((given, i) => {
      const item = isAlias(given) ? given.resolve(this.#source.document) : given
      if (!isMap(item)) throw this.error(name, 'is not a list of mappings')
      return new ConfigMap(this.#source, item, `${this.#at(name)}[${i}]`)
    })
  }

  /** All that is below, as JSON has it and as it is written; undefined where there is nothing. */
  value(name: string): unknown {
    return this.#take(name)?.toJS(this.#source.document) as unknown
  }

  names(): readonly string[] {
    return [...this.#nodes.keys()]
  }

  /** All of it, as text by key. */
  strings(): Record<string, string> {
    const record: Record<string, string> = {}
    for (const name of this.#nodes.keys()) record[name] = this.string(name) ?? ''
    return record
  }

  /** Keys that are right to be there and change nothing; `finish` gives those that were. */
  ignore(...names: readonly string[]): void {
    for (const name of names) {
      this.#known.add(name)
      if (this.#nodes.has(name)) this.#source.ignored.push(this.#at(name))
    }
  }

  /** To be called on the outermost mapping when all was read: throws for the first key nobody asked for. */
  finish(): readonly string[] {
    for (const child of this.#source.children) {
      for (const [name, offset] of child.#keyOffsets) {
        if (!child.#known.has(name)) throw child.#errorAt(offset, `unknown key ${child.#at(name)}`)
      }
    }
    return this.#source.ignored
  }

  /** `what, line 4: config.bucket is missing`; without the key in the text, the line of the mapping. */
  error(name: string, reason: string): DomainError {
    const offset = this.#keyOffsets.get(name) ?? this.#map.range?.[0] ?? 0
    return this.#errorAt(offset, `${this.#at(name)} ${reason}`)
  }

  unsupported(name: string, reason: string): DomainError {
    return new DomainError('unsupported', this.error(name, reason).message)
  }

  #errorAt(offset: number, text: string): DomainError {
    const { what, lines } = this.#source
    return new DomainError('invalid', `${what}, line ${lines.linePos(offset).line}: ${text}`)
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }

  /** An empty value (`config:`) counts as not there, as in Thanos. */
  #take(name: string): Node | undefined {
    this.#known.add(name)
    let node = this.#nodes.get(name)
    if (isAlias(node)) {
      node = node.resolve(this.#source.document)
      if (node === undefined) throw this.error(name, 'refers to an anchor that is not there')
    }
    if (node === null || node === undefined) return undefined
    if (isScalar(node) && node.value === null) return undefined
    return node
  }

  #expand(name: string, text: string): string {
    return text.replaceAll(/\$\(([a-zA-Z0-9_]+)\)/g, (_, variable: string) => {
      const value = this.#source.env[variable]
      if (value === undefined)
        throw this.error(name, `names the environment variable ${variable}, which is not set`)
      return value
    })
  }
}
