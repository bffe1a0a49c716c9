/** Blocks that Prometheus and Thanos wrote have no problems. */
import { readdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { ALL_ISSUES } from '#lib/verify/problem.ts'
import { verifyBlock } from '#lib/verify/verify-block.ts'

const DATA = 'test/data'
const BLOCK = /^[0-7][0-9A-Z]{25}$/

const blocks: { readonly dir: string; readonly id: string }[] = []
for (const entry of await readdir(DATA, { recursive: true, withFileTypes: true })) {
  if (entry.isDirectory() && BLOCK.test(entry.name)) {
    blocks.push({ dir: entry.parentPath, id: entry.name })
  }
}

describe('blocks of real programs', () => {
  it('are here', () => {
    expect(blocks.length).toBeGreaterThan(8)
  })

  it.each(blocks)('$dir/$id', async ({ dir, id }) => {
    const issues = new Set(ALL_ISSUES)
    const { report } = await verifyBlock({ bucket: fileBucket(dir), id, issues })
    expect(report.problems).toEqual([])
    expect(report.chunks).toBeGreaterThan(0)
  })
})
