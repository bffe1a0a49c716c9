/** Downsampled blocks of Thanos, rewritten. */
import { cp } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'
import { parseDeletionRequests } from '#lib/rewrite/deletion-request.ts'
import { rewriteBlock } from '#lib/rewrite/rewrite-block.ts'
import { verifyBlock } from '#lib/verify/verify-block.ts'
import { ALL_ISSUES } from '#lib/verify/problem.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { testId } from '#test/store/sample-block.ts'
import { readBlock } from './block-contents.ts'

async function rewritten(relabel: string, remove: string) {
  const dir = await temporaryDir()
  await cp('test/data/aggregates-e103a81b', dir, { recursive: true })
  const bucket = fileBucket(dir)
  const { blocks } = await scanBlocks(bucket, new Map())
  const block = blocks.find(({ resolutionMs }) => resolutionMs > 0)!
  const ulid = testId(1)
  const result = await rewriteBlock({
    bucket,
    block,
    ulid,
    now: () => 0,
    relabels: parseRelabelConfigs(relabel, 'relabel'),
    deletions: parseDeletionRequests(remove, 'delete'),
    dryRun: false,
    changeLog: false,
  })
  const { report } = await verifyBlock({ bucket, id: ulid, issues: new Set(ALL_ISSUES) })
  expect(report.problems).toEqual([])
  return { result, old: await readBlock(bucket, block.id), made: await readBlock(bucket, ulid) }
}

it('relabelled, keep their chunks as they are', async () => {
  const { old, made } = await rewritten('[{target_label: team, replacement: one}]', '')
  const chunksOf = (block: typeof old) =>
    [...block.index.allSeries()].map(({ chunks }) =>
      chunks.map((chunk) => [...block.chunk(chunk).data]),
    )
  expect(chunksOf(made)).toEqual(chunksOf(old))
  expect(made.meta.thanos?.downsample).toEqual(old.meta.thanos?.downsample)
  const { numSeries, numChunks, numSamples } = old.meta.stats
  expect(made.meta.stats).toMatchObject({ numSeries, numChunks, numSamples })
})

it('cut, lose the windows that end in the interval', async () => {
  const { old } = await rewritten(
    '',
    `[{matchers: '{__name__=~".+"}', intervals: [{mint: 0, maxt: 1}]}]`,
  )
  const first = [...old.index.allSeries()][0]!
  const { minTimeMs, maxTimeMs } = first.chunks[0]!
  const half = Math.floor((minTimeMs + maxTimeMs) / 2)
  const name = first.labels[first.labels.indexOf('__name__') + 1]!
  const cut = await rewritten(
    '',
    `[{matchers: '{__name__="${name}"}', intervals: [{mint: ${half}, maxt: ${maxTimeMs + 1e9}}]}]`,
  )
  expect(cut.result.counts).toMatchObject({ read: 20, written: 20, cut: 1 })
  const left = [...cut.made.index.allSeries()][0]!
  expect(left.labels).toEqual(first.labels)
  expect(left.chunks[0]!.minTimeMs).toBe(minTimeMs)
  expect(left.chunks.at(-1)!.maxTimeMs).toBeLessThan(half)
  // Five minutes at most are between the last window that is left and the cut.
  expect(left.chunks.at(-1)!.maxTimeMs).toBeGreaterThan(half - 300_001)
})
