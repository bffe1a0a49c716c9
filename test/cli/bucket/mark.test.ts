/** `thaw bucket mark` and `unmark`: bytes of the marks, what is refused, and that queries hear of them. */
import { join } from 'node:path'
import { readFile } from 'node:fs/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { BucketIndexReader, updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { NOW, thaw } from '../cli-fixture.ts'

const ID = testId(1)
const OTHER = testId(2)

let dir: string
let bucket: Bucket

beforeEach(async () => {
  dir = await temporaryDir()
  bucket = fileBucket(dir)
  const series = [
    { labels: labels({ __name__: 'up' }), samples: every(60_000, 0, 3_600_000, () => 1) },
  ]
  for (const id of [ID, OTHER]) {
    await putBlock(bucket, { id, minTimeMs: 0, maxTimeMs: 3_600_000, series })
  }
})

function run(command: 'mark' | 'unmark', ...flags: string[]) {
  const config = `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`
  return thaw(['bucket', command, config, ...flags])
}

const fileOf = (id: string, name: string) => readFile(join(dir, id, name), 'utf8')

describe('thaw bucket mark', () => {
  it.each([
    [
      'deletion-mark.json',
      `{"id":"${ID}","version":1,"details":"why","deletion_time":${NOW / 1000}}`,
    ],
    [
      'no-compact-mark.json',
      `{"id":"${ID}","version":1,"details":"why","no_compact_time":${NOW / 1000},"reason":"manual"}`,
    ],
    [
      'no-downsample-mark.json',
      `{"id":"${ID}","version":1,"details":"why","no_downsample_time":${NOW / 1000},"reason":"manual"}`,
    ],
  ])('writes %s as Thanos does, and unmark takes it away', async (marker, bytes) => {
    const flags = [`--id=${ID}`, `--marker=${marker}`]
    const done = await run('mark', ...flags, '--details=why')
    expect(done).toEqual({ code: 0, out: `${ID} has ${marker}: why\n`, err: '' })
    expect(await fileOf(ID, marker)).toBe(bytes)
    expect((await run('unmark', ...flags, '--dry-run')).out).toBe(`${ID} would lose ${marker}\n`)
    expect(await fileOf(ID, marker)).toBe(bytes)
    expect((await run('unmark', ...flags)).out).toBe(`${ID} has lost ${marker}\n`)
    await expect(fileOf(ID, marker)).rejects.toThrow(/ENOENT/)
    expect((await run('mark', ...flags, '--remove')).out).toBe(`${ID} had no ${marker}\n`)
  })

  it('leaves a mark that is there, and tells of each block', async () => {
    const flags = [`--id=${ID},${OTHER}`, '--marker=deletion-mark.json']
    await run('mark', `--id=${OTHER}`, '--marker=deletion-mark.json', '--details=first')
    const { out } = await run('mark', ...flags, '--details=second', '-o', 'json')
    expect(JSON.parse(out)).toEqual({
      marker: 'deletion-mark.json',
      dryRun: false,
      blocks: [
        { id: ID, changed: true },
        { id: OTHER, changed: false },
      ],
    })
    expect(await fileOf(OTHER, 'deletion-mark.json')).toContain('first')
  })

  it('says that a mark can not be read', async () => {
    await bucket.put(`${ID}/no-compact-mark.json`, new TextEncoder().encode('{'))
    const flags = [`--id=${ID}`, '--marker=no-compact-mark.json', '--details=why']
    expect((await run('mark', ...flags)).out).toBe(
      `${ID} had no-compact-mark.json already, one that can not be read: left as it is\n`,
    )
  })

  it('marks what is left of an upload', async () => {
    await bucket.put(`${testId(3)}/chunks/000001`, new Uint8Array(8))
    const flags = [`--id=${testId(3)}`, '--marker=deletion-mark.json', '--details=broke off']
    expect((await run('mark', ...flags)).code).toBe(0)
  })

  it('is in the bucket index at once, where there is one', async () => {
    const flags = [`--id=${ID}`, '--marker=deletion-mark.json', '--details=why']
    const marksOf = async () => {
      const { blocks } = await new BucketIndexReader(bucket, { now: () => NOW, maxAgeMs: 0 }).view(
        0,
        1,
      )
      return blocks.filter(({ marks }) => marks.deletion).map(({ id }) => id)
    }
    await updateBucketIndex(bucket, { now: () => NOW })
    await run('mark', ...flags)
    expect(await marksOf()).toEqual([ID])
    await run('mark', ...flags, '--remove')
    expect(await marksOf()).toEqual([])
  })

  it('makes no index in a bucket that has none', async () => {
    await run('mark', `--id=${ID}`, '--marker=deletion-mark.json', '--details=why')
    await expect(bucket.head('thaw/bucket-index/root.json.gz')).rejects.toThrow(/no object/)
  })

  it.each([
    [[], /no block is named, give --id=…/],
    [['--id=01ABC'], /"01ABC" is no block id, write the 26 characters that thaw bucket ls prints/],
    [[`--id=${ID}`], /say which mark, with --marker=deletion-mark.json, or no-compact-mark.json/],
    [[`--id=${ID}`, '--marker=x.json'], /write one of/],
    [[`--id=${ID}`, '--marker=no-compact-mark.json'], /say why, with --details/],
  ])('refuses %j', async (flags, text) => {
    const result = await run(
      'mark',
      ...(flags.length > 0 ? flags : ['--marker=deletion-mark.json', '--details=x']),
    )
    expect([result.code, result.out]).toEqual([1, ''])
    expect(result.err).toMatch(text)
  })

  it('does nothing at all when one of the blocks is not there', async () => {
    const flags = ['--marker=deletion-mark.json', '--details=why']
    const result = await run(
      'mark',
      `--id=${ID}`,
      `--id=${testId(8)}`,
      `--id=${testId(9)}`,
      ...flags,
    )
    expect(result).toEqual({
      code: 1,
      out: '',
      err: `thaw: no blocks ${testId(8)}, ${testId(9)} in file://${dir}, nothing was done (thaw bucket ls prints ids)\n`,
    })
    await expect(fileOf(ID, 'deletion-mark.json')).rejects.toThrow(/ENOENT/)
  })
})
