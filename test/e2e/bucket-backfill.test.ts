/** `thaw bucket backfill` makes the blocks that promtool makes of the same text, and has what a real Prometheus gives by remote read. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { thaw } from '#test/cli/cli-fixture.ts'
import { command } from '#test/peer/cache.ts'
import { findPrometheus, startPrometheus } from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { contentsOf, readBlock } from '#test/rewrite/block-contents.ts'

const START_S = Date.UTC(2026, 0, 28, 1, 17) / 1000
const STEPS = 600
const STEP_S = 61.5

/** Ten hours of what exporters have: every type, every escape, gaps, numbers of all kinds. */
function madeText(): string {
  const lines: string[] = []
  const family = (
    name: string,
    type: string,
    series: Record<string, (k: number) => string | undefined>,
  ) => {
    lines.push(`# HELP ${name} Text with "quotes", \\\\ and \\n.`, `# TYPE ${name} ${type}`)
    for (const [text, value] of Object.entries(series)) {
      for (let k = 0; k < STEPS; k++) {
        const found = value(k)
        if (found === undefined) continue
        const exemplar =
          text.includes('_total') && k % 50 === 0 ? ' # {trace_id="a b"} 0.5 1.5' : ''
        lines.push(`${text} ${found} ${(START_S + k * STEP_S).toFixed(3)}${exemplar}`)
      }
    }
  }
  family('requests', 'counter', {
    'requests_total{path="/a"}': (k) => String(k * 3),
    'requests_total{path="/b \\"x\\" \\\\ \\n"}': (k) => String(k / 7),
    'requests_created{path="/a"}': () => String(START_S),
  })
  family('level', 'gauge', {
    level: (k) => ['1e3', '-0', 'NaN', '+Inf', '-Inf', '.5', '5e-324'][k % 7],
    'level{host="a"}': (k) => (k % 200 < 90 ? String(Math.sin(k)) : undefined),
    'level{host="late",empty=""}': (k) => (k > 550 ? '1' : undefined),
  })
  family('latency_seconds', 'histogram', {
    'latency_seconds_bucket{le="0.1"}': (k) => String(k),
    'latency_seconds_bucket{le="+Inf"}': (k) => String(k * 2),
    latency_seconds_sum: (k) => String(k * 0.3),
    latency_seconds_count: (k) => String(k * 2),
  })
  family('spread', 'summary', { 'spread{quantile="0.5"}': (k) => String(k % 13) })
  return `${lines.join('\n')}\n# EOF\n`
}

const FAULTS = [
  '',
  'up 1 1\n',
  'up 1 1\n\n# EOF\n',
  'up 1\n# EOF\n',
  'up  1 1\n# EOF\n',
  'up 1_0 1\n# EOF\n',
  'up 0x1p3 1\n# EOF\n',
  'up 1 x\n# EOF\n',
  'up 1 NaN\n# EOF\n',
  'up{a} 1 1\n# EOF\n',
  'up{a="b" c="d"} 1 1\n# EOF\n',
  'up{a="b} 1 1\n# EOF\n',
  '{a="b"} 1 1\n# EOF\n',
  '1up 1 1\n# EOF\n',
  'up{a="b",a="c"} 1 1\n# EOF\n',
  '# TYPE a number\n# EOF\n',
  '# hello\n# EOF\n',
  '# UNIT a_bytes seconds\n# EOF\n',
  'up 1 1 # {a="b"} x\n# EOF\n',
  '# EOF\nup 1 1\n',
]

interface Block {
  readonly minTime: number
  readonly maxTime: number
  readonly contents: Record<string, readonly string[]>
}

async function blocksOf(dir: string): Promise<Block[]> {
  const ids = (await readdir(dir)).filter((name) => /^0[0-9A-Z]{25}$/.test(name))
  const blocks = await Promise.all(
    ids.map(async (id): Promise<Block> => {
      const block = await readBlock(fileBucket(dir), id)
      const { minTime, maxTime } = block.meta
      return { minTime, maxTime, contents: contentsOf(block) }
    }),
  )
  return blocks.sort((a, b) => a.minTime - b.minTime)
}

const configOf = (dir: string): string =>
  `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`

const peer = await findPrometheus()
/** Of another version than the Prometheus. */
const PROMTOOL = process.env['THAW_PROMTOOL']

describe('thaw bucket backfill', () => {
  let dir: string
  let text: string

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'thaw-backfill-'))
    text = join(dir, 'made.om')
    await writeFile(text, madeText())
  })

  afterAll(() => rm(dir, { recursive: true, force: true }))

  async function emptyDir(name: string): Promise<string> {
    const made = join(dir, name)
    await mkdir(made)
    return made
  }

  async function promtoolBlocks(out: string, ...flags: string[]): Promise<void> {
    await command(PROMTOOL ?? (peer as { promtool: string }).promtool, [
      'tsdb',
      'create-blocks-from',
      ...flags,
      'openmetrics',
      text,
      out,
    ])
  }

  it.for<[string, string[]]>([
    ['two hours', []],
    ['six hours', ['--max-block-duration=8h']],
  ])('makes blocks of %s as promtool does', async ([name, flags], context) => {
    needPeer(context, peer)
    const theirs = await emptyDir(`theirs ${name}`)
    const ours = await emptyDir(`ours ${name}`)
    await promtoolBlocks(theirs, ...flags)
    const done = await thaw([
      'bucket',
      'backfill',
      `--openmetrics=${text}`,
      '--label=cluster="eu"',
      ...flags,
      configOf(ours),
    ])
    expect([done.code, done.err]).toEqual([0, ''])
    const wanted = await blocksOf(theirs)
    expect(await blocksOf(ours)).toEqual(wanted)
    expect(wanted.length).toBeGreaterThan(1)
    expect(Object.keys(wanted[0]!.contents)).toHaveLength(10)
  })

  it('refuses what promtool refuses', async (context) => {
    const promtool = PROMTOOL ?? needPeer(context, peer).promtool
    const out = await emptyDir('refused')
    const file = join(dir, 'fault.om')
    const accepted: string[] = []
    for (const fault of FAULTS) {
      await writeFile(file, fault)
      const theirs = await command(promtool, [
        'tsdb',
        'create-blocks-from',
        'openmetrics',
        file,
        out,
      ])
        .then(() => 'accepted')
        .catch(() => 'refused')
      const ours = await thaw([
        'bucket',
        'backfill',
        `--openmetrics=${file}`,
        '--label=a=b',
        configOf(out),
      ])
      expect(ours.err).toMatch(/^thaw: .*fault.om: line \d+: /)
      if (theirs === 'accepted') accepted.push(fault)
    }
    expect(accepted).toEqual([])
  })

  it('has what a Prometheus gives by remote read', async (context) => {
    const { binary } = needPeer(context, peer)
    const dataDir = await emptyDir('data')
    const ours = await emptyDir('read')
    await promtoolBlocks(dataDir)
    const prometheus = await startPrometheus({
      binary,
      dataDir,
      config: 'global: {external_labels: {cluster: eu}}\n',
      flags: ['--storage.tsdb.retention.time=100y'],
    })
    try {
      const read = (...flags: string[]) =>
        thaw([
          'bucket',
          'backfill',
          `--remote-read.url=${prometheus.url}`,
          '--start=2026-01-28T00:00:00Z',
          '--end=2026-01-29T00:00:00Z',
          '--label=cluster="eu"',
          configOf(ours),
          ...flags,
        ])
      const planned = await read('--dry-run')
      expect(planned.out).toContain('would make 12 blocks')
      const done = await read()
      expect([done.code, done.err]).toEqual([0, ''])
      expect(await blocksOf(ours)).toEqual(await blocksOf(dataDir))
      const again = await read()
      expect(again.out).toContain('were there already')
      const some = await read('--match=level{host="a"}', '--series-label=copy="1"')
      expect([some.code, some.err]).toEqual([0, ''])
      const wrong = await read('--match=level{')
      expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('parse error')])
    } finally {
      await prometheus.stop()
    }
    const gone = await thaw([
      'bucket',
      'backfill',
      `--remote-read.url=${prometheus.url}`,
      '--start=2026-01-28T00:00:00Z',
      '--end=2026-01-29T00:00:00Z',
      '--label=a=b',
      configOf(ours),
    ])
    expect([gone.code, gone.err]).toEqual([1, expect.stringMatching(/^thaw: .*127\.0\.0\.1/)])
  })
})
