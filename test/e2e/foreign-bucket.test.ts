/** A bucket that is not ours alone: what others put there is named and left as it is, and so is a compactor of Thanos's that runs. */
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { thaw } from '#test/cli/cli-fixture.ts'
import type { PeerServer } from '#test/peer/server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { startCompactor } from '#test/peer/thanos.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'

const BINARY = process.env['THAW_THANOS']
const HOUR_MS = 3_600_000
/** Long ago, so that nothing is too new to be compacted. */
const START_MS = Math.floor(Date.now() / (48 * HOUR_MS) - 3) * 48 * HOUR_MS

/** Names that look like blocks, like parts of thaw, and like neither. */
const FOREIGN = [
  'photos/2026/one.jpg',
  'readme.txt',
  'thaw.txt',
  'backup/01HZZZZZZZZZZZZZZZZZZZZZZZ/meta.json',
  '01HZZZZZZZZZZZZZZZZZZZZZZ/short',
  'meta.json',
]

let root: string
let dir: string
let config: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thaw-foreign-'))
  dir = join(root, 'bucket')
  config = `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`
  for (const key of FOREIGN) {
    await mkdir(dirname(join(dir, key)), { recursive: true })
    await writeFile(join(dir, key), `of others: ${key}`)
    // What is left of an upload would be deleted by now.
    await utimes(join(dir, key), START_MS / 1000, START_MS / 1000)
  }
  for (let i = 0; i < 8; i++) {
    const fromMs = START_MS + i * 2 * HOUR_MS
    await putBlock(fileBucket(dir), {
      id: testId(i + 1),
      minTimeMs: fromMs,
      maxTimeMs: fromMs + 2 * HOUR_MS,
      externalLabels: { cluster: 'eu' },
      series: [
        {
          labels: labels({ __name__: 'up' }),
          samples: every(60_000, fromMs, fromMs + 2 * HOUR_MS, () => 1),
        },
      ],
    })
  }
})
afterAll(async () => rm(root, { recursive: true, force: true }))

const run = async (...words: readonly string[]) => thaw([...words, config], {}, Date.now())

async function expectForeign(): Promise<void> {
  for (const key of FOREIGN) {
    expect(await readFile(join(dir, key), 'utf8')).toBe(`of others: ${key}`)
  }
}

if (BINARY === undefined) {
  describeSkipped('a compactor of Thanos that runs', { missing: 'THAW_THANOS names no Thanos' })
} else
  describe('beside a compactor of Thanos that runs', () => {
    let compactor: PeerServer

    beforeAll(async () => {
      compactor = await startCompactor(BINARY, dir, root, '48h')
      const marked = async (): Promise<number> => {
        const names = await readdir(dir, { recursive: true })
        return names.filter((name) => name.endsWith('/deletion-mark.json')).length
      }
      while ((await marked()) === 0) await sleep(50)
    }, 90_000)
    afterAll(() => compactor?.stop())

    it.each([
      ['plan', ['bucket', 'plan']],
      ['compact', ['bucket', 'compact', '--dry-run']],
      ['compact, for good', ['bucket', 'compact']],
    ])('%s says what works here, and what to do', async (_, words) => {
      const { code, err } = await run(...words)
      expect({ code, err }).toMatchObject({ code: 0 })
      expect(err).toMatch(
        /^warning: a compactor of Thanos's works on this bucket: it marked \d+ blocks? for deletion, the last \w+ ago; together they are safe, but do work twice, and the shorter retention of both holds: stop one of them$/m,
      )
    })

    it('the doctor names it', async () => {
      const { out } = await run('doctor')
      expect(out).toMatch(/compactors: a compactor of Thanos's works on this bucket: it marked/)
    })
  })

describe('content of others', () => {
  it('is named by the doctor, with what to do', async () => {
    const { out } = await run('doctor')
    expect(out).toMatch(
      /warning +content: the bucket has things in it that neither thaw nor Thanos put there\n(?: +\S+\n){5} +and 1 more\n +next: nothing touches it; but take a bucket, or a prefix of it, for the blocks alone/,
    )
    for (const name of ['readme.txt', 'thaw.txt', 'backup/', 'meta.json']) {
      expect(out).toContain(` ${name}\n`)
    }
  })

  it.each([
    ['bucket', 'compact'],
    ['bucket', 'cleanup', '--delete-delay=0s'],
    ['bucket', 'retention', '--retention.resolution-raw=1h'],
    ['bucket', 'verify'],
    ['bucket', 'downsample'],
    ['bucket', 'inspect'],
    ['token', 'create', 'grafana'],
    ['query', 'up'],
  ])('is left as it is: thaw %s %s', async (...words) => {
    const { code, err } = await run(...words)
    expect({ code, err }).toMatchObject({ code: 0 })
    await expectForeign()
  })
})
