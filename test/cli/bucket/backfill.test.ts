import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeEach, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'
import { thaw } from '../cli-fixture.ts'

const TEXT = 'a{b="1"} 1 10\na{b="2"} 2 20\n# EOF\n'

let dir: string

beforeEach(async () => {
  dir = await temporaryDir()
  await mkdir(join(dir, 'bucket'))
  await mkdir(join(dir, 'tmp'))
  await writeFile(join(dir, 'one.om'), TEXT)
  await writeFile(join(dir, 'two.om.gz'), gzipSync(TEXT.replaceAll('a{', 'c{')))
  await writeFile(join(dir, 'cut.om.gz'), gzipSync(TEXT).subarray(0, 40))
})

const run = (...flags: string[]) =>
  thaw([
    'bucket',
    'backfill',
    `--objstore.config={type: FILESYSTEM, config: {directory: ${join(dir, 'bucket')}}}`,
    ...flags,
  ])

const file = (name: string): string => `--openmetrics=${join(dir, name)}`

it('takes several files, packed or not, and leaves nothing behind', async () => {
  const flags = ['--label=site="x"', '--series-label=from="text"', '--max-memory=1B']
  const { code, out, err } = await run(
    ...flags,
    file('one.om'),
    file('two.om.gz'),
    `--tmp.dir=${join(dir, 'tmp')}`,
    '-o',
    'json',
  )
  expect([code, err]).toEqual([0, ''])
  const { blocks } = JSON.parse(out) as { blocks: { ulid: string }[] }
  const bucket = fileBucket(join(dir, 'bucket'))
  const contents = await Promise.all(
    blocks.map(async ({ ulid }) => Object.keys(contentsOf(await readBlock(bucket, ulid)))),
  )
  expect(contents).toEqual([
    ['__name__ a b 1 from text', '__name__ a b 2 from text'],
    ['__name__ c b 1 from text', '__name__ c b 2 from text'],
  ])
  expect(await readdir(join(dir, 'tmp'))).toEqual([])
})

it('makes nothing of a file that breaks off, and leaves nothing behind', async () => {
  const { code, err } = await run('--label=a=b', file('cut.om.gz'), `--tmp.dir=${join(dir, 'tmp')}`)
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/^thaw: .*cut.om.gz: unexpected end of file/),
  ])
  expect((await readdir(join(dir, 'bucket'))).filter((name) => name.startsWith('0'))).toEqual([])
  expect(await readdir(join(dir, 'tmp'))).toEqual([])
})

it.each([
  [['--openmetrics=x'], /^thaw: give external labels/],
  [['--label=a=b'], 'thaw: say what to read, with --openmetrics or --remote-read.url'],
  [['--label=a=b', '--openmetrics=x', '--remote-read.url=http://x'], 'thaw: say what to read'],
  [['--label=a=b', '--openmetrics=/nowhere'], /^thaw: ENOENT: no such file or directory/],
  [['--label=a=b', '--openmetrics=.'], 'thaw: . is a directory'],
  [['--label=a=b', '--openmetrics=x', '--tmp.dir=/nowhere'], /^thaw: --tmp.dir: ENOENT/],
  [
    ['--label=a=b', '--remote-read.url=http://x'],
    'thaw: give --start and --end, the older one first',
  ],
  [
    ['--label=a=b', '--remote-read.url=http://x', '--start=-1h', '--end=-2h'],
    'thaw: give --start and --end, the older one first',
  ],
  [['--label=a=b', '--remote-read.url=x', '--start=-2h', '--end=-1h'], /^thaw: /],
  [['--max-block-duration=long'], /write a duration/],
])('refuses %j', async (flags, message) => {
  const { code, out, err } = await run(...flags)
  expect([code, out]).toEqual([1, ''])
  expect(err).toMatch(message)
})
