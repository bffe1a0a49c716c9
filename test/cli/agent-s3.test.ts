/** What an agent says whose bucket refuses it, with its very first request. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { thaw } from './cli-fixture.ts'
import { prometheusPages, serve } from './doctor/installation.ts'
import { startTinyS3, type TinyS3Faults } from './doctor/tiny-s3.ts'

describe('thaw agent', () => {
  const ends: (() => Promise<unknown>)[] = []
  let tsdb: string
  let prometheus: string

  beforeAll(async () => {
    tsdb = await mkdtemp(join(tmpdir(), 'thaw-agent-s3-'))
    ends.push(() => rm(tsdb, { recursive: true }))
    await cp('test/data/prometheus-2.42', tsdb, { recursive: true })
    const build = JSON.stringify({ status: 'success', data: { version: '3.1.0' } })
    const pages = { ...prometheusPages(Date.now()), '/api/v1/status/buildinfo': build }
    prometheus = await serve({ ...pages, '/-/ready': 'OK' }, ends)
  })
  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
  })

  it.each<[string, TinyS3Faults['errors'], RegExp]>([
    [
      'an access key that nobody has',
      { '*': [403, 'InvalidAccessKeyId'] },
      /: InvalidAccessKeyId \(403, request R1\): Words, check access_key: nobody has it/,
    ],
    [
      'a session that is over',
      { '*': [400, 'ExpiredToken'] },
      /: ExpiredToken \(400, request R1\): Words, the session is over: log in again/,
    ],
    [
      'a right that is missing',
      { '*': [403, 'AccessDenied'] },
      /: AccessDenied \(403, request R1\): Words, allow s3:GetObject on 01M7YG10ZZ971W4QZTCQDW7TER\/meta.json; without s3:ListBucket/,
    ],
    [
      'a wrong region',
      { '*': [301, 'PermanentRedirect'] },
      /: PermanentRedirect \(301.*the bucket is in eu-west-1: write region: eu-west-1 into its configuration/,
    ],
  ])('names %s', async (_, errors, expected) => {
    const s3 = await startTinyS3({ ...(errors && { errors }), region: 'eu-west-1' })
    try {
      const { code, err } = await thaw([
        'agent',
        '--once',
        '--log.level=error',
        `--tsdb.path=${tsdb}`,
        `--prometheus.url=${prometheus}`,
        `--objstore.config=${s3.yaml}`,
      ])
      expect(code).toBe(1)
      expect(err).toMatch(/^thaw: 1 of 1 blocks not uploaded, first 01M7YG10ZZ971W4QZTCQDW7TER: /)
      expect(err).toMatch(expected)
      expect(err).not.toMatch(/very-secret|\n {4}at /)
    } finally {
      await s3.stop()
    }
  })
})
