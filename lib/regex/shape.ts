/** Reads the simple half of RE2: patterns that are nothing but literals, alternatives and `.*`. */

/** Stand for `.*` and `.+` inside an expanded pattern: characters Unicode keeps unassigned for such uses. */
export const ANY = '\ufffe'
export const SOME = '\uffff'

const MAX_DEPTH = 50
const MAX_CLASS = 64

/**
 * Every string the pattern can be, with `ANY` and `SOME` for its wildcards: `a(b|c.*)?` gives
 * `['ab', 'ac' + ANY, 'a']`. Undefined when the pattern uses anything else, or when writing it out
 * would cost much more than the pattern is long. What it does read is valid RE2.
 */
export function expandPattern(pattern: string): string[] | undefined {
  if (pattern.includes(ANY) || pattern.includes(SOME) || !pattern.isWellFormed()) return undefined
  const reader = new ShapeReader(pattern)
  const strings = reader.alternation(0)
  return strings !== undefined && reader.done ? strings : undefined
}

class ShapeReader {
  readonly #pattern: string
  #offset = 0
  /** Characters that may still be written out. Keeps `(a|b)(a|b)(a|b)…` from growing without end. */
  #budget: number

  constructor(pattern: string) {
    this.#pattern = pattern
    this.#budget = 65_536 + 8 * pattern.length
  }

  get done(): boolean {
    return this.#offset === this.#pattern.length
  }

  alternation(depth: number): string[] | undefined {
    const all: string[] = []
    for (;;) {
      const strings = this.#concatenation(depth)
      if (strings === undefined) return undefined
      for (const text of strings) all.push(text)
      if (this.#pattern[this.#offset] !== '|') return all
      this.#offset++
    }
  }

  #concatenation(depth: number): string[] | undefined {
    const pattern = this.#pattern
    let product = ['']
    // The whole pattern is anchored anyway, so these two say nothing new.
    if (depth === 0 && pattern[this.#offset] === '^') this.#offset++
    for (;;) {
      const char = pattern[this.#offset]
      if (char === undefined || char === '|' || (char === ')' && depth > 0)) return product
      if (char === '$' && depth === 0) {
        this.#offset++
        const next = pattern[this.#offset]
        return next === undefined || next === '|' ? product : undefined
      }
      const atom = this.#atom(depth)
      if (atom === undefined) return undefined
      if (atom.length === 1 && product.length === 1) {
        product[0] += atom[0]!
        continue
      }
      const next: string[] = []
      for (const head of product) {
        for (const tail of atom) {
          this.#budget -= head.length + tail.length + 1
          if (this.#budget < 0) return undefined
          next.push(head + tail)
        }
      }
      product = next
    }
  }

  /** One literal run, class, group or wildcard, with its `?`. */
  #atom(depth: number): string[] | undefined {
    const pattern = this.#pattern
    const char = pattern[this.#offset]!
    if (char === '.') return this.#wildcard()
    let strings: string[] | undefined
    if (char === '(') {
      strings = this.#group(depth)
    } else if (char === '[') {
      strings = this.#class()
    } else {
      const literal = this.#literal()
      if (literal !== undefined) strings = [literal]
    }
    if (strings === undefined) return undefined
    const quantifier = pattern[this.#offset]
    if (quantifier === '?') {
      this.#offset++
      if (isQuantifier(pattern[this.#offset])) return undefined
      return [...strings, '']
    }
    return isQuantifier(quantifier) ? undefined : strings
  }

  #wildcard(): string[] | undefined {
    const quantifier = this.#pattern[this.#offset + 1]
    if (quantifier !== '*' && quantifier !== '+') return undefined
    this.#offset += 2
    if (isQuantifier(this.#pattern[this.#offset])) return undefined
    return [quantifier === '*' ? ANY : SOME]
  }

  #group(depth: number): string[] | undefined {
    const pattern = this.#pattern
    if (depth === MAX_DEPTH) return undefined
    this.#offset++
    if (pattern[this.#offset] === '?') {
      if (pattern[this.#offset + 1] !== ':') return undefined
      this.#offset += 2
    }
    const strings = this.alternation(depth + 1)
    if (strings === undefined || pattern[this.#offset] !== ')') return undefined
    this.#offset++
    return strings
  }

  /** `[abc]` and `[0-9a-f]` of letters, digits and underscores only. */
  #class(): string[] | undefined {
    const match = /^\[((?:[0-9]-[0-9]|[a-z]-[a-z]|[A-Z]-[A-Z]|\w)+)\]/.exec(
      this.#pattern.slice(this.#offset, this.#offset + 2 * MAX_CLASS),
    )
    if (match === null) return undefined
    this.#offset += match[0].length
    const members = new Set<string>()
    for (const [part] of match[1]!.matchAll(/.-.|./g)) {
      const first = part.charCodeAt(0)
      const last = part.charCodeAt(part.length - 1)
      if (last < first) return undefined
      for (let code = first; code <= last; code++) members.add(String.fromCharCode(code))
    }
    return [...members]
  }

  /** A run of ordinary characters; the last one alone when a quantifier follows it. */
  #literal(): string | undefined {
    const pattern = this.#pattern
    const start = this.#offset
    if (pattern[start] === '\\') {
      const escaped = pattern[start + 1]
      if (escaped === undefined || !/[!-/:-@[-`{-~]/.test(escaped)) return undefined
      this.#offset += 2
      return escaped
    }
    let end = start
    while (end < pattern.length && !isSpecial(pattern.charCodeAt(end))) end++
    if (end === start) return undefined
    if (end - start > 1 && isQuantifier(pattern[end])) {
      end--
      const code = pattern.charCodeAt(end)
      if (code >= 0xdc00 && code <= 0xdfff) end--
      if (end === start) end = start + 2
    }
    this.#offset = end
    return pattern.slice(start, end)
  }
}

function isQuantifier(char: string | undefined): boolean {
  return char === '*' || char === '+' || char === '?' || char === '{'
}

const SPECIAL = new Uint8Array(128)
for (const char of '\\.+*?()|[]{}^$') SPECIAL[char.charCodeAt(0)] = 1

function isSpecial(code: number): boolean {
  return code < 128 && SPECIAL[code] === 1
}

/** The literal text every match of any RE2 pattern begins with. May be shorter than the truth. */
export function literalPrefix(pattern: string): string {
  if (pattern.includes('|')) return ''
  let prefix = ''
  let offset = pattern.startsWith('^') ? 1 : 0
  while (offset < pattern.length) {
    let char = String.fromCodePoint(pattern.codePointAt(offset)!)
    if (char === '\\') {
      char = pattern[offset + 1] ?? ''
      if (!/[!-/:-@[-`{-~]/.test(char)) break
      offset++
    } else if (isSpecial(char.charCodeAt(0))) break
    offset += char.length
    const next = pattern[offset]
    if (next === '*' || next === '?' || next === '{') break
    prefix += char
    if (next === '+') break
  }
  return prefix
}
