/** What stands in front of the blocks of a bucket, one layer upon the other: limits, shared work, kept answers, slices. */
import type { QueryBackend } from '#lib/promql/backend.ts'
import { limitedQueries } from './limited-queries.ts'
import { sharedQueries } from './shared-queries.ts'
import type { SlicedBackendParts } from './sliced-backend.ts'
import { slicedBackend } from './sliced-backend.ts'

export function queryFrontend(parts: SlicedBackendParts): QueryBackend {
  const shared = sharedQueries(slicedBackend(parts))
  return parts.limitsOf ? limitedQueries(shared, parts.limitsOf) : shared
}
