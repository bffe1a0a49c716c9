import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { putBlock } from '../../../bench/rule/made-bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { NOW, thaw } from '../cli-fixture.ts'

describe('thaw cost', () => {
  let directory: string
  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'thaw-cost-test-'))))
  afterEach(() => rm(directory, { recursive: true, force: true }))

  const json = async (...args: string[]) => {
    const { code, out, err } = await thaw(['cost', '-o', 'json', ...args])
    expect([code, err]).toEqual([0, ''])
    return JSON.parse(out) as {
      usd: number
      freeUsd: number
      idleUsd: number
      savings: { knob: string; usd: number }[]
      parts: Record<string, number>
      workload: Record<string, unknown>
      lines: { what: string; usd: number; quantity: number }[]
    }
  }

  it('shows the lines, the parts and the sum', async () => {
    const { code, out } = await thaw(['cost', '--agents=4', '--series=1000000', '--rules=100'])
    expect(code).toBe(0)
    expect(out).toMatch(/^storage +raw samples +[0-9]+ +GB in S3 Standard for a month +[0-9.]+$/m)
    expect(out).toMatch(/^all +[0-9.]+$/m)
    expect(out).toContain('4 agents, 1000000 series each 15 s')
    expect(out).toContain('List prices of us-east-1 of 2026-')
    expect(out).not.toContain('HOW')
    expect((await thaw(['cost', '--explain'])).out).toContain('GB a day x days kept')
  })

  it('says what would be cheaper, what AWS gives for nothing, and what is to be paid in any case', async () => {
    const { out } = await thaw(['cost', '--agents=4', '--series=1000000'])
    expect(out).toMatch(/^CHEAPER BY +USD +GIVES UP$/m)
    expect(out).toMatch(
      /^--retention\.resolution-raw=30d .* +[0-9.]+ +single samples of older times/m,
    )
    expect(out).toMatch(/^--fresh\.interval=60s of agents +[0-9.]+ +queries/m)
    expect(out).toMatch(/An account that has nothing else gets [0-9.]+ of it for nothing/)
    expect(out).toMatch(
      /^An installation that nobody writes to and nobody asks is 1\.\d\d a month\.$/m,
    )
    const { usd, freeUsd, idleUsd, savings } = await json()
    expect(freeUsd).toBeGreaterThan(1)
    expect(freeUsd).toBeLessThan(usd)
    expect(idleUsd).toBeLessThan(usd)
    expect(savings.map((saving) => saving.usd)).toEqual(
      savings.map((saving) => saving.usd).toSorted((a, b) => b - a),
    )
    const [first] = (await json('--retention.resolution-raw=30d')).savings
    expect(first!.knob).not.toContain('retention')
  })

  it('has the same in JSON, and in CSV', async () => {
    const { usd, parts, lines } = await json()
    expect(Object.values(parts).reduce((a, b) => a + b)).toBeCloseTo(usd, 9)
    expect(lines.reduce((sum, line) => sum + line.usd, 0)).toBeCloseTo(usd, 9)
    const { out } = await thaw(['cost', '-o', 'csv'])
    expect(out.split('\n')[0]).toBe('PART,WHAT,A MONTH,OF,USD')
    expect(out.trim().split('\n')).toHaveLength(lines.length + 1)
  })

  it('lists what it assumes, and takes other numbers and prices', async () => {
    const { out } = await thaw(['cost', '--assumptions', '--assume=slice.gets=99'])
    expect(out).toMatch(/^slice\.gets +99 +GET for a slice +bench\/cost\/hour\.ts --series=0 /m)
    expect(out).toMatch(/^s3GbMonth +0\.023 +GB in S3 Standard for a month +https:/m)
    const [usual, dear] = [await json(), await json('--price=s3GbMonth=0.046')]
    expect(dear.parts['storage']).toBeCloseTo(2 * usual.parts['storage']!, 9)
  })

  it('says what is wrong with a number', async () => {
    for (const [flag, message] of [
      [
        '--assume=slice.get=1',
        'nothing is called slice.get, thaw cost --assumptions lists the names',
      ],
      ['--assume=slice.gets', 'write name=value, with a number of at least 0'],
      ['--price=s3Get=-1', 'write name=value, with a number of at least 0'],
      ['--price=s3Get=', 'write name=value, with a number of at least 0'],
      ['--scrape-interval=0s', '--scrape-interval is zero'],
      ['--bytes-per-sample=many', 'write a number of at least 0'],
      ['--query-log=/nowhere/queries.jsonl', '/nowhere/queries.jsonl can not be read: ENOENT'],
    ] as const) {
      const { code, err } = await thaw(['cost', flag])
      expect([flag, code]).not.toEqual([flag, 0])
      expect(err).toContain(message)
    }
  })

  it('measures a bucket, and lets flags win over that', async () => {
    const samples = (n: number) => ({
      length: 480,
      timestamps: Float64Array.from({ length: 480 }, (_, i) => NOW - 7_200_000 + i * 15_000),
      values: Float64Array.from({ length: 480 }, (_, i) => i * n),
    })
    await putBlock(fileBucket(directory), {
      id: '01'.padEnd(26, '0'),
      startMs: NOW - 7_200_000,
      endMs: NOW,
      external: { cluster: 'eu' },
      series: ['a', 'b'].map((pod, i) => ({
        labels: labelsFrom({ __name__: 'up', pod }),
        samples: samples(i),
      })),
    })
    const objstore = `--objstore.config={type: FILESYSTEM, config: {directory: "${directory}"}}`
    const { workload, parts } = await json(objstore)
    expect(workload).toMatchObject({ agents: 1, series: 2, scrapeSeconds: 15 })
    expect(parts['storage']).toBeLessThan(0.001)
    expect((await json(objstore, '--series=7')).workload).toMatchObject({ agents: 1, series: 7 })
    expect((await thaw(['cost', objstore])).out).toContain('stored as the bucket is now')
  })

  it('does what its page says', async () => {
    const page = await readFile(new URL('../../../docs/cost.md', import.meta.url), 'utf8')
    const lines = /^```sh\n(.*?)^```$/ms.exec(page)![1]!.trim().split('\n')
    expect(lines).toHaveLength(5)
    const bucketFile = join(directory, 'bucket.yml')
    await writeFile(bucketFile, `type: FILESYSTEM\nconfig: {directory: "${directory}"}\n`)
    const log = join(directory, 'query.jsonl')
    const cost = { gets: 10, lists: 1, puts: 0, invokes: 0, functionGbSeconds: 1 }
    const entries = [0, 1].map((n) => JSON.stringify({ time: NOW + n * 1000, msg: 'query', cost }))
    await writeFile(log, entries.join('\n'))
    for (const line of lines) {
      const words = line.replace('bucket.yml', bucketFile).replace('query.jsonl', log).split(' ')
      expect(words.slice(0, 3)).toEqual(['npx', 'thaw', 'cost'])
      const { code, out } = await thaw(words.slice(2))
      expect([line, code]).toEqual([line, 0])
      expect(out).toMatch(/^(?:all +[0-9.]+|slice\.gets .*)$/m)
    }
  })

  it('says so where a bucket tells nothing of what comes', async () => {
    const { err, code } = await thaw([
      'cost',
      `--objstore.config={type: FILESYSTEM, config: {directory: "${directory}"}}`,
    ])
    expect(code).toBe(0)
    expect(err).toContain(
      'no raw block of the last 7 days is in the bucket, so what comes is as described',
    )
  })

  it('takes queries out of a log', async () => {
    const file = join(directory, 'query.jsonl')
    const cost = { gets: 10, lists: 1, puts: 0, invokes: 0, functionGbSeconds: 1 }
    const lines = [0, 43_200_000].map((ms) =>
      JSON.stringify({ time: NOW + ms, msg: 'query', cost }),
    )
    await writeFile(file, `${lines.join('\n')}\n`)
    const found = (await json(`--query-log=${file}`)).lines.find(
      ({ what }) => what === 'query and store: GET',
    )
    expect(found!.quantity).toBeCloseTo(40 * (365.25 / 12), 6)
    await writeFile(file, 'nothing\n')
    expect((await thaw(['cost', `--query-log=${file}`])).err).toContain(
      'has no two queries of different times',
    )
  })
})
