import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { NOW, thaw } from '../cli-fixture.ts'

const HOUR_MS = 3_600_000
const ONE = testId(1)
const TWO = testId(2)

let dir: string
let data: Bucket
let bucket: Bucket

beforeEach(async () => {
  dir = await temporaryDir()
  await mkdir(join(dir, 'data'))
  await mkdir(join(dir, 'bucket'))
  data = fileBucket(join(dir, 'data'))
  bucket = fileBucket(join(dir, 'bucket'))
  await put(ONE, 0)
  await put(TWO, 2)
})

async function put(id: string, startHour: number, level = 1): Promise<void> {
  const minTimeMs = startHour * HOUR_MS
  await putBlock(data, {
    id,
    minTimeMs,
    maxTimeMs: minTimeMs + 2 * HOUR_MS,
    series: [
      {
        labels: labels({ a: '1' }),
        samples: every(60_000, minTimeMs, minTimeMs + 60_000, () => 1),
      },
    ],
    meta: (meta) => ({
      ...meta,
      thanos: undefined,
      compaction: { ...meta.compaction, level },
    }),
  })
}

const upload = (...flags: string[]) =>
  thaw([
    'bucket',
    'upload-blocks',
    `--path=${join(dir, 'data')}`,
    `--objstore.config={type: FILESYSTEM, config: {directory: ${join(dir, 'bucket')}}}`,
    `--label=cluster="eu"`,
    ...flags,
  ])

const inBucket = async () =>
  (await readdir(join(dir, 'bucket'))).filter((name) => name.startsWith('01'))

describe('thaw bucket upload-blocks', () => {
  it('uploads blocks with their labels, once', async () => {
    const dry = await upload('--dry-run')
    expect(dry.code).toBe(0)
    expect(dry.out).toMatch(
      new RegExp(`^would upload ${ONE}, \\d+ B\nwould upload ${TWO}, .*\nwould upload 2 blocks`),
    )
    expect(await inBucket()).toEqual([])
    expect(await readdir(join(dir, 'data'))).not.toContain('thanos.shipper.json')

    const { code, out } = await upload('--label=replica="a"')
    expect([code, out.split('\n').at(-2)]).toEqual([
      0,
      expect.stringMatching(/^uploaded 2 blocks, /),
    ])
    const block = await readBlock(bucket, ONE)
    expect(contentsOf(block)).toEqual(contentsOf(await readBlock(data, ONE)))
    expect(block.meta.thanos).toMatchObject({
      labels: { cluster: 'eu', replica: 'a' },
      source: 'bucket.upload',
      downsample: { resolution: 0 },
      upload_time: new Date(NOW).toISOString(),
    })
    const again = await upload('-o', 'json')
    expect(JSON.parse(again.out)).toEqual({
      dryRun: false,
      uploaded: [],
      skipped: [ONE, TWO].map((ulid) => ({ ulid, reason: 'already-uploaded' })),
      failed: [],
      notReached: [],
    })
  })

  it('goes on where it was ended', async () => {
    await upload()
    for await (const { objects } of bucket.list(`${TWO}/`)) {
      for (const { key } of objects) if (!key.includes('chunks')) await bucket.delete(key)
    }
    await writeFile(join(dir, 'data', 'thanos.shipper.json'), '{}')
    const { code, out } = await upload()
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^uploaded ${TWO}, .*\n${ONE} is in the bucket already\n`)),
    ])
    expect((await readBlock(bucket, TWO)).meta.ulid).toBe(TWO)
  })

  it('names a broken block, and uploads the others', async () => {
    const path = join(dir, 'data', ONE, 'chunks', '000001')
    const body = await readFile(path)
    body[12]! ^= 4
    await writeFile(path, body)
    await put(testId(3), 4)
    await writeFile(join(dir, 'data', testId(3), 'meta.json'), 'nothing')
    const { code, out, err } = await upload()
    expect(code).toBe(1)
    expect(out).toContain(
      `${ONE} is not uploaded: a chunk cannot be read: ${ONE}/chunks/000001 at byte 8: checksum of the chunk differs`,
    )
    expect(out).toContain(`${testId(3)} is not uploaded: `)
    expect(out).toContain('uploaded 1 block,')
    expect(err).toBe('thaw: 2 blocks not uploaded\n')
    expect(await inBucket()).toEqual([TWO])
    const unread = await upload('--no-verify-blocks')
    expect(unread.out).toContain(`uploaded ${ONE}`)
  })

  it('uploads compacted blocks when told to', async () => {
    await put(testId(4), 10, 2)
    expect((await upload()).out).toContain(
      `${testId(4)} was compacted by Prometheus, --shipper.upload-compacted uploads it`,
    )
    expect((await upload('--shipper.upload-compacted')).out).toContain(`uploaded ${testId(4)}`)
  })
})

it.each([
  [[], /^thaw: give external labels that tell these blocks from others/],
  [['--label=cluster'], /write a label such as 'cluster="eu"'/],
  [['--label=a=b', '--path=/nowhere'], /^thaw: no directory \/nowhere, set --path\n/],
])('refuses %j', async (flags, message) => {
  const config = `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`
  const { code, err } = await thaw(['bucket', 'upload-blocks', config, ...flags])
  expect([code, err]).toEqual([1, expect.stringMatching(message)])
})
