/** Reads many blocks side by side. */
import pLimit, { type LimitFunction } from 'p-limit'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { DomainError, type ErrorKind } from '#lib/model/errors.ts'

const BLOCKS_AT_ONCE = 64

/** Failures of one block that others don't share. */
const BLOCK_FAILURES: ReadonlySet<ErrorKind> = new Set([
  'corrupt',
  'not-found',
  'unavailable',
  'unsupported',
])

/** Shared by all selectors of a query. */
export function blockLimit(): LimitFunction {
  return pLimit(BLOCKS_AT_ONCE)
}

export interface BlockReading {
  /** A block that fails alone is a warning: half an answer is wanted. */
  readonly partialResponse: boolean
  /** But not one that is gone. */
  readonly goneBlockFails?: boolean | undefined
  readonly limit?: LimitFunction | undefined
}

export async function readBlocks<T>(
  blocks: readonly BlockRecord[],
  read: (block: BlockRecord) => Promise<T>,
  { partialResponse, goneBlockFails = false, limit = blockLimit() }: BlockReading,
): Promise<{ results: T[]; warnings: string[] }> {
  const warnings: string[] = []
  const results = await Promise.all(
    blocks.map((block) =>
      limit(async () => {
        try {
          return [await read(block)]
        } catch (error) {
          const alone = error instanceof DomainError && BLOCK_FAILURES.has(error.kind)
          if (!alone || !partialResponse) throw error
          if (goneBlockFails && error.kind === 'not-found') throw error
          warnings.push(`block ${block.id} is left out: ${error.message}`)
          return []
        }
      }),
    ),
  )
  return { results: results.flat(), warnings: warnings.sort() }
}
