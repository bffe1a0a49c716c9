/** `rewriteBlock` makes of a block what `thanos tools bucket rewrite` makes of it. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'
import { changeLine, type SeriesChange } from '#lib/rewrite/change-log.ts'
import { parseDeletionRequests } from '#lib/rewrite/deletion-request.ts'
import { rewriteBlock } from '#lib/rewrite/rewrite-block.ts'
import { command } from '#test/peer/cache.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'
import { putBlock, testId, type TestSeries } from '#test/store/sample-block.ts'
import {
  floatSeries,
  histogramSeries,
  WRITTEN_END_MS,
  WRITTEN_START_MS,
} from './support/written-series.ts'

const BINARY = process.env['THAW_THANOS']
const FLOATS = testId(1)
const HISTOGRAMS = testId(2)
const OURS = testId(3)

interface Case {
  readonly name: string
  readonly block?: string
  readonly relabel?: string
  readonly remove?: string
  /** Chunks begin elsewhere after Thanos relabelled, and so do the times that it logs. */
  readonly otherTimes?: boolean
}

const HALF = Math.floor((WRITTEN_START_MS + WRITTEN_END_MS) / 2)

const CASES: readonly Case[] = [
  { name: 'series', remove: `[{matchers: '{__name__="level", job=~"a|x"}'}]` },
  {
    name: 'times',
    remove: `
- matchers: '{job="a"}'
  intervals: [{mint: ${WRITTEN_START_MS}, maxt: ${WRITTEN_START_MS + 5_000_000}}, {mint: ${HALF}, maxt: ${HALF + 999_999}}]
- matchers: '{__name__=~"l.*"}'
  intervals: [{mint: ${HALF + 500_000}, maxt: ${HALF + 3_000_000}}]
  request_id: r1`,
  },
  { name: 'matchers of absent labels', remove: `[{matchers: '{job="a", no!="x"}'}]` },
  { name: 'a label goes', relabel: '[{action: labeldrop, regex: job}]' },
  { name: 'order changes', relabel: '[{source_labels: [__name__], target_label: a_name}]' },
  {
    name: 'every action',
    relabel: `
- {action: keep, source_labels: [__name__], regex: "level|hole|special|once|requests_total|late"}
- {action: drop, source_labels: [__name__, job], separator: "/", regex: "late/a"}
- {action: hashmod, source_labels: [__name__, job], modulus: 7, target_label: shard}
- {action: uppercase, source_labels: [job], target_label: upper}
- {action: lowercase, source_labels: [upper], target_label: lower}
- {action: keepequal, source_labels: [job], target_label: lower}
- {action: dropequal, source_labels: [__name__], target_label: job}
- {action: labelmap, regex: "(low|upp)er", replacement: "case_$1"}
- {source_labels: [__name__], regex: "(.)(.*)", target_label: "first_$1", replacement: "\${2}!"}
- {action: labeldrop, regex: "lower|upper"}
- {action: labelkeep, regex: "__name__|shard|case_.*|first_.*"}`,
  },
  {
    name: 'relabelled, then deleted by new labels',
    relabel: '[{source_labels: [job], target_label: team, replacement: "team $1"}]',
    remove: `[{matchers: '{team="team b"}'}, {matchers: '{team="team a"}', intervals: [{mint: 0, maxt: ${HALF}}]}]`,
    otherTimes: true,
  },
  {
    name: 'histograms with other labels',
    block: HISTOGRAMS,
    relabel: '[{target_label: region, replacement: eu}, {action: labeldrop, regex: no}]',
  },
  { name: 'series of histograms', block: HISTOGRAMS, remove: `[{matchers: '{job="a"}'}]` },
]

if (BINARY === undefined) {
  describeSkipped('rewriting beside Thanos', { missing: 'THAW_THANOS names no Thanos' })
} else {
  describe('rewriting beside Thanos', () => {
    let dir: string
    let bucket: Bucket

    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), 'thaw-rewrite-'))
      bucket = fileBucket(dir)
      const put = (id: string, series: readonly TestSeries[]) =>
        putBlock(bucket, {
          id,
          minTimeMs: WRITTEN_START_MS,
          maxTimeMs: WRITTEN_END_MS,
          externalLabels: { cluster: 'a' },
          series,
        })
      await put(FLOATS, floatSeries(WRITTEN_START_MS, WRITTEN_END_MS))
      await put(HISTOGRAMS, histogramSeries(WRITTEN_START_MS, WRITTEN_END_MS))
    })

    afterAll(() => rm(dir, { recursive: true, force: true }))

    it.each(CASES)('$name', async ({ block = FLOATS, relabel = '', remove = '', otherTimes }) => {
      const theirs = await thanosRewrite(dir, block, { relabel, remove })
      const ours = await ourRewrite(bucket, block, { relabel, remove })
      const [wanted, got] = [await readBlock(bucket, theirs.id), await readBlock(bucket, OURS)]
      const contents = contentsOf(got)
      expect(contents).toEqual(contentsOf(wanted))
      expect(Object.keys(contents).length).toBeGreaterThan(2)
      expect(got.meta.stats.numSeries).toBe(wanted.meta.stats.numSeries)
      expect(got.meta.stats.numSamples).toBe(wanted.meta.stats.numSamples)
      expect(got.meta).toMatchObject({
        minTime: wanted.meta.minTime,
        maxTime: wanted.meta.maxTime,
        compaction: { ...wanted.meta.compaction, sources: [OURS] },
        thanos: { source: wanted.meta.thanos!.source, rewrites: wanted.meta.thanos!.rewrites },
      })
      const times = (line: string): string => (otherTimes ? line.replace(/\[.*\]$/, '') : line)
      expect(ours.log.map(times).sort()).toEqual(theirs.log.map(times).sort())
    })
  })
}

interface Config {
  readonly relabel: string
  readonly remove: string
}

interface Rewritten {
  readonly id: string
  /** Lines of change.log. */
  readonly log: readonly string[]
}

async function thanosRewrite(
  dir: string,
  block: string,
  { relabel, remove }: Config,
): Promise<Rewritten> {
  const before = new Set(await readdir(dir))
  const temporary = await mkdtemp(join(tmpdir(), 'thaw-rewrite-thanos-'))
  try {
    await command(BINARY!, [
      'tools',
      'bucket',
      'rewrite',
      `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`,
      `--id=${block}`,
      `--tmp.dir=${temporary}`,
      '--no-dry-run',
      ...(relabel === '' ? [] : [`--rewrite.to-relabel-config=${relabel}`]),
      ...(remove === '' ? [] : [`--rewrite.to-delete-config=${remove}`]),
    ])
    const id = (await readdir(dir)).find(
      (name) => name.startsWith('01') && name !== OURS && !before.has(name),
    )
    const log = await readFile(join(temporary, id!, 'change.log'), 'utf8')
    return { id: id!, log: log.split('\n').filter((line) => line !== '') }
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function ourRewrite(
  bucket: Bucket,
  id: string,
  { relabel, remove }: Config,
): Promise<Rewritten> {
  const { blocks } = await scanBlocks(bucket, new Map())
  const log: string[] = []
  await rewriteBlock({
    bucket,
    block: blocks.find((block) => block.id === id)!,
    ulid: OURS,
    now: Date.now,
    relabels: parseRelabelConfigs(relabel, 'relabel'),
    deletions: parseDeletionRequests(remove, 'delete'),
    dryRun: false,
    changeLog: true,
    onChange: (change: SeriesChange) => log.push(changeLine(change).trimEnd()),
  })
  return { id: OURS, log }
}
