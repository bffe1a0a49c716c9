/** A bucket that is away, wrongly named, or has things in it that others put there. */
import { describe } from 'vitest'
import { putMark } from '#lib/compact/jobs/marks.ts'
import { type Ailment, index, itFinds } from './ailment.ts'
import { blockId, HOUR, putSamplesBlock } from './installation.ts'

const AILMENTS: readonly Ailment[] = [
  {
    name: 'a bucket that is not there',
    ail: async () => ({ 'objstore.config': '{type: FILESYSTEM, config: {directory: /nowhere}}' }),
    level: 'wrong',
    found:
      /^bucket reached: the bucket can't be listed: no bucket: directory \/nowhere does not exist/,
  },
  {
    name: 'a configuration that is none',
    ail: async () => ({ 'objstore.config': '{type: FILESYSTEM, config: {directroy: /x}}' }),
    level: 'wrong',
    found:
      /^bucket configuration: the bucket is named in a wrong way: .*config.directory is missing/,
    next: /thaw doctor --help/,
    also: ['agents', 'api', 'rules', 'alerts'],
  },
  {
    name: 'a doctor that may not write',
    ail: async () => ({ 'read-only': 'true' }),
    level: 'unchecked',
    found: /^bucket rights: nothing was written, as --read-only says/,
    also: ['bucket conditional writes'],
  },
  {
    name: 'foreign content',
    ail: async ({ bucket }) => {
      await bucket.put('backups/db.sql', new Uint8Array(3))
      await bucket.put('README.txt', new Uint8Array(3))
    },
    level: 'warning',
    found: /^bucket content: the bucket has things in it that neither thaw nor Thanos put there/,
    seen: /README\.txt\nbackups\//,
    next: /take a bucket, or a prefix of it, for the blocks alone/,
  },
  {
    name: "a live compactor of Thanos's",
    ail: async (all) => {
      const id = blockId(0, 9)
      await putSamplesBlock(all.bucket, 9, all.nowMs - 40 * HOUR)
      const ids = await Array.fromAsync(all.bucket.list('', { delimiter: '/' }))
      const [oldest = id] = ids.flatMap(({ prefixes }) => prefixes.map((one) => one.slice(0, 26)))
      await putMark(all.bucket, oldest, 'deletion-mark.json', {
        nowMs: all.nowMs - HOUR,
        details: 'source of compacted block',
      })
      await index(all)
    },
    level: 'warning',
    found:
      /^bucket compactors: a compactor of Thanos's works on this bucket: it marked 1 block for deletion, the last 1h(\d+s)? ago/,
    next: /stop one of the two/,
    also: ['agents gaps'],
  },
  {
    name: 'a block without its index',
    ail: async (all) => {
      const id = await putSamplesBlock(all.bucket, 9, all.nowMs - 40 * HOUR)
      await all.bucket.delete(`${id}/index`)
      await index(all)
    },
    level: 'wrong',
    found: /^bucket blocks: a block is not whole, and no query sees it/,
    seen: /: no index/,
    next: /thaw bucket verify --id=/,
  },
  {
    name: 'blocks without external labels',
    ail: async (all) => {
      await putSamplesBlock(all.bucket, 9, all.nowMs - 30 * 24 * HOUR, {})
      await index(all)
    },
    level: 'wrong',
    found: /^agents external labels: a block has no external labels/,
    seen: /\(sidecar\)/,
    next: /external_labels: \{cluster: eu, replica: a\}/,
  },
]

describe('thaw doctor', () => {
  itFinds(AILMENTS)
})
