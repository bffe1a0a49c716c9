/** What stands in front of the blocks of a bucket, one layer upon the other. */
import type { QueryBackend } from '#lib/promql/backend.ts'
import { alignedQueries } from './aligned-queries.ts'
import { limitedQueries } from './limited-queries.ts'
import { sharedQueries } from './shared-queries.ts'
import type { SlicedBackendParts } from './sliced-backend.ts'
import { slicedBackend } from './sliced-backend.ts'

export interface QueryFrontendParts extends SlicedBackendParts {
  readonly alignRangeWithStep?: boolean | undefined
}

/** From the outside: limits, steps on multiples, shared work, kept answers, slices. */
export function queryFrontend(parts: QueryFrontendParts): QueryBackend {
  let backend = sharedQueries(slicedBackend(parts))
  if (parts.alignRangeWithStep) backend = alignedQueries(backend)
  return parts.limitsOf ? limitedQueries(backend, parts.limitsOf) : backend
}
