/** Values as Go's fmt shows them under a verb. */
import { LimitError } from '#lib/model/errors.ts'
import { itemsOf, isInteger, isUnsigned, type Complex, type Value } from '../value/value.ts'
import {
  boolText,
  formatFloat,
  integerText,
  noFlags,
  pad,
  runeText,
  stringText,
  type Flags,
} from './scalars.ts'

/** Go shows where in memory something is. Here nothing has a place that would mean something. */
const ADDRESS = 0xc000000000n

/** Maps may have the same maps many times, so that a few of them are a lot to print. */
const MAX_PARTS = 100_000

export class Printer {
  #parts = 0
  flags: Flags = noFlags()
  /** Inside of a complaint nothing is asked how it wants to be shown. */
  #complaining = false

  /** An argument of print, printf, println; nil is undefined. */
  argument(value: Value | undefined, verb: string): string {
    if (value === undefined) {
      return verb === 'T' || verb === 'v' ? pad(this.flags, '<nil>') : this.#bad(verb, undefined)
    }
    if (verb === 'T') return stringText(this.flags, value.type.name, 's')
    if (verb === 'p') return this.#pointer(value, verb)
    return this.#value(value, verb, 0)
  }

  #value(value: Value, verb: string, depth: number): string {
    if (++this.#parts > MAX_PARTS) {
      throw new LimitError(`template prints more than ${MAX_PARTS} parts`, MAX_PARTS, this.#parts)
    }
    const { type, data, flags } = { ...value, flags: this.flags }
    const shown = this.#asItWants(value, verb)
    if (shown !== undefined) return shown
    if (isInteger(type)) return this.#integer(value, verb)
    switch (type.kind) {
      case 'bool':
        return verb === 't' || verb === 'v'
          ? boolText(flags, data as boolean)
          : this.#bad(verb, value)
      case 'float64':
        return this.#float(value, data as number, verb)
      case 'complex128':
        return this.#complex(value, verb)
      case 'string':
        return this.#string(value, data as string, verb)
      case 'map':
        return this.#map(value, verb, depth)
      case 'slice':
        return this.#slice(value, verb, depth)
      case 'struct':
        return this.#struct(value, verb, depth)
      case 'interface':
        if (data !== undefined) return this.#value(data as Value, verb, depth + 1)
        return flags.sharpV ? `${type.name}(nil)` : '<nil>'
      case 'pointer': {
        const target = data as Value | undefined
        const deep = target !== undefined && ['slice', 'struct', 'map'].includes(target.type.kind)
        if (depth === 0 && deep) return `&${this.#value(target, verb, depth + 1)}`
        return this.#pointer(value, verb)
      }
      default:
        return `?${type.name}?`
    }
  }

  /** What its method String or GoString says. */
  #asItWants(value: Value, verb: string): string | undefined {
    if (this.#complaining) return undefined
    if (verb === 'w') return this.#bad(verb, value)
    const target = value.type.kind === 'pointer' ? (value.data as Value | undefined) : undefined
    const shows = value.type.show ? value : target?.type.show ? target : undefined
    const showsGo = value.type.showGo ? value : target?.type.showGo ? target : undefined
    if (this.flags.sharpV) {
      return showsGo && stringText(this.flags, showsGo.type.showGo!(showsGo), 's')
    }
    if (shows === undefined || !['v', 's', 'x', 'X', 'q'].includes(verb)) return undefined
    return this.#string(value, shows.type.show!(shows), verb)
  }

  #integer(value: Value, verb: string): string {
    const { flags } = this
    const data = value.data as bigint
    switch (verb) {
      case 'v':
        return flags.sharpV && isUnsigned(value.type)
          ? integerText({ ...flags, sharp: true }, data, 'x')
          : integerText(flags, data, 'd')
      case 'd':
      case 'b':
      case 'o':
      case 'O':
      case 'x':
      case 'X':
        return integerText(flags, data, verb)
      case 'c':
      case 'q':
      case 'U':
        return runeText(flags, data, verb)
      default:
        return this.#bad(verb, value)
    }
  }

  #float(value: Value, data: number, verb: string): string {
    switch (verb) {
      case 'v':
        return formatFloat(this.flags, data, 'g', -1)
      case 'b':
      case 'g':
      case 'G':
      case 'x':
      case 'X':
        return formatFloat(this.flags, data, verb, -1)
      case 'f':
      case 'F':
      case 'e':
      case 'E':
        return formatFloat(this.flags, data, verb === 'F' ? 'f' : verb, 6)
      default:
        return this.#bad(verb, value)
    }
  }

  #complex(value: Value, verb: string): string {
    if (!/^[vbgGxXfFeE]$/.test(verb)) return this.#bad(verb, value)
    const { re, im } = value.data as Complex
    const real = this.#float(value, re, verb)
    const { flags } = this
    this.flags = { ...flags, plus: true }
    const imaginary = this.#float(value, im, verb)
    this.flags = flags
    return `(${real}${imaginary}i)`
  }

  /** `bytes` are of the value itself, or what it wants to be shown as. */
  #string(value: Value, bytes: string, verb: string): string {
    switch (verb) {
      case 'v':
        return stringText(this.flags, bytes, this.flags.sharpV ? 'q' : 's')
      case 's':
      case 'x':
      case 'X':
      case 'q':
        return stringText(this.flags, bytes, verb)
      default:
        return this.#bad(verb, value)
    }
  }

  #map(value: Value, verb: string, depth: number): string {
    const { sharpV } = this.flags
    const map = value.data as ReadonlyMap<string, Value> | undefined
    if (sharpV && map === undefined) return `${value.type.name}(nil)`
    const key = value.type.key!
    const parts = sortedKeys(map).map((name) => {
      const shown = this.#value({ type: key, data: name }, verb, depth + 1)
      return `${shown}:${this.#value(map!.get(name)!, verb, depth + 1)}`
    })
    return sharpV ? `${value.type.name}{${parts.join(', ')}}` : `map[${parts.join(' ')}]`
  }

  #slice(value: Value, verb: string, depth: number): string {
    const { sharpV } = this.flags
    const items = itemsOf(value)
    const bytes = value.type.elem?.kind === 'uint8'
    if (bytes && ['s', 'q', 'x', 'X'].includes(verb)) {
      const text = items.map((item) => String.fromCharCode(Number(item.data))).join('')
      return stringText(this.flags, text, verb as 's')
    }
    const name = bytes && depth === 0 ? '[]byte' : value.type.name
    if (sharpV && value.data === undefined) return `${name}(nil)`
    const parts = items.map((item) => this.#value(item, verb, depth + 1))
    return sharpV ? `${name}{${parts.join(', ')}}` : `[${parts.join(' ')}]`
  }

  #struct(value: Value, verb: string, depth: number): string {
    const { sharpV, plusV } = this.flags
    const parts = value.type.fields!.map((field) => {
      const inside = field.get(value)
      const boxed = inside.type.kind === 'interface' && inside.data !== undefined
      const text = this.#value(boxed ? (inside.data as Value) : inside, verb, depth + 1)
      return sharpV || plusV ? `${field.name}:${text}` : text
    })
    return sharpV ? `${value.type.name}{${parts.join(', ')}}` : `{${parts.join(' ')}}`
  }

  #pointer(value: Value, verb: string): string {
    const { flags } = this
    if (!['pointer', 'map', 'slice'].includes(value.type.kind)) return this.#bad(verb, value)
    const address = value.data === undefined ? 0n : ADDRESS
    const hex = (sharp: boolean) => integerText({ ...flags, sharp }, address, 'x')
    switch (verb) {
      case 'v':
        if (flags.sharpV) return `(${value.type.name})(${address === 0n ? 'nil' : hex(true)})`
        return address === 0n ? pad(flags, '<nil>') : hex(!flags.sharp)
      case 'p':
        return hex(!flags.sharp)
      case 'b':
      case 'o':
      case 'd':
      case 'x':
      case 'X':
        return integerText(flags, address, verb)
      default:
        return this.#bad(verb, value)
    }
  }

  #bad(verb: string, value: Value | undefined): string {
    if (value === undefined) return `%!${verb}(<nil>)`
    this.#complaining = true
    const text = `%!${verb}(${value.type.name}=${this.argument(value, 'v')})`
    this.#complaining = false
    return text
  }
}

/** In the order in which Go prints maps and ranges over them. */
export function sortedKeys(map: ReadonlyMap<string, unknown> | undefined): string[] {
  return map === undefined ? [] : [...map.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
