/** `thaw bucket` beside `thanos tools bucket` on the same bucket: what they print, and what they leave behind. */
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { thaw } from '#test/cli/cli-fixture.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { objstoreYaml, thanosTool } from '#test/peer/thanos-tools.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'

const THANOS = process.env['THAW_THANOS']
const HOUR = 3_600_000
const DOWNSAMPLED = 'test/data/downsampled-e103a81b'

let root: string
let made = 0

/** Of two clusters and replicas, all resolutions; one is marked, one is marked so that it is hidden, one is an upload under way. */
async function makeBucket(nowMs: number): Promise<string> {
  const dir = join(root, String(made++))
  await mkdir(dir)
  const bucket = fileBucket(dir)
  for (const [n, cluster] of ['eu', 'us', 'eu', 'us', 'eu'].entries()) {
    const minTimeMs = Math.floor(nowMs / HOUR) * HOUR - (2 * n + 4) * HOUR + n
    const maxTimeMs = minTimeMs + (n === 4 ? 48 : 2) * HOUR + n * 1001
    await putBlock(bucket, {
      id: testId(n),
      minTimeMs,
      maxTimeMs,
      externalLabels: { replica: n === 1 ? 'b, "c"' : 'a', cluster },
      series: Array.from({ length: n === 0 ? 1200 : n + 1 }, (_, host) => ({
        labels: labels({ __name__: 'load', host: String(host) }),
        samples: every(n === 0 ? 3_600_000 : 30_000, minTimeMs, maxTimeMs, (t) => t % 97),
      })),
      meta: (meta) => ({
        ...meta,
        compaction: { ...meta.compaction, level: n + 1, ...(n === 2 && { failed: true }) },
      }),
    })
  }
  for (const id of (await readdir(DOWNSAMPLED)).filter((name) => !name.includes('.'))) {
    await cp(join(DOWNSAMPLED, id), join(dir, id), { recursive: true })
  }
  await mark(dir, testId(1), nowMs - 72 * HOUR)
  await mark(dir, testId(2), nowMs - HOUR)
  await mkdir(join(dir, testId(9)))
  await writeFile(join(dir, testId(9), 'index'), 'an upload under way')
  return dir
}

async function mark(dir: string, id: string, ms: number): Promise<void> {
  const body = { id, version: 1, details: 'by hand', deletion_time: Math.floor(ms / 1000) }
  await writeFile(join(dir, id, 'deletion-mark.json'), JSON.stringify(body))
}

const ours = (dir: string, ...argv: readonly string[]) =>
  thaw(['bucket', ...argv, `--objstore.config=${objstoreYaml(dir)}`], {}, Date.now())

/** Every object and its bytes; what is hidden is no object. */
async function objectsOf(dir: string): Promise<Map<string, string>> {
  const objects = new Map<string, string>()
  for (const name of await readdir(dir, { recursive: true })) {
    if (name.startsWith('.') || !(await stat(join(dir, name))).isFile()) continue
    objects.set(name, (await readFile(join(dir, name))).toString('latin1'))
  }
  return objects
}

const sorted = (text: string): string[] => text.trimEnd().split('\n').sort()

if (THANOS === undefined) {
  describeSkipped('thaw bucket and thanos tools bucket', { missing: 'THAW_THANOS names no Thanos' })
} else {
  const theirs = (dir: string, ...argv: readonly string[]) => thanosTool(THANOS, dir, ...argv)

  beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'thaw-tools-'))))
  afterAll(() => rm(root, { recursive: true }))

  describe('thaw bucket ls and thanos tools bucket ls', () => {
    let dir: string
    beforeAll(async () => void (dir = await makeBucket(Date.now())))

    // Thanos lists in no order.
    it.each([
      { flags: [] },
      { flags: ['-o', 'wide'] },
      { flags: ['--exclude-delete'] },
      { flags: ['--min-time=-7h'] },
      { flags: ['--max-time=-7h'] },
      { flags: ['--min-time=2026-03-01T00:30:00Z', '--max-time=2026-03-14T00:00:00Z'] },
      {
        flags: ['--selector.relabel-config=[{action: keep, source_labels: [cluster], regex: us}]'],
      },
    ])('list the same with $flags', async ({ flags }) => {
      const [we, they] = [await ours(dir, 'ls', ...flags), await theirs(dir, 'ls', ...flags)]
      expect([we.code, they.code]).toEqual([0, 0])
      expect(sorted(we.out)).toEqual(sorted(they.out))
      expect(sorted(we.out).length).toBeGreaterThan(1)
    })

    it('print the same metas as JSON', async () => {
      // Go writes the year 1 for a time that is not there.
      const metas = (text: string) => {
        const list = text
          .replaceAll(/^}\n(?=\{)/gm, '},')
          .replaceAll(/,\s*"upload_time": "0001-[^"]*"/g, '')
        return (JSON.parse(`[${list}]`) as { ulid: string }[]).sort((a, b) =>
          a.ulid < b.ulid ? -1 : 1,
        )
      }
      const [we, they] = [
        await ours(dir, 'ls', '-o', 'json'),
        await theirs(dir, 'ls', '-o', 'json'),
      ]
      expect(metas(we.out)).toEqual(metas(they.out))
    })
  })

  describe('thaw bucket inspect and thanos tools bucket inspect', () => {
    let dir: string
    beforeAll(async () => void (dir = await makeBucket(Date.now())))

    it.each([
      { flags: [] },
      { flags: ['--sort-by=#SAMPLES', '--sort-by=ULID'] },
      { flags: ['--sort-by=RANGE', '--sort-by=FROM'] },
      { flags: ['--sort-by=UNTIL-DOWN', '--sort-by=ULID'] },
      { flags: ['--sort-by=COMP-FAILED', '--sort-by=RESOLUTION', '--sort-by=ULID'] },
      { flags: ['--selector=cluster="us"'] },
      { flags: ['-l', 'cluster="eu"', '-l', 'replica="a"'] },
    ])('give the same csv and tsv, byte by byte, with $flags', async ({ flags }) => {
      for (const output of ['csv', 'tsv']) {
        const argv = ['inspect', `--output=${output}`, ...flags]
        const [we, they] = [await ours(dir, ...argv), await theirs(dir, ...argv)]
        expect(we.out).toBe(they.out)
        expect(sorted(we.out).length).toBeGreaterThan(2)
      }
    })

    it('have the same cells in their tables, ours without lines and with the state behind', async () => {
      const [we, they] = [await ours(dir, 'inspect'), await theirs(dir, 'inspect')]
      const rows = they.out
        .split('\n')
        .filter((line) => /^\| *(ULID|[0-9A-Z]{26}) /.test(line))
        .map((line) =>
          line
            .slice(1, -1)
            .split('|')
            .map((cell) => cell.trim()),
        )
      const lines = we.out.split('\n')
      expect(rows.length).toBeGreaterThan(5)
      for (const [i, row] of rows.entries()) {
        const cells = row
          .filter((cell) => cell !== '')
          .map(escaped)
          .join(' +')
        expect(lines[i]).toMatch(new RegExp(`^${cells}( +(STATE|marked|hidden).*)?$`))
      }
    })
  })

  describe('thaw bucket mark and thanos tools bucket mark', () => {
    it.each(['deletion-mark.json', 'no-compact-mark.json', 'no-downsample-mark.json'])(
      'write the same %s, but for the second, and take it away',
      async (marker) => {
        const dir = await makeBucket(Date.now())
        const id = testId(3)
        const flags = ['mark', `--id=${id}`, `--marker=${marker}`]
        const read = async () =>
          (await readFile(join(dir, id, marker), 'utf8')).replace(/_time":\d+/, '_time')
        await theirs(dir, ...flags, '--details=say "why"')
        const bytes = await read()
        expect((await ours(dir, ...flags, '--remove')).code).toBe(0)
        await ours(dir, ...flags, '--details=say "why"')
        expect(await read()).toBe(bytes)
        expect((await theirs(dir, ...flags, '--remove')).code).toBe(0)
        await expect(read()).rejects.toThrow(/ENOENT/)
      },
    )
  })

  describe('thaw bucket replicate and thanos tools bucket replicate', () => {
    it.each([
      { flags: [] },
      { flags: ['--resolution=5m', '--resolution=1h'] },
      { flags: ['--compaction-min=2', '--compaction-max=3'] },
      { flags: ['--compaction=5'] },
      { flags: ['--matcher=cluster="us"'] },
      { flags: ['--matcher={cluster=~"e.",replica!="a"}'] },
      { flags: ['--min-time=-7h'] },
      { flags: [`--id=${testId(4)}`, `--id=${testId(2)}`] },
      { flags: ['--ignore-marked-for-deletion'] },
    ])('leave the same objects in the target with $flags', async ({ flags }) => {
      const dir = await makeBucket(Date.now())
      const [we, they] = [join(root, `we-${made}`), join(root, `they-${made}`)]
      await Promise.all([mkdir(we), mkdir(they)])
      const run = ['replicate', '--single-run', ...flags]
      const their = await theirs(
        dir,
        ...run,
        '--http-address=127.0.0.1:0',
        `--objstore-to.config=${objstoreYaml(they)}`,
      )
      expect(their).toMatchObject({ code: 0 })
      const our = await ours(dir, ...run, `--objstore-to.config=${objstoreYaml(we)}`)
      expect(our).toMatchObject({ code: 0 })
      expect(await objectsOf(we)).toEqual(await objectsOf(they))
      // Each goes on from what the other left.
      const again = await ours(
        dir,
        ...run,
        '-o',
        'json',
        `--objstore-to.config=${objstoreYaml(they)}`,
      )
      expect(JSON.parse(again.out)).toMatchObject({ copied: 0 })
    })
  })

  /** Both run on the same blocks, each on a copy; what is left is blocks and marks, without what marks say and what is ours. */
  async function bothLeave(
    prepare: (dir: string) => Promise<void>,
    ...argv: readonly string[]
  ): Promise<readonly [string[], string[]]> {
    const nowMs = Date.now()
    const [we, they] = [await makeBucket(nowMs), await makeBucket(nowMs)]
    await Promise.all([we, they].map(prepare))
    const [our, their] = [await ours(we, ...argv), await theirs(they, ...argv)]
    expect([our, their]).toMatchObject([{ code: 0 }, { code: 0 }])
    const left = async (dir: string) =>
      [...(await objectsOf(dir)).keys()].filter((key) => !key.startsWith('thaw/')).sort()
    return [await left(we), await left(they)]
  }

  describe('thaw bucket retention and thanos tools bucket retention', () => {
    it.each([
      { flags: ['--retention.resolution-raw=1h'] },
      { flags: ['--retention.resolution-raw=5h', '--retention.resolution-5m=1d'] },
      { flags: ['--retention.resolution-1h=1d', '--retention.resolution-5m=10y'] },
      {
        flags: [
          '--retention.resolution-raw=1h',
          '--selector.relabel-config=[{action: keep, source_labels: [cluster], regex: us}]',
        ],
      },
    ])('mark the same blocks with $flags', async ({ flags }) => {
      const [we, they] = await bothLeave(async () => {}, 'retention', ...flags)
      expect(we).toEqual(they)
      expect(we.filter((key) => key.endsWith('/deletion-mark.json')).length).toBeGreaterThan(2)
    })
  })

  describe('thaw bucket cleanup and thanos tools bucket cleanup', () => {
    /** Uploads that broke off, three days and one day ago, and a deletion that did. */
    async function partial(dir: string): Promise<void> {
      for (const [n, days] of [
        [11, 3],
        [12, 1],
      ] as const) {
        const file = join(dir, testId(n), 'index')
        await mkdir(join(dir, testId(n)))
        await writeFile(file, 'half')
        const at = Date.now() / 1000 - days * 86_400
        await utimes(file, at, at)
      }
    }

    it.each([
      { flags: [] },
      { flags: ['--delete-delay=30m'] },
      { flags: ['--delete-delay=100h'] },
      {
        flags: [
          '--delete-delay=1m',
          '--selector.relabel-config=[{action: keep, source_labels: [cluster], regex: us}]',
        ],
      },
    ])('leave the same objects with $flags', async ({ flags }) => {
      const [we, they] = await bothLeave(partial, 'cleanup', ...flags)
      expect(we).toEqual(they)
      expect(we).toContain(`${testId(12)}/index`)
      expect(we).not.toContain(`${testId(11)}/index`)
    })
  })
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
