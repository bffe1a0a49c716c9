/** RE2 patterns as Prometheus uses them: fully anchored, dot matches newline, time linear in the text. */
import { RE2JS, RE2JSException, type Matcher } from 're2js'
import { DomainError } from '#lib/model/errors.ts'
import { ANY, expandPattern, literalPrefix, SOME } from './shape.ts'
import { parseTemplate } from './template.ts'
import type { TemplatePart } from './template.ts'

export interface Regex {
  readonly pattern: string
  /** Whether the whole value matches. */
  readonly test: (value: string) => boolean
  /**
   * The template filled with the groups of a match of the whole value; undefined when it does not
   * match. Go's syntax: `$1`, `${1}`, `${name}`, `$$`.
   */
  readonly replaceFull: (value: string, template: string) => string | undefined
  /** The only values that match, each once, when there are at most `MAX_LITERALS`. */
  readonly literals?: readonly string[] | undefined
  /** What every matching value begins with; '' when unknown. */
  readonly prefix: string
}

export const MAX_LITERALS = 1_000

/** A longer pattern that is not just literals is refused: compiling it would hold the process for seconds. */
export const MAX_PATTERN_LENGTH = 200_000

/** More wildcard alternatives than this are quicker in one automaton than one by one. */
const MAX_GLOBS = 16

const CACHE_CHARACTERS = 2_000_000
const cache = new Map<string, Regex>()
let cachedCharacters = 0

/** Throws DomainError 'invalid' with the text Go gives: ``error parsing regexp: missing closing ): `a(` ``. */
export function compileRegex(pattern: string): Regex {
  const cached = cache.get(pattern)
  if (cached !== undefined) {
    // Map keeps insertion order, so the least recently used is always first.
    cache.delete(pattern)
    cache.set(pattern, cached)
    return cached
  }
  const regex = build(pattern)
  cache.set(pattern, regex)
  cachedCharacters += pattern.length + 64
  for (const oldest of cache.keys()) {
    if (cachedCharacters <= CACHE_CHARACTERS) break
    cache.delete(oldest)
    cachedCharacters -= oldest.length + 64
  }
  return regex
}

function build(pattern: string): Regex {
  const strings = expandPattern(pattern)
  if (strings === undefined) return automaton(pattern)
  const literals = new Set<string>()
  const globs = new Set<string>()
  for (const text of strings)
    (text.includes(ANY) || text.includes(SOME) ? globs : literals).add(text)
  if (globs.size > MAX_GLOBS) return automaton(pattern)
  const tests = [...globs].map(globTest)
  if (literals.size === 1) {
    const [only] = literals
    tests.unshift((value) => value === only)
  } else if (literals.size > 1) {
    tests.unshift((value) => literals.has(value))
  }
  return {
    pattern,
    test: tests.length === 1 ? tests[0]! : (value) => tests.some((test) => test(value)),
    replaceFull: replacer(pattern),
    literals: globs.size === 0 && literals.size <= MAX_LITERALS ? [...literals] : undefined,
    prefix: commonPrefix(strings),
  }
}

function automaton(pattern: string): Regex {
  const compiled = compileRe2(pattern)
  return {
    pattern,
    test: (value) => compiled.testExact(value),
    replaceFull: replacer(pattern, compiled),
    prefix: literalPrefix(pattern),
  }
}

/** Not anchored. Throws as `compileRegex` does. */
export function compileRe2(pattern: string, flags: number = RE2JS.DOTALL): RE2JS {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new DomainError(
      'invalid',
      `error parsing regexp: expression too large: ${pattern.length} characters, at most ${MAX_PATTERN_LENGTH}`,
    )
  }
  if (!pattern.isWellFormed()) {
    throw new DomainError(
      'invalid',
      `error parsing regexp: invalid UTF-8: \`${pattern.toWellFormed()}\``,
    )
  }
  try {
    return RE2JS.compile(pattern, flags)
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause
    // The flag is shown as part of the pattern, and a trailing backslash without the (empty) rest.
    const text = cause.message
      .replace(': `(?s)', ': `')
      .replace(/trailing backslash at end of expression$/, '$&: ``')
    throw new DomainError('invalid', text, { cause })
  }
}

function replacer(pattern: string, ready?: RE2JS): Regex['replaceFull'] {
  let compiled = ready
  let lastTemplate: string | undefined
  let parts: readonly TemplatePart[] = []
  return (value, template) => {
    if (compiled === undefined) compiled = compileRe2(pattern)
    const matcher = compiled.matcher(value)
    if (!matcher.matches()) return undefined
    if (template !== lastTemplate) {
      parts = parseTemplate(template)
      lastTemplate = template
    }
    return fillTemplate(parts, compiled, matcher)
  }
}

/** The template with the groups of what was matched last; a group that there is not is empty. */
export function fillTemplate(
  parts: readonly TemplatePart[],
  compiled: RE2JS,
  matcher: Matcher,
): string {
  let out = ''
  for (const part of parts) {
    if (part.type === 'text') {
      out += part.text
      continue
    }
    const group =
      part.type === 'group' ? part.group : (compiled.namedGroups()[part.name] ?? Infinity)
    if (group <= compiled.groupCount()) out += matcher.group(group) ?? ''
  }
  return out
}

/** Literals with wildcards between them: each literal is looked for as early as it can be. */
function globTest(glob: string): (value: string) => boolean {
  const literals: string[] = []
  /** gaps[i] before literals[i]: the fewest characters its wildcards take, -1 for no wildcard. */
  const gaps: number[] = []
  let text = ''
  let gap = -1
  for (const unit of glob) {
    if (unit !== ANY && unit !== SOME) {
      text += unit
      continue
    }
    if (text !== '' || literals.length === 0) {
      literals.push(text)
      gaps.push(gap)
      text = ''
      gap = 0
    }
    gap = Math.max(gap, 0) + (unit === SOME ? 1 : 0)
  }
  const first = literals[0]!
  const last = text
  const lastGap = gap
  if (literals.length === 1) {
    const least = first.length + last.length + lastGap
    if (lastGap < 2) {
      if (first === '' && last === '') return lastGap === 0 ? () => true : (value) => value !== ''
      if (last === '') return (value) => value.length >= least && value.startsWith(first)
      return (value) => value.length >= least && value.startsWith(first) && value.endsWith(last)
    }
  }
  return (value) => {
    if (!value.startsWith(first)) return false
    let at = first.length
    for (let i = 1; i < literals.length; i++) {
      const found = value.indexOf(literals[i]!, skip(value, at, gaps[i]!))
      if (found < 0) return false
      at = found + literals[i]!.length
    }
    return value.length - last.length >= skip(value, at, lastGap) && value.endsWith(last)
  }
}

/** The place `count` characters (not UTF-16 units) further, or past the end. */
function skip(value: string, at: number, count: number): number {
  let place = at
  for (let i = 0; i < count; i++) {
    if (place >= value.length) return value.length + 1
    place += value.codePointAt(place)! > 0xffff ? 2 : 1
  }
  return place
}

function commonPrefix(strings: readonly string[]): string {
  let prefix = strings[0]!
  for (const text of strings) {
    let length = 0
    while (length < prefix.length && prefix[length] === text[length]) length++
    prefix = prefix.slice(0, length)
    if (prefix === '') return ''
  }
  const wildcard = prefix.search(/[\ufffe\uffff]/)
  if (wildcard >= 0) prefix = prefix.slice(0, wildcard)
  return prefix.isWellFormed() ? prefix : prefix.slice(0, -1)
}
