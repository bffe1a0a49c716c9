/** Go's Sprint, Sprintln and Sprintf. Formats and results are bytes; nil arguments are undefined. */
import { decodeRune, encodeRune } from '../value/bytes.ts'
import { isInteger, type Value } from '../value/value.ts'
import { Printer } from './printer.ts'
import { noFlags, type Flags } from './scalars.ts'

type Argument = Value | undefined

/** Spaces come between two that are no strings. */
export function sprint(args: readonly Argument[]): string {
  const printer = new Printer()
  let out = ''
  let wasString = true
  for (const [i, arg] of args.entries()) {
    const isString = arg?.type.kind === 'string'
    if (i > 0 && !isString && !wasString) out += ' '
    out += printer.argument(arg, 'v')
    wasString = isString
  }
  return out
}

export function sprintln(args: readonly Argument[]): string {
  const printer = new Printer()
  return `${args.map((arg) => printer.argument(arg, 'v')).join(' ')}\n`
}

/** Nothing is larger: not a width, not a precision, not the number of an argument. */
const MAX_NUMBER = 1_000_000

/** `wraps`: as Errorf does, where `%w` is an error. */
export function sprintf(format: string, args: readonly Argument[], wraps = false): string {
  return new Formatter(format, args, wraps).run()
}

class Formatter {
  readonly #format: string
  readonly #args: readonly Argument[]
  readonly #wraps: boolean
  readonly #printer = new Printer()
  #at = 0
  #next = 0
  /** Whether an argument was asked for by number; then nobody counts those left over. */
  #reordered = false
  #goodNumber = true
  #afterNumber = false

  constructor(format: string, args: readonly Argument[], wraps: boolean) {
    this.#format = format
    this.#args = args
    this.#wraps = wraps
  }

  run(): string {
    const format = this.#format
    let out = ''
    while (this.#at < format.length) {
      const percent = format.indexOf('%', this.#at)
      if (percent < 0) {
        out += format.slice(this.#at)
        break
      }
      out += format.slice(this.#at, percent)
      this.#at = percent + 1
      out += this.#directive()
    }
    return this.#reordered ? out : out + this.#leftOver()
  }

  #directive(): string {
    const flags = noFlags()
    this.#printer.flags = flags
    this.#goodNumber = true
    this.#readFlags(flags)
    this.#argumentNumber()
    const complaint = this.#width(flags) + this.#precision(flags)
    if (!this.#afterNumber) this.#argumentNumber()
    if (this.#at >= this.#format.length) return `${complaint}%!(NOVERB)`
    const { rune, width } = decodeRune(this.#format, this.#at)
    this.#at += width
    return complaint + this.#verb(encodeRune(rune), flags)
  }

  #verb(verb: string, flags: Flags): string {
    if (verb === '%') return '%'
    if (!this.#goodNumber) return `%!${verb}(BADINDEX)`
    if (this.#next >= this.#args.length) return `%!${verb}(MISSING)`
    if (verb === 'v' || verb === 'w') {
      flags.sharpV = flags.sharp
      flags.sharp = false
      flags.plusV = flags.plus
      flags.plus = false
    }
    const arg = this.#args[this.#next++]
    return this.#printer.argument(arg, verb === 'w' && this.#wraps ? 'v' : verb)
  }

  #readFlags(flags: Flags): void {
    for (; ; this.#at++) {
      switch (this.#format[this.#at]) {
        case '#':
          flags.sharp = true
          break
        case '0':
          flags.zero = true
          break
        case '+':
          flags.plus = true
          break
        case '-':
          flags.minus = true
          break
        case ' ':
          flags.space = true
          break
        default:
          return
      }
    }
  }

  #width(flags: Flags): string {
    if (this.#format[this.#at] !== '*') {
      flags.width = this.#number()
      if (this.#afterNumber && flags.width !== undefined) this.#goodNumber = false
      return ''
    }
    this.#at++
    const width = this.#integerArgument()
    this.#afterNumber = false
    if (width === undefined) return '%!(BADWIDTH)'
    if (width < 0) {
      flags.minus = true
      flags.zero = false
    }
    flags.width = Math.abs(width)
    return ''
  }

  #precision(flags: Flags): string {
    if (this.#format[this.#at] !== '.' || this.#at + 1 >= this.#format.length) return ''
    this.#at++
    if (this.#afterNumber) this.#goodNumber = false
    this.#argumentNumber()
    if (this.#format[this.#at] !== '*') {
      flags.precision = this.#number() ?? 0
      return ''
    }
    this.#at++
    const precision = this.#integerArgument()
    this.#afterNumber = false
    if (precision === undefined || precision < 0) return '%!(BADPREC)'
    flags.precision = precision
    return ''
  }

  /** Digits; when they are too many, the format ends there. */
  #number(): number | undefined {
    let value: number | undefined
    for (; /[0-9]/.test(this.#format[this.#at] ?? ''); this.#at++) {
      if (value !== undefined && value > MAX_NUMBER) {
        this.#at = this.#format.length
        return undefined
      }
      value = (value ?? 0) * 10 + Number(this.#format[this.#at])
    }
    return value
  }

  #integerArgument(): number | undefined {
    if (this.#next >= this.#args.length) return undefined
    const arg = this.#args[this.#next++]
    if (arg === undefined || !isInteger(arg.type)) return undefined
    const value = Number(arg.data)
    return Math.abs(value) > MAX_NUMBER ? undefined : value
  }

  /** `[3]`: the argument that comes next. */
  #argumentNumber(): void {
    this.#afterNumber = false
    if (this.#format[this.#at] !== '[') return
    this.#reordered = true
    const rest = this.#format.slice(this.#at)
    const close = rest.indexOf(']', 1)
    if (close < 0 || rest.length < 3) {
      this.#goodNumber = false
      this.#at++
      return
    }
    this.#at += close + 1
    const text = rest.slice(1, close)
    const number = /^[0-9]{1,7}$/.test(text) ? Number(text) : undefined
    this.#afterNumber = number !== undefined
    if (number === undefined || number < 1 || number > this.#args.length) this.#goodNumber = false
    else this.#next = number - 1
  }

  #leftOver(): string {
    if (this.#next >= this.#args.length) return ''
    this.#printer.flags = noFlags()
    const shown = this.#args
      .slice(this.#next)
      .map((arg) =>
        arg === undefined ? '<nil>' : `${arg.type.name}=${this.#printer.argument(arg, 'v')}`,
      )
    return `%!(EXTRA ${shown.join(', ')})`
  }
}
