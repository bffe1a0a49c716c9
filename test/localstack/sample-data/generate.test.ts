// Sample data of `npm start`: made twice it is the same, made later it goes on, killed it leaves nothing half.
import { execFile, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareLabels, labelValue } from '#lib/model/labels.ts'
import { generateSampleData, type SampleDataset } from '#localstack/sample-data/generate.ts'
import { blockNames, filesOf, readBlock, readSeries } from './sample-block-files.ts'

const HOUR_MS = 3_600_000
const NOW_MS = Date.UTC(2026, 10, 21, 7, 30)
/** Coarser scrapes, so that many days are quickly made. */
const COARSE = { scrapeIntervalMs: 300_000 }

let root: string
let dataset: SampleDataset

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thaw-sample-data-test-'))
  dataset = await generateSampleData({ dir: join(root, 'a'), nowMs: NOW_MS, days: 4, ...COARSE })
})

afterAll(() => rm(root, { recursive: true, force: true }))

function dataDirOf(name: string): string {
  return dataset.prometheuses.find((prometheus) => prometheus.name === name)!.dataDir
}

describe('generateSampleData', () => {
  it('makes a data directory for each of two replicas of two clusters', () => {
    expect(dataset.prometheuses).toEqual(
      [
        ['eu-west', 0],
        ['eu-west', 1],
        ['us-east', 0],
        ['us-east', 1],
      ].map(([cluster, replica]) => ({
        name: `${cluster}-prometheus-${replica}`,
        dataDir: join(root, 'a', `${cluster}-prometheus-${replica}`),
        externalLabels: { cluster, replica: `prometheus-${replica}` },
      })),
    )
  })

  it('covers the days without a hole or an overlap, the old in two days and the last in two hours', () => {
    for (const { dataDir } of dataset.prometheuses) {
      const metas = blockNames(dataDir).map((name) => readBlock(dataDir, name).meta)
      for (let i = 1; i < metas.length; i++) expect(metas[i]!.minTime).toBe(metas[i - 1]!.maxTime)
      expect(metas[0]!.minTime).toBeLessThanOrEqual(NOW_MS - 96 * HOUR_MS)
      const { minTime, maxTime } = metas.at(-1)!
      expect([minTime, maxTime]).toEqual([Date.UTC(2026, 10, 21, 6), Date.UTC(2026, 10, 21, 8)])
      for (const { ulid, minTime, maxTime, compaction } of metas) {
        const hours = (maxTime - minTime) / HOUR_MS
        expect([ulid, hours, compaction.level, compaction.sources.length]).toEqual(
          hours === 2 ? [ulid, 2, 1, 1] : [ulid, 48, 3, 24],
        )
        expect(minTime % (hours * HOUR_MS)).toBe(0)
        expect(hours === 2 || maxTime <= NOW_MS - 22 * HOUR_MS).toBe(true)
      }
      expect(metas.some(({ compaction }) => compaction.level === 3)).toBe(true)
    }
  })

  it('makes the same bytes again', async () => {
    const again = join(root, 'again')
    await generateSampleData({ dir: again, nowMs: NOW_MS, days: 4, ...COARSE })
    expect(filesOf(again)).toEqual(filesOf(join(root, 'a')))
  })

  it('writes nothing when nothing is missing', async () => {
    const before = filesOf(join(root, 'a'))
    const next = await generateSampleData({
      dir: join(root, 'a'),
      nowMs: NOW_MS + 60_000,
      days: 4,
      ...COARSE,
    })
    expect(next).toEqual({ ...dataset, blocksWritten: 0 })
    expect(filesOf(join(root, 'a'))).toEqual(before)
  })

  it('only adds the windows that time has brought', async () => {
    const dir = join(root, 'later')
    await cp(join(root, 'a'), dir, { recursive: true })
    const before = filesOf(dir)
    const later = NOW_MS + 50 * HOUR_MS
    const next = await generateSampleData({ dir, nowMs: later, days: 4, ...COARSE })
    expect(next.blocksWritten).toBe(4 * 25)
    const after = filesOf(dir)
    for (const [path, hash] of Object.entries(before))
      expect([path, after[path]]).toEqual([path, hash])
  })

  it('stops at an abort, leaves only whole blocks, and goes on where it stopped', async () => {
    const dir = join(root, 'stopped')
    const stop = new AbortController()
    const run = generateSampleData({
      dir,
      nowMs: NOW_MS,
      days: 4,
      ...COARSE,
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 5) stop.abort()
      },
    })
    await expect(run).rejects.toMatchObject({ kind: 'canceled' })
    const next = await generateSampleData({ dir, nowMs: NOW_MS, days: 4, ...COARSE })
    expect(next.blocksWritten).toBe(dataset.blocksWritten - 5)
    expect(filesOf(dir)).toEqual(filesOf(join(root, 'a')))
  })

  it('removes what a killed run left, and makes a block anew that lost its meta.json', async () => {
    const dir = join(root, 'killed')
    await cp(join(root, 'a'), dir, { recursive: true })
    const dataDir = join(dir, 'eu-west-prometheus-0')
    const half = join(dataDir, '01M7YB1BR02BK2B708P9XN132G.tmp-for-creation')
    await mkdir(join(half, 'chunks'), { recursive: true })
    await writeFile(join(half, 'chunks', '000001'), 'half')
    await rm(join(dataDir, blockNames(dataDir)[3]!, 'meta.json'))
    const next = await generateSampleData({ dir, nowMs: NOW_MS, days: 4, ...COARSE })
    expect(next.blocksWritten).toBe(1)
    expect(await readdir(dataDir)).not.toContain('01M7YB1BR02BK2B708P9XN132G.tmp-for-creation')
    expect(filesOf(dir)).toEqual(filesOf(join(root, 'a')))
  })

  it('leaves no half block under a block name when it is killed with -9', async () => {
    const dir = join(root, 'kill-9')
    await mkdir(dir)
    const child = spawn(process.execPath, ['bench/sample-data.ts', '2', dir], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    const dataDir = join(dir, 'eu-west-prometheus-0')
    // The third block is being written, or a later one.
    while (child.exitCode === null) {
      await sleep(1)
      const names = await readdir(dataDir).catch(() => [])
      if (names.length > 4 && names.some((name) => name.endsWith('.tmp-for-creation'))) break
    }
    child.kill('SIGKILL')
    await ended
    expect(child.signalCode).toBe('SIGKILL')
    const whole = blockNames(dataDir)
    expect(whole.length).toBeGreaterThan(1)
    for (const name of whole) {
      const block = readBlock(dataDir, name)
      const counted = readSeries(block).reduce((sum, { samples }) => sum + samples.length, 0)
      expect(counted).toBe(block.meta.stats.numSamples)
    }
    await generateSampleData({ dir, nowMs: NOW_MS, days: 2 })
    expect(Object.keys(filesOf(dir)).filter((path) => path.includes('.tmp'))).toEqual([])
    expect(blockNames(dataDir).length).toBeGreaterThan(whole.length)
  })

  it('refuses a scrape interval under a second', async () => {
    await expect(
      generateSampleData({ dir: join(root, 'no'), nowMs: NOW_MS, days: 1, scrapeIntervalMs: 10 }),
    ).rejects.toMatchObject({
      kind: 'invalid',
      message: 'scrape interval of 10 ms, the least is 1000',
    })
  })
})

describe('a sample block', () => {
  it('has its series in label order and its samples in its window, in order', () => {
    const dataDir = dataDirOf('us-east-prometheus-1')
    for (const name of blockNames(dataDir)) {
      const block = readBlock(dataDir, name)
      const series = readSeries(block)
      expect(series.length).toBe(block.meta.stats.numSeries)
      let samples = 0
      for (let i = 1; i < series.length; i++) {
        expect(compareLabels(series[i - 1]!.labels, series[i]!.labels)).toBeLessThan(0)
      }
      for (const { samples: columns } of series) {
        const { length, timestamps } = columns
        samples += length
        const sorted = timestamps.slice(0, length).sort()
        expect(new Set(sorted).size).toBe(length)
        expect(sorted).toEqual(timestamps.slice(0, length))
        expect(timestamps[0]).toBeGreaterThanOrEqual(block.meta.minTime)
        expect(timestamps[length - 1]).toBeLessThan(block.meta.maxTime)
      }
      expect(samples).toBe(block.meta.stats.numSamples)
    }
  })
})

const promtool = '/usr/bin/promtool'
const reason = await promisify(execFile)(promtool, ['--version']).then(
  () => undefined,
  () => `no ${promtool}`,
)
if (reason !== undefined) console.log(`skipped: promtool reads the sample data (${reason})`)

describe.skipIf(reason !== undefined)('promtool', () => {
  it('reads every sample of a block', async () => {
    const source = dataDirOf('eu-west-prometheus-0')
    const [name] = blockNames(source).slice(-1)
    const dir = join(root, 'promtool')
    await cp(join(source, name!), join(dir, name!), { recursive: true })
    await mkdir(join(dir, 'wal'))
    const { stdout } = await promisify(execFile)(
      promtool,
      ['tsdb', 'dump', '--match={__name__!="http_request_latency_seconds"}', dir],
      { maxBuffer: 1 << 28 },
    )
    const meta = JSON.parse(await readFile(join(dir, name!, 'meta.json'), 'utf8'))
    let floats = 0
    for (const { labels, samples } of readSeries(readBlock(dir, name!))) {
      if (labelValue(labels, '__name__') === 'http_request_latency_seconds') continue
      floats += samples.length
    }
    expect(stdout.trim().split('\n').length).toBe(floats)
    expect(floats).toBe(meta.stats.numFloatSamples)
  })
})
