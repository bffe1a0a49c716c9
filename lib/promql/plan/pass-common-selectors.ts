/** Pass: selectors that want the same samples read them once. */
import { aggregationOf, needsPairs } from '#lib/storage/downsampling.ts'
import type { SelectRequest } from '#lib/storage/storage.ts'
import type { VectorSelector } from '../parse/ast.ts'
import type { SelectorReach } from './reach.ts'

/** One request to the storage, and who uses its answer. */
export interface Read {
  readonly request: SelectRequest
  readonly selectors: readonly VectorSelector[]
}

/** In the order of the query's text. The order of matchers does not matter, nor does a matcher written twice. */
export function commonReads(reaches: readonly SelectorReach[]): readonly Read[] {
  const [only] = reaches
  if (only && reaches.length === 1) return [{ request: only.request, selectors: [only.selector] }]
  const byKey = new Map<string, { request: SelectRequest; selectors: VectorSelector[] }>()
  for (const { selector, request } of reaches) {
    const key = keyOf(request)
    const read = byKey.get(key)
    if (!read) {
      byKey.set(key, { request, selectors: [selector] })
      continue
    }
    read.selectors.push(selector)
    read.request = forBoth(read.request, request)
  }
  return [...byKey.values()]
}

function keyOf({ matchers, startMs, endMs, hints }: SelectRequest): string {
  const texts = [
    ...new Set(matchers.map(({ name, type, value }) => JSON.stringify([name, type, value]))),
  ].sort()
  const { grouping: _grouping, by: _by, func, ...rest } = hints
  // Only what takes the same from downsampled blocks may share a read, in either way of reading them.
  const taken = [aggregationOf(hints), aggregationOf(hints, true)]
  return JSON.stringify([texts, startMs, endMs, taken, needsPairs(func), rest])
}

/** What is above one of them need not be above the other. */
function forBoth(a: SelectRequest, b: SelectRequest): SelectRequest {
  const same =
    a.hints.by === b.hints.by &&
    a.hints.grouping.length === b.hints.grouping.length &&
    a.hints.grouping.every((name, i) => name === b.hints.grouping[i])
  return same ? a : { ...a, hints: { ...a.hints, grouping: [], by: false } }
}
