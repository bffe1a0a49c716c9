/** RE2 patterns looked for anywhere in a text, as Go's regexp does: what templates of alerts have. */
import { LRUCache } from 'lru-cache'
import type { RE2JS } from 're2js'
import { compileRe2, fillTemplate } from './regex.ts'
import { parseTemplate } from './template.ts'

export interface Search {
  readonly test: (text: string) => boolean
  /** Every match replaced by the template, in Go's syntax: `$1`, `${name}`, `$$`. */
  readonly replaceAll: (text: string, template: string) => string
}

const cache = new LRUCache<string, RE2JS>({ max: 200 })

/** Throws DomainError 'invalid' with the text Go gives: ``error parsing regexp: missing closing ): `a(` ``. */
export function compileSearch(pattern: string): Search {
  let compiled = cache.get(pattern)
  if (compiled === undefined) {
    compiled = compileRe2(pattern, 0)
    cache.set(pattern, compiled)
  }
  const ready = compiled
  return {
    test: (text) => ready.matcher(text).find(),
    replaceAll: (text, template) => replaceAll(ready, text, template),
  }
}

/** Whether the pattern was used before, so that nothing has to be read. */
export function isCompiled(pattern: string): boolean {
  return cache.has(pattern)
}

function replaceAll(compiled: RE2JS, text: string, template: string): string {
  const parts = parseTemplate(template)
  const matcher = compiled.matcher(text)
  let out = ''
  let copied = 0
  let lastEnd = -1
  while (matcher.find()) {
    const start = matcher.start()
    const end = matcher.end()
    // Nothing, right behind a match, is none.
    if (end === start && start === lastEnd) continue
    out += text.slice(copied, start) + fillTemplate(parts, compiled, matcher)
    copied = end
    lastEnd = end
  }
  return out + text.slice(copied)
}
