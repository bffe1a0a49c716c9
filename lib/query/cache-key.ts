/** Names of cached answers: by all that an answer depends on. */
import { createHash } from 'node:crypto'
import type { BlockRecord, PackPlace } from '#lib/blocks/block-record.ts'
import type { QueryRequest } from '#lib/promql/backend.ts'
import type { Scope } from '#lib/storage/scope.ts'

/** Changes when the bytes of an answer, or what the engine answers, change. */
const VERSION = 1

/**
 * All of a request but its times. The text is taken as it was written, because annotations point into it. Whether half
 * an answer would do is left out, because half an answer is never kept; anything else a request may say is in, also
 * what is added to requests in times to come.
 */
export function queryKey(request: QueryRequest): string {
  const { grid: _, analyze: __, scope, ...said } = request
  return scopeKey(scope, said)
}

/** What somebody with this scope asks. */
export function scopeKey(scope: Scope, said: object): string {
  const { partialResponse: _, dedup, replicaLabels, ...rest } = scope
  const replicas = dedup ? [...new Set(replicaLabels)].sort() : undefined
  return digest(stable({ VERSION, said, scope: { ...rest, replicas } }))
}

/** All of a request, its times too. */
export function requestKey(request: object): string {
  return stable(request)
}

/** A query with its steps: how far they are apart, and where between two multiples of that they are. */
export function extentName(key: string, stepMs: number, startMs: number): string {
  return `${key}/${stepMs}-${((startMs % stepMs) + stepMs) % stepMs}`
}

/**
 * A set of blocks. A block never changes under its name; what may come to it later is named. Of fresh blocks it is said what of which
 * sequence they hold together: when several become one, nothing else is said.
 */
export function blocksKey(blocks: readonly BlockRecord[]): string {
  const names: string[] = []
  const sequences = new Map<string, PackPlace[]>()
  for (const { id, metaEtag, hasTombstones, pack } of blocks) {
    if (!pack) {
      names.push(JSON.stringify([id, metaEtag, hasTombstones]))
      continue
    }
    const sequence = `${pack.writer}/${pack.epoch}`
    const places = sequences.get(sequence)
    if (places) places.push(pack)
    else sequences.set(sequence, [pack])
  }
  for (const [key, places] of sequences) names.push(`${key} ${JSON.stringify(unionOf(places))}`)
  return digest(names.sort().join('\n'))
}

/** [from, to) of what they hold, ascending, where one ends another does not begin. */
function unionOf(places: readonly PackPlace[]): (readonly [from: number, to: number])[] {
  const union: [number, number][] = []
  for (const { from, to } of places.toSorted((a, b) => a.from - b.from)) {
    const last = union.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else union.push([from, to])
  }
  return union
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 27)
}

/** JSON with sorted keys; sets as sorted lists, numbers that JSON does not have by their names. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Set) return [...(part as ReadonlySet<string>)].sort()
    if (typeof part === 'number' && !Number.isFinite(part)) return String(part)
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
