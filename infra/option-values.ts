/** What may stand for an option in the context: how it is read, and what it is where nothing is said. */

export interface Option<T> {
  /** As it stands in cdk.json. */
  readonly default: string | number | boolean
  /** In the table of docs/stack-options.md. */
  readonly help: string
  /** Values of a command line are strings. Throws an Error that goes on from `option … is "…"`. */
  readonly read: (value: unknown) => T
}

/** Its beginning is the value that was given. */
function wrong(value: unknown, want: string): Error {
  return new Error(`is ${JSON.stringify(value)}: ${want}`)
}

export function text(
  byDefault: string,
  help: string,
  shape: { readonly pattern: RegExp; readonly want: string } = { pattern: /^/, want: '' },
): Option<string> {
  return {
    default: byDefault,
    help,
    read(value) {
      if (typeof value !== 'string') throw wrong(value, 'give a text')
      const trimmed = value.trim()
      if (trimmed !== '' && !shape.pattern.test(trimmed)) throw wrong(value, shape.want)
      return trimmed
    },
  }
}

/** Items with commas. */
export function list(
  byDefault: string,
  help: string,
  item: { readonly pattern: RegExp; readonly want: string },
): Option<readonly string[]> {
  const line = text(byDefault, help)
  return {
    ...line,
    read(value) {
      const items = itemsOf(line.read(value))
      const bad = items.find((one) => !item.pattern.test(one))
      if (bad !== undefined) throw new Error(`has ${JSON.stringify(bad)}: ${item.want}`)
      return items
    },
  }
}

/** `name=value` with commas. */
export function pairs(byDefault: string, help: string): Option<Readonly<Record<string, string>>> {
  const items = list(byDefault, help, { pattern: /^[^=]+=/, want: 'want name=value' })
  return {
    ...items,
    read: (value) =>
      Object.fromEntries(
        items.read(value).map((one) => {
          const at = one.indexOf('=')
          return [one.slice(0, at).trim(), one.slice(at + 1).trim()]
        }),
      ),
  }
}

export function itemsOf(line: string): string[] {
  return line
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

export function whole(
  byDefault: number,
  help: string,
  { min, max }: { readonly min: number; readonly max?: number },
): Option<number> {
  return {
    default: byDefault,
    help,
    read(value) {
      const number = numberOf(value)
      if (Number.isInteger(number) && number >= min && number <= (max ?? Infinity)) return number
      const range = max === undefined ? `of ${min} or more` : `from ${min} to ${max}`
      throw wrong(value, `give a whole number ${range}`)
    },
  }
}

/** 0 for none; otherwise from `min` on. */
export function wholeOrNone(
  help: string,
  bounds: { readonly min: number; readonly max?: number },
): Option<number> {
  const some = whole(0, help, bounds)
  return {
    ...some,
    read(value) {
      if (numberOf(value) === 0) return 0
      try {
        return some.read(value)
      } catch (error) {
        throw new Error(`${(error as Error).message}, or 0`, { cause: error })
      }
    },
  }
}

export function amount(help: string, want: string): Option<number> {
  return {
    default: 0,
    help,
    read(value) {
      const number = numberOf(value)
      if (Number.isFinite(number) && number >= 0) return number
      throw wrong(value, want)
    },
  }
}

export function toggle(byDefault: boolean, help: string): Option<boolean> {
  return {
    default: byDefault,
    help,
    read(value) {
      if (value === true || value === 'true') return true
      if (value === false || value === 'false') return false
      throw wrong(value, 'give true or false')
    },
  }
}

export function choice<const T extends string | number>(
  byDefault: T,
  help: string,
  values: readonly T[],
): Option<T> {
  return {
    default: byDefault,
    help,
    read(value) {
      const found = values.find((one) => String(one) === String(value))
      if (found !== undefined) return found
      throw wrong(value, `give one of ${values.join(', ')}`)
    },
  }
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN
}
