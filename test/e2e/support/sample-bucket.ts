/** The sample data of the example dashboards in a bucket: one replica of each cluster, as their agents ship it. */
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { labelsToRecord } from '#lib/model/labels.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'
import { rewriteBlock } from '#lib/rewrite/rewrite-block.ts'
import { formatBlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { generateSampleData } from '#localstack/sample-data/generate.ts'

export const SAMPLE_NOW_MS = Date.UTC(2026, 10, 21, 7, 30)

/** Eight days, for panels that look a week back. */
export async function fillSampleBucket(bucket: Bucket): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-sample-'))
  try {
    const { prometheuses } = await generateSampleData({
      dir,
      nowMs: SAMPLE_NOW_MS,
      days: 8,
      scrapeIntervalMs: 60_000,
    })
    for (const { dataDir, externalLabels } of prometheuses) {
      if (externalLabels.replica !== 'prometheus-0') continue
      for (const block of await readdir(dataDir)) {
        if (block.length === 26) await ship(bucket, join(dataDir, block), block, externalLabels)
      }
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function ship(bucket: Bucket, path: string, id: string, labels: Record<string, string>) {
  for (const file of ['index', 'chunks/000001']) {
    await bucket.put(`${id}/${file}`, await readFile(join(path, file)))
  }
  const meta = parseBlockMeta(await readFile(join(path, 'meta.json')))
  const thanos = { labels, downsample: { resolution: 0 }, source: 'sidecar' }
  await bucket.put(`${id}/meta.json`, Buffer.from(formatBlockMeta({ ...meta, thanos })))
}

/**
 * Of all blocks of the bucket, a directory, makes a data directory for one Prometheus: external labels, which it does not give in
 * answers, become labels of the series, but for the replica, which thaw takes away.
 */
export async function prometheusOfBucket(bucketDir: string, dataDir: string): Promise<void> {
  const bucket = fileBucket(bucketDir)
  const { blocks } = await lookUpBlocks(bucket, { now: Date.now })
  for (const block of blocks) {
    const rules = Object.entries(labelsToRecord(block.labels))
      .filter(([name]) => name !== 'replica')
      .map(([name, value]) => ({ target_label: name, replacement: value }))
    const relabels = parseRelabelConfigs(JSON.stringify(rules), 'external labels')
    const id = ulid()
    await rewriteBlock({
      bucket,
      block,
      ulid: id,
      now: Date.now,
      relabels,
      deletions: [],
      dryRun: false,
      changeLog: false,
    })
    await rename(join(bucketDir, id), join(dataDir, id))
  }
}
