import { expect, it } from 'vitest'
import type { QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { alignedQueries } from '#lib/query/aligned-queries.ts'
import { scope } from './two-clusters.ts'

it.each([
  [
    { startMs: 61_000, stepMs: 10_000, stepCount: 3, endMs: 89_999 },
    { startMs: 60_000, stepMs: 10_000, stepCount: 3 },
  ],
  [
    { startMs: 65_000, stepMs: 10_000, stepCount: 2 },
    { startMs: 60_000, stepMs: 10_000, stepCount: 2 },
  ],
  [
    { startMs: 60_000, stepMs: 10_000, stepCount: 2 },
    { startMs: 60_000, stepMs: 10_000, stepCount: 2 },
  ],
  [
    { startMs: 61_234, stepMs: 0, stepCount: 1 },
    { startMs: 61_234, stepMs: 0, stepCount: 1 },
  ],
])('begin and end on multiples of the step: %o', async (grid, aligned) => {
  const grids: unknown[] = []
  const query = (one: QueryRequest) => {
    grids.push(one.grid)
    return Promise.reject(new Error('asked'))
  }
  const backendOf = alignedQueries({ query } as unknown as QueryBackend)
  await expect(
    backendOf.query({ text: 'up', grid, scope, options: DEFAULT_ENGINE_OPTIONS }),
  ).rejects.toThrow('asked')
  expect(grids).toEqual([aligned])
})
