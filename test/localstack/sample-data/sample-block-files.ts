// Sample data as the tests look at it: blocks read back by our reader, files by their hash.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatLabels } from '#lib/model/labels.ts'
import type { SampleColumns } from '#lib/model/samples.ts'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'

/** Path → hash of every file below. */
export function filesOf(dir: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files[path.slice(dir.length + 1)] = createHash('sha256')
      .update(readFileSync(path))
      .digest('hex')
  }
  return files
}

export function blockNames(dataDir: string): string[] {
  return readdirSync(dataDir)
    .filter((name) => /^[0-9A-Z]{26}$/.test(name))
    .sort()
}

export function readBlock(dataDir: string, name: string): BlockReader {
  return new BlockReader((file) => {
    try {
      return readFileSync(join(dataDir, name, file))
    } catch {
      return undefined
    }
  })
}

export interface ReadSeries {
  readonly name: string
  readonly labels: readonly string[]
  readonly samples: SampleColumns
}

/** In the order of the index. */
export function readSeries(block: BlockReader): ReadSeries[] {
  return [...block.index.allSeries()].map((series) => ({
    name: formatLabels(series.labels),
    labels: series.labels,
    samples: block.samples(series),
  }))
}
