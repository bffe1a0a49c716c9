/** `thaw bucket cleanup`, `retention`, `downsample` and `compact`: what each does and leaves alone, its report, and as a process that keeps running. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { runCommand } from '#agent/run-command.ts'
import { runJobs } from '#cli/bucket/run-jobs.ts'
import type { CliContext } from '#cli/context.ts'
import { thawProgram } from '#cli/program.ts'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { labelValue } from '#lib/model/labels.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { freePort } from '#test/peer/server.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { NOW, thaw } from '../cli-fixture.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Of a window of 8 hours that is over. */
const START = NOW - 28 * HOUR

const QUIET: CliContext = {
  env: {},
  now: () => NOW,
  write: () => {},
  writeError: () => {},
  signal: new AbortController().signal,
  killSignal: new AbortController().signal,
  onHangup: () => {},
}

let dir: string
let bucket: Bucket

beforeEach(async () => {
  dir = await temporaryDir()
  bucket = fileBucket(dir)
})

async function put(n: number, minTimeMs: number, spanMs: number, cluster = 'a', level = 1) {
  const maxTimeMs = minTimeMs + spanMs
  await putBlock(bucket, {
    id: testId(n),
    minTimeMs,
    maxTimeMs,
    externalLabels: { cluster },
    series: ['x', 'y'].map((host) => ({
      labels: labels({ __name__: 'load', host }),
      samples: every(120_000, minTimeMs, maxTimeMs, (t) => t % 97),
    })),
    meta: (meta) => ({ ...meta, compaction: { ...meta.compaction, level } }),
  })
}

async function mark(n: number, ageMs: number, details = 'by hand'): Promise<void> {
  const body = { id: testId(n), version: 1, details, deletion_time: (NOW - ageMs) / 1000 }
  await bucket.put(`${testId(n)}/deletion-mark.json`, Buffer.from(JSON.stringify(body)))
}

const run = (command: string, ...flags: string[]) =>
  thaw([
    'bucket',
    command,
    `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`,
    ...flags,
  ])

const jsonOf = async (command: string, ...flags: string[]) =>
  JSON.parse((await run(command, '-o', 'json', ...flags)).out) as Record<string, unknown>

/** Ids; `!` of those that are marked for deletion. */
async function blocks(): Promise<string[]> {
  const view = await lookUpBlocks(bucket, { now: () => NOW })
  return view.blocks.map(({ id, marks }) => (marks.deletion ? `!${id}` : id)).sort()
}

async function objects(): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await readdir(dir, { recursive: true })) {
    if (name.startsWith('.') || !(await stat(join(dir, name))).isFile()) continue
    found[name] = await readFile(join(dir, name), 'latin1')
  }
  return found
}

describe('thaw bucket cleanup', () => {
  beforeEach(async () => {
    for (const n of [1, 2, 3, 4]) await put(n, START, 2 * HOUR, n === 4 ? 'b' : 'a')
    await mark(1, 49 * HOUR)
    await mark(2, 47 * HOUR)
    await mark(4, 49 * HOUR)
  })

  it('deletes what was marked long enough ago, and nothing else', async () => {
    const { out } = await run('cleanup')
    expect(out).toMatch(
      /^deleted 0100\d+1, 0100\d+4: marked for deletion .*, 0\.0 s\ndeleted 2; \d+ requests/,
    )
    expect(await blocks()).toEqual([`!${testId(2)}`, testId(3)])
    expect(await readdir(dir)).not.toContain(testId(1))
  })

  it('has the delay that it is given, and the blocks', async () => {
    await run('cleanup', '--delete-delay=1h', '-l', 'cluster="a"')
    expect(await blocks()).toEqual([`!${testId(4)}`, testId(3)].sort())
  })

  it('merges, marks and downsamples nothing', async () => {
    await put(5, START - 4 * DAY, 2 * DAY, 'a', 3)
    await put(6, START, 2 * HOUR)
    expect(await jsonOf('cleanup')).toMatchObject({ jobs: 1, made: 0, marked: 0, deleted: 2 })
  })

  it('keeps a block whose replacement is not there', async () => {
    await mark(3, 49 * HOUR, `compacted into ${testId(9)}`)
    const { out } = await run('cleanup')
    expect(out).toMatch(/0003: what it was compacted into is gone, so its mark is removed/)
    expect(await blocks()).toContain(testId(3))
  })

  it('deletes uploads that broke off two days ago, not those of today', async () => {
    await bucket.put(`${testId(8)}/index`, new Uint8Array(9))
    expect(await jsonOf('cleanup')).toMatchObject({ deleted: 2 })
    expect(await readdir(dir)).toContain(testId(8))
  })
})

describe('thaw bucket retention', () => {
  it('marks by resolution, and only that', async () => {
    await put(1, NOW - 10 * DAY, 2 * HOUR)
    await put(2, NOW - 3 * DAY, 2 * HOUR)
    await put(3, NOW - 10 * DAY, 2 * HOUR, 'b')
    await mark(2, 49 * HOUR)
    expect(await jsonOf('retention', '--retention.resolution-5m=1d')).toMatchObject({ jobs: 0 })
    const { out } = await run('retention', '--retention.resolution-raw=5d', '-l', 'cluster="a"')
    expect(out).toMatch(
      /^marked for deletion: 0100\d+1: block exceeding retention of 5d for raw samples, /,
    )
    expect(await blocks()).toEqual([`!${testId(1)}`, `!${testId(2)}`, testId(3)].sort())
    const text = await readFile(join(dir, testId(1), 'deletion-mark.json'), 'utf8')
    expect(JSON.parse(text)).toMatchObject({ deletion_time: NOW / 1000, version: 1 })
  })

  it('takes a retention that downsampling would not bear', async () => {
    expect(await jsonOf('retention', '--retention.resolution-raw=1h')).toMatchObject({ jobs: 0 })
  })
})

describe('thaw bucket downsample', () => {
  it('makes what is missing, step by step, and does not wait for merging', async () => {
    const spanMs = 11 * DAY
    await put(1, Math.floor((NOW - 20 * DAY) / DAY) * DAY, spanMs, 'a', 3)
    for (const n of [2, 3, 4, 5]) await put(n, START + (n - 2) * 2 * HOUR, 2 * HOUR)
    expect(await jsonOf('downsample')).toMatchObject({ made: 2, marked: 0, failed: 0 })
    const view = await lookUpBlocks(bucket, { now: () => NOW })
    const of = (ms: number) => view.blocks.filter(({ resolutionMs }) => resolutionMs === ms).length
    expect([of(0), of(300_000), of(3_600_000)]).toEqual([5, 1, 1])
    expect((await run('downsample')).out).toMatch(/^nothing to do; /)
  })
})

describe('thaw bucket compact', () => {
  beforeEach(async () => {
    for (const n of [0, 1, 2, 3]) {
      await put(10 + n, START + n * 2 * HOUR, 2 * HOUR)
      await put(20 + n, START + n * 2 * HOUR, 2 * HOUR, 'b')
    }
  })

  it('does all there is to do, and says it', async () => {
    await put(1, NOW - 100 * DAY, 2 * HOUR)
    await put(2, NOW - 10 * DAY, 2 * HOUR)
    await mark(2, 3 * DAY)
    const report = await jsonOf(
      'compact',
      '--retention.resolution-raw=50d',
      '--compact.concurrency=2',
    )
    expect(report).toMatchObject({
      dryRun: false,
      made: 2,
      marked: 9,
      deleted: 1,
      failed: 0,
      setAside: 0,
    })
    expect(report['bytesRead']).toBeGreaterThan(1000)
    expect(report['done']).toHaveLength(4)
    const left = await lookUpBlocks(bucket, { now: () => NOW })
    const live = left.blocks.filter(({ marks }) => !marks.deletion)
    expect(
      live.map(({ level, labels: set }) => `${level} ${labelValue(set, 'cluster')}`).sort(),
    ).toEqual(['2 a', '2 b'])
    expect(await jsonOf('compact')).toMatchObject({ jobs: 0 })
  })

  it('leaves other blocks alone, and lookups, which may be theirs', async () => {
    const lookup = `thaw/lookup/${testId(20)}`
    await bucket.put(lookup, new Uint8Array(1))
    const before = await blocks()
    expect(await jsonOf('compact', '-l', 'cluster="a"')).toMatchObject({ made: 1, marked: 4 })
    const after = await blocks()
    expect(after.filter((id) => before.includes(id))).toEqual([20, 21, 22, 23].map(testId))
    await expect(bucket.head(lookup)).resolves.toBeTruthy()
    expect(await jsonOf('compact', '--max-time=-30h')).toMatchObject({ jobs: 0 })
  })

  it('sets a broken block aside and goes on', async () => {
    await writeFile(join(dir, testId(11), 'index'), 'x'.repeat(3000))
    const { code, out } = await run('compact')
    expect(code).toBe(0)
    expect(out).toMatch(/^block 0100\d+11 is set aside: .*index magic/)
    expect(out).toMatch(/\nmade 1 block of .*, marked 4 blocks for deletion, set 1 block aside; /)
    expect(await readdir(join(dir, testId(11)))).toContain('no-compact-mark.json')
  })

  it('tries a job again that failed, and rejects after the others when it goes on failing', async () => {
    const isNew = /^01K.*\/chunks/
    const fault = { type: 'fail', error: unavailableError() } as const
    const all = {
      bucket,
      settings: DEFAULT_COMPACT_SETTINGS,
      concurrency: 1,
      wanted: () => true,
      only: undefined,
    }
    let out = ''
    const context = { ...QUIET, write: (text: string) => void (out += text) }
    const runWith = (times: number) => {
      const faulty = faultyBucket(bucket, { key: isNew, on: ['put', 'putStream'], times, fault })
      const job = { ...all, bucket: faulty.bucket, signal: context.signal }
      return runJobs(job, { dryRun: false, output: 'text' }, context)
    }
    // Each of the two jobs is begun three times.
    await expect(runWith(5)).rejects.toThrow(
      /^1 of the jobs failed, the next run tries them again$/,
    )
    expect(out.match(/^failed: compact 4 blocks/gm)).toHaveLength(5)
    expect(out).toMatch(/\nmade 1 block of .*, marked 4 blocks for deletion, 1 job failed; /)
    await runWith(0)
    expect(await jsonOf('compact')).toMatchObject({ jobs: 0 })
  })

  it.each([
    [
      ['--retention.resolution-raw=1d'],
      /--retention.resolution-raw of .*: blocks would be deleted before/,
    ],
    [['--deduplication.func=penalty'], /--deduplication.replica-label/],
    [['--delete-delay=soon'], /delete-delay/],
    [['--compact.concurrency=many'], /write a whole number/],
    [['--selector.relabel-config=[{action: x}]'], /action/],
  ])('refuses %j', async (flags, text) => {
    const { code, out, err } = await run('compact', ...flags)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(text)
  })

  it("takes Thanos's other flags, and says that they do nothing", async () => {
    const flags = [
      '--data-dir=/x',
      '--block-files-concurrency=4',
      '--compact.enable-vertical-compaction',
    ]
    const { code, err } = await run('compact', '--dry-run', ...flags)
    expect([code, err]).toEqual([
      0,
      'warning: flags without effect here: data-dir block-files-concurrency compact.enable-vertical-compaction\n',
    ])
  })

  it('keeps running, takes in what comes, and counts under the names of Thanos', async () => {
    const address = `127.0.0.1:${await freePort()}`
    const controller = new AbortController()
    const context = { ...QUIET, signal: controller.signal, killSignal: controller.signal }
    const flags = [
      '--wait',
      '--wait-interval=20ms',
      `--http-address=${address}`,
      '--log.level=error',
    ]
    const config = `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`
    const ended = runCommand(
      thawProgram(context),
      ['bucket', 'compact', config, ...flags],
      () => {},
    )
    const metric = async (name: string) => {
      const text = await (await fetch(`http://${address}/metrics`)).text()
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')[1],
      )
    }
    const until = (name: string, value: number) =>
      vi.waitFor(async () => expect(await metric(name)).toBe(value), { timeout: 20_000 })
    await until('thanos_compact_group_compactions_total{resolution="0"}', 2)
    await mark(13, 3 * DAY)
    await put(30, NOW - 5 * DAY, 2 * HOUR, 'c')
    await mark(30, 3 * DAY)
    await until('thanos_compact_blocks_cleaned_total', 2)
    expect(
      await metric('thanos_compact_blocks_marked_total{marker="deletion-mark.json",reason=""}'),
    ).toBe(8)
    await vi.waitFor(async () => {
      expect(await metric('thanos_compact_iterations_total')).toBeGreaterThan(0)
      expect(await metric('thanos_compact_todo_compactions')).toBe(0)
    }, 20_000)
    expect(await metric('thanos_compact_halted')).toBe(0)
    expect(await metric('thanos_delete_delay_seconds')).toBe(48 * 3600)
    expect((await fetch(`http://${address}/-/ready`)).status).toBe(200)
    controller.abort()
    expect(await ended).toBe(0)
  })
})

describe('a dry run', () => {
  it.each([
    ['cleanup'],
    ['retention', '--retention.resolution-raw=2h'],
    ['downsample'],
    ['compact'],
  ])(
    'of thaw bucket %s says what would be done, and changes nothing',
    async (command, ...flags) => {
      for (const n of [0, 1, 2, 3]) await put(10 + n, START + n * 2 * HOUR, 2 * HOUR)
      await put(20, Math.floor((NOW - 5 * DAY) / DAY) * DAY, 2 * DAY, 'a', 3)
      await put(21, NOW - 5 * DAY, 2 * HOUR, 'c')
      await mark(21, 3 * DAY)
      const before = await objects()
      const { code, out } = await run(command, '--dry-run', ...flags)
      expect(code).toBe(0)
      expect(out).toMatch(
        /^would .*\n.*jobs?, about \d+\w+ of work; what comes of them may be worked on again\n$/s,
      )
      const json = await jsonOf(command, '--dry-run', ...flags)
      expect(json).toMatchObject({ dryRun: true })
      expect(json['jobs']).toHaveLength(out.match(/^would/gm)!.length)
      expect(await objects()).toEqual(before)
    },
  )
})
