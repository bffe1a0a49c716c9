/** The blocks in a Prometheus's data directory, as far as packs are concerned; metas are read once. */
import { readLocalBlocks, isBlockId } from '../ship/block-dir.ts'
import type { MadeBlock } from './covered.ts'
import { listNames } from './log-files.ts'

/** Prometheus's own names. */
const PARTIAL: ReadonlySet<string> = new Set([
  'from-out-of-order',
  'from-stale-series',
  'from-selected-series',
])

export interface LocalBlocks {
  list(): Promise<readonly MadeBlock[]>
}

export function localBlocks(tsdbPath: string): LocalBlocks {
  let names = ''
  let blocks: readonly MadeBlock[] = []
  return {
    async list() {
      const found = (await listNames(tsdbPath)).filter(isBlockId).sort().join()
      if (found === names) return blocks
      const read = await readLocalBlocks(tsdbPath)
      blocks = read.blocks.map(({ ulid, meta: { minTime, maxTime, compaction } }) => ({
        ulid,
        sources: compaction.sources,
        minTimeMs: minTime,
        maxTimeMs: maxTime,
        isPartial: compaction.hints?.some((hint) => PARTIAL.has(hint)) === true,
      }))
      // A block that is not whole yet is looked at again.
      names = read.broken.length === 0 ? found : ''
      return blocks
    },
  }
}
