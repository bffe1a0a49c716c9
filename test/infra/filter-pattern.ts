/**
 * Filter patterns of CloudWatch Logs for JSON, as AWS documents them: `{ $.a.b > 3 && ($.c = "x*" || $.d NOT EXISTS) }`. A number is compared
 * with numbers alone, a string with strings; what is not there matches nothing, also where it is to be other than something.
 */

/** Whether a line of a log matches. Throws for a pattern that this does not know. */
export function filterPattern(pattern: string): (line: string) => boolean {
  const test = new Parser(pattern).pattern()
  return (line) => {
    const json = parsed(line)
    return json !== undefined && test(json)
  }
}

/** What `$.a.b` is of a line; undefined where it is not there, or the line is no JSON. */
export function valueAt(selector: string, line: string): unknown {
  return at(selector, parsed(line))
}

type Test = (json: unknown) => boolean

const TOKEN = /\s*(\{|\}|\(|\)|&&|\|\||!=|<=|>=|=|<|>|\$[\w.[\]-]+|"(?:[^"\\]|\\.)*"|[\w.*+-]+)/y

class Parser {
  readonly #tokens: readonly string[]
  #at = 0

  constructor(pattern: string) {
    const tokens: string[] = []
    TOKEN.lastIndex = 0
    while (TOKEN.lastIndex < pattern.trimEnd().length) {
      const { lastIndex } = TOKEN
      const found = TOKEN.exec(pattern)
      if (!found) throw new Error(`filter pattern: ${JSON.stringify(pattern.slice(lastIndex))}`)
      tokens.push(found[1]!)
    }
    this.#tokens = tokens
  }

  pattern(): Test {
    this.#expect('{')
    const test = this.#any()
    this.#expect('}')
    if (this.#at < this.#tokens.length) throw new Error(`filter pattern: ${this.#next()}`)
    return test
  }

  #any(): Test {
    const tests = [this.#all()]
    while (this.#take('||')) tests.push(this.#all())
    return (json) => tests.some((test) => test(json))
  }

  #all(): Test {
    const tests = [this.#one()]
    while (this.#take('&&')) tests.push(this.#one())
    return (json) => tests.every((test) => test(json))
  }

  #one(): Test {
    if (this.#take('(')) {
      const test = this.#any()
      this.#expect(')')
      return test
    }
    const selector = this.#next()
    if (!selector.startsWith('$.')) throw new Error(`filter pattern: no selector ${selector}`)
    const operator = this.#next()
    if (operator === 'NOT') {
      this.#expect('EXISTS')
      return (json) => at(selector, json) === undefined
    }
    if (operator === 'IS') {
      const constants: Record<string, unknown> = { NULL: null, TRUE: true, FALSE: false }
      const word = this.#next()
      if (!Object.hasOwn(constants, word)) throw new Error(`filter pattern: IS ${word}`)
      return (json) => at(selector, json) === constants[word]
    }
    const compare = comparison(operator, this.#next())
    return (json) => compare(at(selector, json))
  }

  #next(): string {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new Error('filter pattern ends too early')
    return token
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false
    this.#at++
    return true
  }

  #expect(token: string): void {
    const found = this.#next()
    if (found !== token) throw new Error(`filter pattern: ${found}, not ${token}`)
  }
}

function comparison(operator: string, operand: string): (value: unknown) => boolean {
  const number = operand.startsWith('"') ? NaN : Number(operand)
  if (Number.isNaN(number)) {
    const isLike = wildcard(operand.startsWith('"') ? (JSON.parse(operand) as string) : operand)
    if (operator === '=') return (value) => typeof value === 'string' && isLike(value)
    if (operator === '!=') return (value) => typeof value === 'string' && !isLike(value)
    throw new Error(`filter pattern: ${operator} of a string`)
  }
  const compare = NUMERIC[operator]
  if (!compare) throw new Error(`filter pattern: operator ${operator}`)
  return (value) => typeof value === 'number' && compare(value, number)
}

const NUMERIC: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
}

function wildcard(text: string): (value: string) => boolean {
  const parts = text.split('*').map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&'))
  const regex = new RegExp(`^${parts.join('.*')}$`, 's')
  return (value) => regex.test(value)
}

function at(selector: string, json: unknown): unknown {
  return selector
    .replace(/^\$\.?/, '')
    .split('.')
    .reduce<unknown>((value, name) => {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
        return undefined
      return (value as Record<string, unknown>)[name]
    }, json)
}

function parsed(line: string): unknown {
  try {
    const json: unknown = JSON.parse(line)
    return typeof json === 'object' && json !== null ? json : undefined
  } catch {
    return undefined
  }
}
