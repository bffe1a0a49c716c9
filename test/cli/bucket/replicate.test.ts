/** `thaw bucket replicate`: which blocks, its report, and as a process that keeps running. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { runCommand } from '#agent/run-command.ts'
import { thawProgram } from '#cli/program.ts'
import { labelMatch } from '#cli/bucket/matchers.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { freePort } from '#test/peer/server.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { NOW, thaw } from '../cli-fixture.ts'

const HOUR = 3_600_000

let from: string
let to: string

interface Facts {
  readonly level?: number
  readonly resolution?: number
  readonly external?: Record<string, string>
}

async function put(n: number, { level = 1, resolution = 0, external = { c: 'a' } }: Facts = {}) {
  const [minTimeMs, maxTimeMs] = [NOW - (n + 2) * HOUR, NOW - n * HOUR]
  const samples = every(600_000, minTimeMs, maxTimeMs, () => n)
  await putBlock(fileBucket(from), {
    id: testId(n),
    minTimeMs,
    maxTimeMs,
    externalLabels: external,
    series: [{ labels: labels({ __name__: 'up' }), samples }],
    meta: (meta) => ({
      ...meta,
      compaction: { ...meta.compaction, level },
      thanos: { ...meta.thanos!, downsample: { resolution } },
    }),
  })
}

const config = (name: string, directory: string) =>
  `--${name}.config={type: FILESYSTEM, config: {directory: ${directory}}}`

function replicate(...flags: string[]) {
  return thaw([
    'bucket',
    'replicate',
    config('objstore', from),
    config('objstore-to', to),
    ...flags,
  ])
}

async function copied(...flags: string[]): Promise<string[]> {
  const { out } = await replicate('--dry-run', '-o', 'json', ...flags)
  return (JSON.parse(out) as { blocks: { id: string }[] }).blocks.map(({ id }) => id.slice(-1))
}

beforeEach(async () => {
  from = await temporaryDir()
  to = await temporaryDir()
  await put(1)
  await put(3, { level: 2, external: { c: 'b' } })
  await put(5, { level: 3, resolution: 300_000 })
  await put(7, { level: 5 })
})

describe('thaw bucket replicate', () => {
  it.each([
    [[], ['5', '3', '1']],
    [['--resolution=5m'], ['5']],
    [['--resolution=0s,1h'], ['3', '1']],
    [
      ['--compaction-min=2', '--compaction-max=5'],
      ['7', '5', '3'],
    ],
    [
      ['--compaction=1', '--compaction=5'],
      ['7', '1'],
    ],
    [['--matcher=c="b"'], ['3']],
    [['--matcher={c!="b"}'], ['5', '1']],
    [['--min-time=-4h'], ['3', '1']],
    [['--max-time=-4h'], ['5', '3']],
    [[`--id=${testId(7)}`, '--matcher=c=none'], ['7']],
  ])('chooses with %j, oldest first', async (flags, ids) => {
    expect(await copied(...flags)).toEqual(ids)
  })

  it('leaves out marked blocks if told so, and those without external labels always', async () => {
    const mark = { id: testId(3), version: 1, deletion_time: NOW / 1000 }
    await fileBucket(from).put(
      `${testId(3)}/deletion-mark.json`,
      new TextEncoder().encode(JSON.stringify(mark)),
    )
    await put(9, { external: {} })
    expect(await copied()).toEqual(['5', '3', '1'])
    expect(await copied('--ignore-marked-for-deletion')).toEqual(['5', '1'])
    expect((await replicate('--single-run')).err).toMatch(
      /0009 has no external labels: it is not copied/,
    )
  })

  it.each([
    [[`--id=${testId(8)}`], /no block 01\d+8 in file:/],
    [['--single-run', '--compaction-min=3', '--compaction-max=2'], /must not be greater/],
    [['--single-run', '--resolution=10m'], /write a resolution: 0s, 5m or 1h/],
    [['--single-run', '--matcher=c~b'], /write matchers such as/],
    [
      ['--single-run', '--objstore-to.config-file=x'],
      /give --objstore-to.config or --objstore-to.config-file/,
    ],
  ])('refuses %j', async (flags, text) => {
    const { code, out, err } = await replicate(...flags)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(text)
  })

  it('wants two buckets', async () => {
    const one = await thaw(['bucket', 'replicate', '--single-run', config('objstore', from)])
    expect(one.err).toMatch(/no bucket is named, give --objstore-to.config-file=bucket.yml/)
    to = from
    expect((await replicate('--single-run')).err).toMatch(/both configurations name file:/)
  })

  it('keeps running, takes in what comes, and says so in its metrics', async () => {
    const address = `127.0.0.1:${await freePort()}`
    const controller = new AbortController()
    const context = {
      env: {},
      now: () => NOW,
      write: () => {},
      writeError: () => {},
      signal: controller.signal,
      killSignal: controller.signal,
      onHangup: () => {},
    }
    const flags = [`--http-address=${address}`, '--wait-interval=20ms', '--log.level=error']
    const argv = [
      'bucket',
      'replicate',
      config('objstore', from),
      config('objstore-to', to),
      ...flags,
    ]
    const ended = runCommand(thawProgram(context), argv, () => {})
    const metrics = async () => (await fetch(`http://${address}/metrics`)).text()
    await vi.waitFor(async () => {
      expect(await metrics()).toMatch(/\nthanos_replicate_blocks_replicated_total 3\n/)
    }, 20_000)
    await put(2)
    await vi.waitFor(async () => {
      expect(await metrics()).toMatch(/\nthanos_replicate_blocks_replicated_total 4\n/)
    }, 20_000)
    expect((await fetch(`http://${address}/-/ready`)).status).toBe(200)
    const text = await metrics()
    expect(text).toMatch(/thanos_replicate_replication_runs_total\{result="success"\} [1-9]/)
    expect(text).toMatch(/thanos_replicate_replication_runs_total\{result="error"\} 0/)
    expect(text).toMatch(/thanos_objstore_bucket_operations_total\{[^}]*operation="iter"\} [1-9]/)
    controller.abort()
    expect(await ended).toBe(0)
    await expect(fileBucket(to).head(`${testId(2)}/meta.json`)).resolves.toBeTruthy()
  })
})

describe('labelMatch', () => {
  const set = labelsFrom({ cluster: 'eu', replica: 'a b' })
  it.each([
    ['', true],
    ['cluster="eu"', true],
    [' { cluster = eu , replica="a b", } ', true],
    ['replica=~"a.*",cluster!="us"', true],
    ['cluster!~"e."', false],
    ['other=""', true],
    ['cluster="e\\u0075"', true],
  ])('of %j is %s', (text, matches) => {
    expect(labelMatch(text)(set)).toBe(matches)
  })

  it.each(['cluster', '{a="b"', 'a="b" c="d"', 'a=~"("'])('refuses %j', (text) => {
    expect(() => labelMatch(text)).toThrow(/matcher|regular|regex|pattern/i)
  })
})
