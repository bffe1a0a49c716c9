/** `thaw bucket verify` and `rewrite` on the command line: what they refuse, and what they print. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { scanBlocks } from '#lib/blocks/scan.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { thaw } from '../cli-fixture.ts'

const HOUR_MS = 3_600_000
const ONE = testId(1)
const TWO = testId(2)
const NONE = testId(9)

let dir: string
let bucket: Bucket

beforeEach(async () => {
  dir = await temporaryDir()
  await mkdir(join(dir, 'bucket'))
  await mkdir(join(dir, 'backup'))
  bucket = fileBucket(join(dir, 'bucket'))
  await put(ONE, { cluster: 'eu' })
  await put(TWO, { cluster: 'us' })
})

async function put(id: string, externalLabels: Record<string, string>): Promise<void> {
  await putBlock(bucket, {
    id,
    minTimeMs: 0,
    maxTimeMs: HOUR_MS,
    externalLabels,
    series: ['a', 'b'].map((host) => ({
      labels: labels({ __name__: 'cpu', host }),
      samples: every(60_000, 0, HOUR_MS, (t) => t),
    })),
  })
}

const configOf = (name: string): string =>
  `{type: FILESYSTEM, config: {directory: ${join(dir, name)}}}`

const run = (command: string, ...flags: string[]) =>
  thaw(['bucket', command, `--objstore.config=${configOf('bucket')}`, ...flags])

async function spoil(id: string): Promise<void> {
  const key = `${id}/chunks/000001`
  const body = Uint8Array.from((await bucket.get(key)).body)
  body[30]! ^= 8
  await bucket.put(key, body)
}

async function markedIds(): Promise<string[]> {
  const { blocks } = await scanBlocks(bucket, new Map())
  return blocks.filter(({ marks }) => marks.deletion).map(({ id }) => id)
}

describe('verify', () => {
  it('ends with 0 where nothing is wrong', async () => {
    expect(await run('verify')).toEqual({
      code: 0,
      out: 'looked at 2 blocks: 4 series, 4 chunks, 240 samples\n',
      err: '',
    })
  })

  it('tells programs what is wrong, and ends with 1', async () => {
    await spoil(TWO)
    const { code, out, err } = await run('verify', '-o', 'json', `--id=${TWO}`, '-i', 'chunks,meta')
    expect([code, err]).toEqual([1, 'thaw: something is wrong with 1 of 1 block\n'])
    expect(JSON.parse(out)).toEqual({
      blocks: [
        {
          id: TWO,
          problems: [
            {
              issue: 'chunks',
              severity: 'error',
              message: 'a chunk cannot be read',
              count: 1,
              examples: [`${TWO}/chunks/000001 at byte 8: checksum of the chunk differs`],
            },
          ],
          series: 2,
          chunks: 2,
          samples: 60,
        },
      ],
      bucket: [],
      repairs: [],
    })
  })

  it('repairs, and says what it could not', async () => {
    await spoil(ONE)
    await bucket.delete(`${TWO}/meta.json`)
    const backup = `--objstore-backup.config=${configOf('backup')}`
    const { code, out, err } = await run('verify', '--repair', backup)
    expect(code).toBe(1)
    expect(out).toContain(`${ONE} is repaired: written anew, without 1 chunks that can not be read`)
    expect(out).toContain(`${TWO} is left as it is: without its meta.json nobody knows whose`)
    expect(err).toBe('thaw: something is wrong with 1 of 2 blocks\n')
    expect(await markedIds()).toEqual([ONE])
    const kept = await readBlock(fileBucket(join(dir, 'backup')), ONE)
    expect(kept.meta.ulid).toBe(ONE)
  })

  it('does nothing in a dry run', async () => {
    await spoil(ONE)
    const { code, out } = await run('verify', '--repair', '--dry-run')
    expect([code, out]).toEqual([1, expect.stringContaining(`${ONE} would be repaired`)])
    expect(await markedIds()).toEqual([])
  })

  it.each([
    [['--id=x'], /"x" is no block id/],
    [[`--id=${NONE}`], `thaw: no block ${NONE} in file://`],
    [['-i', 'all'], /write one of index_known_issues, /],
    [['--repair'], 'thaw: a repair needs a bucket for the broken blocks'],
    [['--repair', '--objstore-backup.config-file=/nowhere'], /objstore-backup.config-file: ENOENT/],
  ])('refuses %j', async (flags, message) => {
    const { code, out, err } = await run('verify', ...flags)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(message)
  })

  it('refuses to keep broken blocks where they are', async () => {
    const { err } = await run('verify', '-r', `--objstore-backup.config=${configOf('bucket')}`)
    expect(err).toMatch(/^thaw: both configurations name file:/)
  })
})

describe('rewrite', () => {
  const remove =
    '--rewrite.to-delete-config=[{matchers: cpu, intervals: [{mint: 0, maxt: 600000}]}]'

  it('tells programs what changed', async () => {
    const { code, out, err } = await run(
      'rewrite',
      `--id=${ONE}`,
      remove,
      '--no-dry-run',
      '-o',
      'json',
    )
    expect([code, err]).toEqual([0, ''])
    const [done] = JSON.parse(out) as { ulid: string }[]
    expect(done).toEqual({
      id: ONE,
      ulid: expect.any(String),
      dryRun: false,
      counts: { read: 2, written: 2, relabelled: 0, deleted: 0, cut: 2, merged: 0 },
    })
    const block = await readBlock(bucket, done!.ulid)
    expect(Object.values(contentsOf(block)).map(({ length }) => length)).toEqual([49, 49])
    expect(await markedIds()).toEqual([])
  })

  it('reads configurations from files, with variables of the environment', async () => {
    const file = join(dir, 'rules.yml')
    await writeFile(file, '- {action: drop, source_labels: [host], regex: $(HOST)}\n')
    const argv = [
      'bucket',
      'rewrite',
      `--objstore.config=${configOf('bucket')}`,
      `--id=${TWO}`,
      `--rewrite.to-relabel-config-file=${file}`,
    ]
    expect((await thaw(argv, { HOST: 'b' })).out).toBe(
      `Deleted {__name__="cpu", host="b"} [{0 3540000}]\n${TWO} would be written anew: 1 series deleted, 1 of 2 series left; nothing was written (--no-dry-run writes)\n`,
    )
    expect((await thaw(argv)).err).toBe(
      'thaw: --rewrite.to-relabel-config: there is no environment variable HOST\n',
    )
  })

  it('writes no block where nothing is left, and leaves no change log', async () => {
    const flags = [
      '--rewrite.to-delete-config=[{matchers: cpu}]',
      '--no-dry-run',
      '--delete-blocks',
    ]
    const { out } = await run('rewrite', `--id=${ONE}`, ...flags)
    expect(out).toBe(
      `${ONE} has nothing left, no block was written: 2 series deleted; the old block is marked for deletion\n`,
    )
    expect(await markedIds()).toEqual([ONE])
    const { blocks, partial } = await scanBlocks(bucket, new Map())
    expect([blocks.length, partial]).toEqual([2, []])
  })

  it('names the broken file, and marks nothing', async () => {
    await spoil(ONE)
    const flags = ['--rewrite.to-relabel-config=[{action: labeldrop, regex: x}]', '--delete-blocks']
    const { code, err } = await run('rewrite', `--id=${ONE}`, ...flags, '--no-dry-run')
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(`^thaw: ${ONE}/chunks/000001: .* at byte`),
    ])
    expect(await markedIds()).toEqual([])
  })

  it.each([
    [[`--id=${ONE}`], 'thaw: say what is to change, with --rewrite.to-delete-config'],
    [[remove], 'thaw: no block is named, give --id='],
    [[remove, `--id=${NONE}`], `thaw: no block ${NONE} in file:`],
    [
      [`--id=${ONE}`, '--rewrite.to-delete-config=[{matchers: "{"}]'],
      /^thaw: --rewrite.to-delete-config: /,
    ],
    [
      [`--id=${ONE}`, remove, '--rewrite.to-delete-config-file=x'],
      'thaw: give --rewrite.to-delete-config or',
    ],
    [
      [`--id=${ONE}`, '--rewrite.to-relabel-config-file=/nowhere'],
      /rewrite.to-relabel-config-file: ENOENT/,
    ],
  ])('refuses %j', async (flags, message) => {
    const { code, out, err } = await run('rewrite', ...flags)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(message)
  })

  it('refuses a block without external labels, unless told that it is fine', async () => {
    await put(testId(3), {})
    expect((await run('rewrite', remove, `--id=${testId(3)}`)).err).toMatch(/give --prom-blocks/)
    expect((await run('rewrite', remove, `--id=${testId(3)}`, '--prom-blocks')).code).toBe(0)
  })
})
