/** Sources that tell what a test gives them, and the scope in which they are asked. */
import type { Matcher } from '#lib/model/matcher.ts'
import type { PreciseTime } from '#lib/model/precise-time.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Source } from '#lib/storage/source.ts'

export const SCOPE: Scope = {
  dedup: true,
  replicaLabels: ['replica'],
  deduplication: 'nearest',
  partialResponse: true,
  maxSourceResolutionMs: 0,
}
export const TENANT: Matcher = { type: '=', name: 'tenant_id', value: 'a' }
export const at = (seconds: number): PreciseTime => ({ seconds, nanos: 0 })

/** One after the other, each telling its own. */
export function telling(kind: Exclude<keyof Source, 'name'>, values: readonly unknown[]): Source[] {
  return values.map((value, i) => ({
    name: `source ${i}`,
    [kind]: async () => ({ value, warnings: [] }),
  }))
}
