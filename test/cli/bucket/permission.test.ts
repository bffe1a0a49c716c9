/** What each command says when the bucket refuses: a directory that may not be written, an S3 that answers 403. */
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { temporaryDir } from '#test/agent/block-fixture.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'
import { type CliResult, thaw } from '../cli-fixture.ts'

const ID = `--id=${testId(1)}`
const NOBODY = 65_534

/** Those that write, with what makes them. */
const WRITING: readonly (readonly string[])[] = [
  ['mark', ID, '--marker=no-compact-mark.json', '--details=why'],
  ['unmark', ID, '--marker=deletion-mark.json'],
  ['cleanup'],
  ['retention', '--retention.resolution-raw=1d'],
  ['downsample'],
  ['compact'],
]

const READING: readonly (readonly string[])[] = [
  ['ls'],
  ['inspect'],
  [
    'replicate',
    '--single-run',
    '--objstore-to.config={type: FILESYSTEM, config: {directory: /tmp}}',
  ],
]

describe('a directory that may not be written', () => {
  let dir: string
  beforeEach(async () => {
    dir = await temporaryDir()
    const bucket = fileBucket(dir)
    const samples = every(60_000, 0, 3_600_000, () => 1)
    const series = [{ labels: labels({ __name__: 'up' }), samples }]
    await putBlock(bucket, { id: testId(1), minTimeMs: 0, maxTimeMs: 3_600_000, series })
    const mark = { id: testId(1), version: 1, deletion_time: 1 }
    await bucket.put(
      `${testId(1)}/deletion-mark.json`,
      new TextEncoder().encode(JSON.stringify(mark)),
    )
    for (const path of ['.thaw-tmp', testId(1), '.']) await chmod(`${dir}/${path}`, 0o555)
  })

  /** Whoever runs the tests as root is somebody else for as long, since root may write everywhere. */
  async function asNobody(run: () => Promise<CliResult>): Promise<CliResult> {
    const isRoot = process.getuid!() === 0
    if (isRoot) process.seteuid!(NOBODY)
    try {
      return await run()
    } finally {
      if (isRoot) process.seteuid!(0)
      for (const path of ['.', testId(1)]) await chmod(`${dir}/${path}`, 0o755)
    }
  }

  it.each(WRITING)('stops thaw bucket %s', async (...argv) => {
    const config = `--objstore.config={type: FILESYSTEM, config: {directory: ${dir}}}`
    const { code, out, err } = await asNobody(() => thaw(['bucket', ...argv, config]))
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^thaw: .*: the file system refuses \(E(ACCES|PERM)\)/)
  })
})

describe('an S3 that refuses', () => {
  let url: string
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(403, { 'content-type': 'application/xml' })
    response.end('<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>')
  })
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it.each([...READING, ...WRITING])('stops thaw bucket %s with what to allow', async (...argv) => {
    const s3 = `{type: S3, config: {bucket: b, endpoint: "${url}", insecure: true, access_key: a, secret_key: s, region: r}}`
    const { code, out, err } = await thaw(['bucket', ...argv, `--objstore.config=${s3}`])
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^thaw: .*Access Denied, allow s3:(ListBucket|GetObject) on /)
  })
})
