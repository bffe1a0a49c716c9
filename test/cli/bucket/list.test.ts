/** `thaw bucket ls` and `thaw bucket inspect` over a directory. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { blockId, temporaryDir } from '#test/agent/block-fixture.ts'
import { thaw } from '../cli-fixture.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 0, 30)
const MARKED_S = Date.UTC(2026, 0, 31, 11) / 1000
const ONE = blockId(1)
const TWO = blockId(2)
const THREE = blockId(3)

let objstore: string

async function putMeta(dir: string, ulid: string, minTime: number, hours: number, more: object) {
  await mkdir(join(dir, ulid), { recursive: true })
  const meta = {
    ulid,
    minTime,
    maxTime: minTime + hours * HOUR,
    stats: { numSamples: 1_234_567, numSeries: 1000, numChunks: 20_000 },
    compaction: { level: 1, sources: [ulid] },
    version: 1,
    thanos: {
      labels: { replica: 'a', cluster: 'eu' },
      downsample: { resolution: 0 },
      source: 'sidecar',
    },
    ...more,
  }
  await writeFile(join(dir, ulid, 'meta.json'), JSON.stringify(meta))
  await writeFile(join(dir, ulid, 'index'), 'x'.repeat(2048))
}

beforeEach(async () => {
  const dir = await temporaryDir()
  objstore = `{type: FILESYSTEM, config: {directory: ${dir}}}`
  await putMeta(dir, ONE, START + 10 * HOUR, 2, {})
  await putMeta(dir, TWO, START, 48, {
    stats: { numSamples: 9, numSeries: 1, numChunks: 1 },
    compaction: { level: 3, sources: [ONE], failed: true },
    thanos: {
      labels: { cluster: 'us' },
      downsample: { resolution: 300_000 },
      source: 'compactor',
    },
  })
  await mkdir(join(dir, THREE))
  await writeFile(join(dir, THREE, 'index'), 'an upload under way')
  await mkdir(join(dir, 'thaw'))
  await writeFile(join(dir, 'thaw', 'note'), 'not a block')
  const mark = {
    id: TWO,
    version: 1,
    details: 'source of compacted block',
    deletion_time: MARKED_S,
  }
  await writeFile(join(dir, TWO, 'deletion-mark.json'), JSON.stringify(mark))
})

const PARTIAL = `warning: ${THREE} has no meta.json: it is being uploaded, or its upload broke off\n`

describe('thaw bucket ls', () => {
  const ls = (...flags: string[]) =>
    thaw(['bucket', 'ls', `--objstore.config=${objstore}`, ...flags])

  it('prints ids by time, and names what is no block', async () => {
    expect(await ls()).toEqual({ code: 0, out: `${TWO}\n${ONE}\n`, err: PARTIAL })
  })

  it("prints Thanos's wide line", async () => {
    expect((await ls('-o', 'wide')).out).toBe(
      `${TWO} -- 2026-01-30T00:00:00Z - 2026-02-01T00:00:00Z Diff: 48h0m0s, Compaction: 3, Downsample: 300000, Source: compactor\n` +
        `${ONE} -- 2026-01-30T10:00:00Z - 2026-01-30T12:00:00Z Diff: 2h0m0s, Compaction: 1, Downsample: 0, Source: sidecar\n`,
    )
  })

  it('prints metas as JSON, one after the other', async () => {
    const { out } = await ls('-o', 'json', '--exclude-delete')
    expect(JSON.parse(out)).toMatchObject({ ulid: ONE, thanos: { labels: { cluster: 'eu' } } })
  })

  it('prints a table', async () => {
    expect((await ls('-o', 'table')).out.split('\n')).toEqual([
      'ULID                        FROM                  UNTIL                 RANGE    LEVEL  RESOLUTION     SIZE  SOURCE     LABELS                STATE',
      `${TWO}  2026-01-30T00:00:00Z  2026-02-01T00:00:00Z  48h0m0s  3      5m0s        2.0 KiB  compactor  cluster=us            marked for deletion since 2026-01-31T11:00:00Z (source of compacted block)`,
      `${ONE}  2026-01-30T10:00:00Z  2026-01-30T12:00:00Z  2h0m0s   1      0s          2.0 KiB  sidecar    cluster=eu,replica=a`,
      '',
    ])
  })

  it('leaves out blocks outside the times, and marked ones', async () => {
    expect((await ls('--min-time=2026-01-30T12:00:00Z')).out).toBe(`${TWO}\n`)
    expect((await ls('--max-time=2026-01-30T10:00:00Z')).out).toBe(`${TWO}\n`)
    expect((await ls('--exclude-delete')).out).toBe(`${ONE}\n`)
  })
})

describe('thaw bucket inspect', () => {
  const inspect = (...flags: string[]) =>
    thaw(['bucket', 'inspect', `--objstore.config=${objstore}`, ...flags])

  it("prints Thanos's columns", async () => {
    expect((await inspect('-o', 'csv')).out.split('\n')).toEqual([
      'ULID,FROM,UNTIL,RANGE,UNTIL-DOWN,#SERIES,#SAMPLES,#CHUNKS,COMP-LEVEL,COMP-FAILED,LABELS,RESOLUTION,SOURCE',
      `${TWO},2026-01-30T00:00:00Z,2026-02-01T00:00:00Z,48h0m0s,192h0m0s,1,9,1,3,true,cluster=us,5m0s,compactor`,
      `${ONE},2026-01-30T10:00:00Z,2026-01-30T12:00:00Z,2h0m0s,38h0m0s,"1,000","1,234,567","20,000",1,false,"cluster=eu,replica=a",0s,sidecar`,
      '',
    ])
  })

  it('sorts by the value of a column, not by its text', async () => {
    const ids = async (...flags: string[]) =>
      (
        JSON.parse((await inspect('-o', 'json', ...flags)).out) as { blocks: { ulid: string }[] }
      ).blocks.map(({ ulid }) => ulid)
    expect(await ids('--sort-by=#SAMPLES')).toEqual([TWO, ONE])
    expect(await ids('--sort-by=range')).toEqual([ONE, TWO])
    expect(await ids('--sort-by', 'COMP-LEVEL,ULID')).toEqual([ONE, TWO])
  })

  it('selects by external labels', async () => {
    const rows = async (...flags: string[]) =>
      (await inspect('-o', 'tsv', ...flags)).out.trimEnd().split('\n').length - 1
    expect(await rows('-l', 'cluster="eu"')).toBe(1)
    expect(await rows('-l', 'cluster=eu', '-l', 'replica="b"')).toBe(0)
    expect(await rows('--selector', 'nothing="x"')).toBe(0)
  })

  it('says the state of blocks and their sums below the table', async () => {
    const { out } = await inspect()
    expect(out).toMatch(/ {2}SOURCE {5}STATE\n/)
    expect(out).toMatch(/compactor {2}marked for deletion since 2026-01-31T11:00:00Z/)
    expect(out.slice(out.indexOf('total'))).toBe(
      'total: 2 blocks of 2 streams, 1,234,576 samples, 20,001 chunks, 4.0 KiB\n' +
        '  raw: 1 block of 1 stream, 1,234,567 samples, 20,000 chunks, 2.0 KiB\n' +
        '  5m0s: 1 block of 1 stream, 9 samples, 1 chunk, 2.0 KiB\n' +
        'of them: 1 marked for deletion, 1 partial (no block yet, or no more)\n',
    )
  })

  it('has all of it as JSON', async () => {
    const json = JSON.parse((await inspect('-o', 'json')).out) as Record<string, unknown>
    expect(json).toMatchObject({
      blocks: [
        { ulid: TWO, samples: 9, level: 3, failed: true, hidden: null, untilDown: '192h0m0s' },
        { ulid: ONE, samples: 1_234_567, bytes: 2048, labels: { cluster: 'eu', replica: 'a' } },
      ],
      partial: [{ id: THREE, reason: 'no meta.json' }],
      totals: { blocks: 2, bytes: 4096, resolutions: { raw: { blocks: 1 } } },
    })
  })

  it.each([
    [['--sort-by=AGE'], /choose of ULID, FROM/],
    [['-l', 'cluster'], /write a label such as/],
    [['-o', 'xml'], /write one of table, csv, tsv, json/],
  ])('refuses %j', async (flags, text) => {
    const result = await inspect(...flags)
    expect([result.code, result.out]).toEqual([1, ''])
    expect(result.err).toMatch(text)
  })
})

describe('the bucket of a command', () => {
  it('comes from a file, with variables of the environment', async () => {
    const dir = await temporaryDir()
    const file = join(dir, 'bucket.yml')
    await writeFile(file, 'type: FILESYSTEM\nconfig:\n  directory: $(WHERE)\n')
    const result = await thaw(['bucket', 'ls', `--objstore.config-file=${file}`], { WHERE: dir })
    expect(result).toEqual({ code: 0, out: '', err: '' })
  })

  it.each([
    [[], /no bucket is named, give --objstore\.config-file/],
    [['--objstore.config-file=/nowhere.yml'], /--objstore\.config-file: ENOENT/],
    [['--objstore.config=a: b', '--objstore.config-file=x'], /not both/],
    [['--objstore.config={type: S4, config: {}}'], /"S4" is not S3 or FILESYSTEM/],
  ])('is missing with %j', async (flags, text) => {
    const result = await thaw(['bucket', 'ls', ...flags])
    expect([result.code, result.out]).toEqual([1, ''])
    expect(result.err).toMatch(text)
  })
})

describe('thaw agent --once', () => {
  it('tells what is wrong with Prometheus in one line', async () => {
    const flags = [`--tsdb.path=${await temporaryDir()}`, '--prometheus.url=http://127.0.0.1:1']
    const result = await thaw(['agent', '--once', `--objstore.config=${objstore}`, ...flags])
    expect(result.code).toBe(1)
    expect(result.err).toMatch(/^thaw: no connection to http:\/\/127\.0\.0\.1:1: .*\n$/)
  })
})
