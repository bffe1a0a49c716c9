/** The API over a directory in one process: with no worker threads, one and two, and from the command line. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BucketApp, bucketApp, type BucketAppOptions } from '#cli/bucket-app.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { askApp } from '#test/e2e/support/ask.ts'
import { fillTwoClusters } from '#test/query/two-clusters.ts'
import { thaw } from './cli-fixture.ts'

describe('bucketApp', () => {
  let directory: string
  /** With no worker threads, one and two. */
  let apps: readonly BucketApp[]
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'thaw-bucket-app-'))
    await fillTwoClusters(fileBucket(directory))
    apps = await Promise.all([0, 1, 2].map((workers) => bucketApp(options(workers))))
  })
  afterAll(async () => {
    await Promise.all(apps.map(({ stop }) => stop()))
    await rm(directory, { recursive: true })
  })

  const options = (workers: number): BucketAppOptions => ({
    config: { type: 'FILESYSTEM', directory, prefix: '', ignored: [] },
    workers,
    sliceBytes: 1,
    settings: querySettings(['--query.replica-label=replica']),
    keptBytes: 0,
    now: Date.now,
  })

  interface Data {
    readonly result: unknown
    readonly stats: { readonly thaw: { readonly slices: number; readonly invokes: number } }
  }

  it.each([
    'sum by (cluster) (rate(requests_total[5m]))',
    'load offset 30m',
    'topk(2, load)',
    'load / on (cluster, host) requests_total',
    'max_over_time(load[20m:3m])',
    'absent(load{host="w"})',
  ])('gives the same answer with no worker threads, one and two: %s', async (query) => {
    const params = { query, start: 600, end: 86_000, step: 60, stats: 'all' }
    const answers = await Promise.all(apps.map(({ app }) => askApp(app)('query_range', params)))
    const data = answers.map((answer) => answer.data as Data)
    expect(data.map(({ stats }) => stats.thaw.slices)).toEqual([1, 2, 3])
    expect(data.map(({ stats }) => stats.thaw.invokes)).toEqual([0, 0, 0])
    expect(data[0]!.result).not.toEqual([])
    expect(data[1]!.result).toEqual(data[0]!.result)
    expect(data[2]!.result).toEqual(data[0]!.result)
  })

  it('fails with the error of a slice, wherever it ran', async () => {
    const query = 'load + on (cluster) requests_total'
    const params = { query, start: 600, end: 86_000, step: 60 }
    for (const { app } of apps) {
      const answer = await askApp(app)('query_range', params)
      expect(answer).toMatchObject({ httpStatus: 422, errorType: 'execution' })
    }
  })

  it('keeps no process alive', async () => {
    const program = `
      import { bucketApp } from ${JSON.stringify(new URL('../../cli/bucket-app.ts', import.meta.url).href)}
      import { querySettings } from ${JSON.stringify(new URL('../../lib/lambda/query-flags.ts', import.meta.url).href)}
      const settings = querySettings(['--query.replica-label=replica'])
      const { app } = await bucketApp({ ...${JSON.stringify(options(2))}, settings, now: Date.now })
      const answer = await app.request('http://thaw/api/v1/query_range?query=load&start=0&end=86000&step=60')
      const { length } = (await answer.json()).data.result
      console.log(length, 'series')
    `
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program])
    let out = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => (out += text.toString()))
    }
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect([code, out]).toEqual([0, '6 series\n'])
  })

  describe('thaw query with a bucket', () => {
    const yaml = () => `type: FILESYSTEM\nconfig:\n  directory: ${JSON.stringify(directory)}\n`

    it('needs no server', async () => {
      const argv = ['query', 'count by (cluster, replica) (load)', '--time=40000', '-o', 'promql']
      const bucket = ['--objstore.config', yaml()]
      expect(await thaw([...argv, ...bucket])).toMatchObject({
        code: 0,
        err: '',
        out: expect.stringContaining('{cluster="a", replica="r1"} => '),
      })
      const merged = [...bucket, '--query.replica-label=replica', '--query.workers=1']
      expect((await thaw([...argv, ...merged])).out).toBe(
        '{cluster="a"} => 3 @[40000]\n{cluster="b"} => 3 @[40000]\n',
      )
    })

    it('shows errors as those of a server', async () => {
      const result = await thaw(['query', 'sum(', '--objstore.config', yaml()])
      expect(result.code).toBe(1)
      expect(result.err).toMatch(/^thaw: bad_data: .*\n {2}sum\(\n {6}\^\n$/)
    })

    it.each([
      [
        ['--url=http://localhost'],
        /--url is for an HTTP API, --objstore.config and --endpoint for none/,
      ],
      [['--query.workers=many'], /write a number of threads/],
      [['--objstore.config-file=x'], /give --objstore.config or --objstore.config-file, not both/],
    ])('refuses %j', async (flags, text) => {
      const result = await thaw(['query', 'up', '--objstore.config', yaml(), ...flags])
      expect(result.code).toBe(1)
      expect(result.err).toMatch(text)
    })
  })
})
