/** YAML nodes → values of a given shape, refused as Go's yaml packages refuse them: all findings, line by line. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'
import type { YamlMapping, YamlNode, YamlScalar } from './yaml-node.ts'
import { resolveScalar, type ResolvedScalar } from './yaml-scalar.ts'

/** `name`: the Go type that messages speak of. */
export type Shape =
  | { readonly type: 'string' | 'int' | 'float' | 'bool' | 'node' }
  /** From the text; what it throws ends the reading. */
  | { readonly type: 'text'; readonly read: (text: string) => unknown }
  | { readonly type: 'map' }
  | { readonly type: 'list'; readonly of: Shape; readonly name: string }
  | { readonly type: 'struct'; readonly name: string; readonly fields: Fields }

export type Fields = Readonly<Record<string, Shape>>

export interface DecodeOptions {
  /** Refuse fields that a struct does not have. */
  readonly strict: boolean
  /** Which of Go's packages is to be followed in what it says of keys that are there twice. */
  readonly version: 2 | 3
}

/**
 * Values are plain: strings, numbers, booleans, lists, records without the fields that are absent or null; of
 * 'node' the node. Throws `invalid` with everything that does not fit, one a line.
 */
export function decodeYaml(root: YamlNode, shape: Shape, options: DecodeOptions): unknown {
  const decoder = new Decoder(options)
  const value = decoder.decode(root, shape)
  if (decoder.findings.length > 0) {
    const lines = decoder.findings.map((finding) => `\n  ${finding}`)
    throw new DomainError('invalid', `yaml: unmarshal errors:${lines.join('')}`)
  }
  return value
}

/** Aliases may multiply what a file says, up to here. */
const MAX_ALIASED_NODES = 400_000

/** Of the keys of one mapping that are there twice, each with each. */
const MAX_TOLD_KEYS = 1000

class Decoder {
  readonly findings: string[] = []
  readonly #options: DecodeOptions
  readonly #open = new Set<YamlNode>()
  #aliased = 0

  constructor(options: DecodeOptions) {
    this.#options = options
  }

  /** Undefined where there is no value: null, or something that does not fit. */
  decode(
    node: YamlNode,
    shape: Shape,
    into?: Record<string, unknown>,
    seen?: Set<string>,
  ): unknown {
    if (shape.type === 'node') return node
    if (this.#open.size > 0 && ++this.#aliased > MAX_ALIASED_NODES) {
      throw new DomainError('invalid', 'yaml: document contains excessive aliasing')
    }
    switch (node.kind) {
      case 'alias': {
        if (this.#open.has(node.target)) {
          throw new DomainError('invalid', `yaml: anchor '${node.name}' value contains itself`)
        }
        this.#open.add(node.target)
        const value = this.decode(node.target, shape, into, seen)
        this.#open.delete(node.target)
        return value
      }
      case 'scalar':
        return this.#scalar(node, shape)
      case 'sequence': {
        if (shape.type !== 'list') return this.#misfit(node, '!!seq', shape)
        const items = node.items.map((item) => this.decode(item, shape.of))
        return items.filter((item) => item !== undefined)
      }
      case 'mapping':
        if (shape.type !== 'struct' && shape.type !== 'map') {
          return this.#misfit(node, '!!map', shape)
        }
        if (this.#options.version === 3 && this.#hasTwice(node)) return undefined
        return this.#mapping(node, shape, into ?? {}, seen)
      default:
        return node satisfies never
    }
  }

  #scalar(node: YamlScalar, shape: Shape): unknown {
    const resolved = resolve(node)
    if (resolved.value === null) return undefined
    const { value } = resolved
    switch (shape.type) {
      case 'string':
        return node.value
      case 'text':
        return shape.read(node.value)
      case 'int':
        if (typeof value === 'number' && Math.abs(value) <= 2 ** 63) return Math.trunc(value)
        break
      case 'float':
        if (typeof value === 'number') return value
        break
      case 'bool': {
        if (typeof value === 'boolean') return value
        const word = BOOLEAN_WORDS.exec(node.value)
        if (word) return word[1] !== undefined
        break
      }
      default:
    }
    return this.#misfit(node, resolved.tag, shape)
  }

  #mapping(
    node: YamlMapping,
    shape: Extract<Shape, { type: 'struct' | 'map' }>,
    into: Record<string, unknown>,
    seen: Set<string> | undefined,
  ): Record<string, unknown> {
    const merges: YamlNode[] = []
    const own = new Set<string>()
    for (const [key, value] of node.pairs) {
      if (isMerge(key)) {
        merges.push(value)
        continue
      }
      const name = this.decode(key, { type: 'string' }) as string | undefined
      if (name === undefined || seen?.has(name)) continue
      if (own.has(name) && this.#options.strict && this.#options.version === 2) {
        const what = shape.type === 'map' ? `key ${quoteGo(name)}` : `field ${name}`
        const where = shape.type === 'map' ? 'map' : `type ${nameOf(shape)}`
        this.findings.push(`line ${key.line}: ${what} already set in ${where}`)
        continue
      }
      own.add(name)
      if (shape.type === 'map') put(into, name, this.decode(value, { type: 'string' }) ?? '')
      else if (Object.hasOwn(shape.fields, name)) {
        const decoded = this.decode(value, shape.fields[name]!)
        if (decoded !== undefined) put(into, name, decoded)
      } else if (this.#options.strict) {
        this.findings.push(`line ${key.line}: field ${name} not found in type ${nameOf(shape)}`)
      }
    }
    const merge = merges.at(-1)
    if (merge || seen) {
      const known = seen ?? new Set<string>()
      for (const name of own) known.add(name)
      if (merge) this.#merge(merge, shape, into, known)
    }
    return into
  }

  /** `<<`: what another mapping has and this one has not. */
  #merge(value: YamlNode, shape: Shape, into: Record<string, unknown>, seen: Set<string>): void {
    const all = value.kind === 'sequence' ? value.items : [value]
    for (const one of all) {
      const target = one.kind === 'alias' ? one.target : one
      if (target.kind !== 'mapping') {
        const words = 'map merge requires map or sequence of maps as the value'
        throw new DomainError('invalid', `yaml: ${words}`)
      }
      this.decode(one, shape, into, seen)
    }
  }

  #hasTwice(node: YamlMapping): boolean {
    const before = this.findings.length
    const lines = new Map<string, number[]>()
    for (const [key] of node.pairs) {
      const text = key.kind === 'scalar' ? key.value : key.kind === 'alias' ? key.name : ''
      const id = `${key.kind} ${text}`
      const known = lines.get(id)
      if (known) known.push(key.line)
      else lines.set(id, [key.line])
    }
    for (const [id, at] of lines) {
      const name = quoteGo(id.slice(id.indexOf(' ') + 1))
      for (const [i, first] of at.entries()) {
        for (const line of at.slice(i + 1)) {
          if (this.findings.length - before >= MAX_TOLD_KEYS) return true
          this.findings.push(`line ${line}: mapping key ${name} already defined at line ${first}`)
        }
      }
    }
    return this.findings.length > before
  }

  #misfit(node: YamlNode, tag: string, shape: Shape): undefined {
    const text = node.kind === 'scalar' ? node.value : ''
    const short = text.length > 10 ? `${text.slice(0, 7)}...` : text
    const shown = node.kind === 'scalar' ? ` \`${short}\`` : ''
    const found = node.tag === '' ? tag : node.tag
    this.findings.push(`line ${node.line}: cannot unmarshal ${found}${shown} into ${nameOf(shape)}`)
  }
}

/** Even `__proto__` is a name like any other. */
function put(record: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(record, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

/** As YAML 1.1 has them, where a boolean is wanted. */
const BOOLEAN_WORDS = /^(?:(y|Y|yes|Yes|YES|on|On|ON)|n|N|no|No|NO|off|Off|OFF)$/

function resolve(node: YamlScalar): ResolvedScalar {
  if (node.tag === '!!null') return { tag: '!!null', value: null }
  if (!node.plain || node.tag === '!!str') return { tag: '!!str', value: node.value }
  const resolved = resolveScalar(node.value)
  if (node.tag === '' || node.tag === resolved.tag || !RESOLVED_TAGS.has(node.tag)) return resolved
  if (node.tag === '!!float' && resolved.tag === '!!int') return resolved
  const words = `cannot decode ${resolved.tag} \`${node.value}\` as a ${node.tag}`
  throw new DomainError('invalid', `yaml: ${words}`)
}

const RESOLVED_TAGS: ReadonlySet<string> = new Set(['!!bool', '!!int', '!!float', '!!timestamp'])

function isMerge(key: YamlNode): boolean {
  return (
    key.kind === 'scalar' &&
    key.value === '<<' &&
    (key.tag === '!!merge' || ((key.tag === '' || key.tag === '!') && key.plain))
  )
}

function nameOf(shape: Shape): string {
  switch (shape.type) {
    case 'struct':
    case 'list':
      return shape.name
    case 'map':
      return 'map[string]string'
    case 'float':
      return 'float64'
    case 'text':
      return 'string'
    default:
      return shape.type
  }
}
