/** Blocks that real Prometheus servers wrote, shipped: the bucket holds the same bytes and a meta.json that adds to theirs. */
import { cp, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { isBlockId } from '#agent/ship/block-dir.ts'
import { shipOnce } from '#agent/ship/ship-once.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { decodeLookup } from '#lib/store/lookup.ts'
import { temporaryDir } from './block-fixture.ts'
import { keysOf, readJson } from './test-buckets.ts'

const DATA = fileURLToPath(new URL('../data', import.meta.url))

async function goldenBlocks(): Promise<{ producer: string; ulid: string }[]> {
  const found: { producer: string; ulid: string }[] = []
  for (const entry of await readdir(DATA, { withFileTypes: true })) {
    if (!entry.isDirectory() || !entry.name.startsWith('prometheus-')) continue
    for (const name of await readdir(join(DATA, entry.name))) {
      if (isBlockId(name)) found.push({ producer: entry.name, ulid: name })
    }
  }
  return found
}

describe('a block of', async () => {
  it.each(await goldenBlocks())(
    '$producer is shipped byte for byte',
    async ({ producer, ulid }) => {
      const tsdbPath = await temporaryDir()
      await cp(join(DATA, producer, ulid), join(tsdbPath, ulid), { recursive: true })
      const bucket = memoryBucket()
      const outcome = await shipOnce({
        tsdbPath,
        bucket,
        uploadCompacted: true,
        externalLabels: { cluster: 'golden' },
        now: () => 0,
      })
      expect(outcome.failed).toEqual([])
      expect(outcome.uploaded.map((block) => block.ulid)).toEqual([ulid])
      const chunks = (await readdir(join(tsdbPath, ulid, 'chunks'))).map((name) => `chunks/${name}`)
      const files = [...chunks, 'index']
      expect(await keysOf(bucket)).toEqual([
        ...[...files, 'meta.json'].map((file) => `${ulid}/${file}`),
        `thaw/lookup/${ulid}`,
      ])
      const lookup = decodeLookup((await bucket.get(`thaw/lookup/${ulid}`)).body)
      expect(lookup.metricNames().length).toBeGreaterThan(0)
      for (const file of files) {
        const { body } = await bucket.get(`${ulid}/${file}`)
        expect(Buffer.compare(body, await readFile(join(tsdbPath, ulid, file)))).toBe(0)
      }
      const local = JSON.parse(await readFile(join(tsdbPath, ulid, 'meta.json'), 'utf8')) as object
      const { thanos, ...prometheus } = await readJson(bucket, `${ulid}/meta.json`)
      expect(prometheus).toEqual(local)
      expect(thanos).toMatchObject({ labels: { cluster: 'golden' }, source: 'sidecar' })
    },
  )
})
