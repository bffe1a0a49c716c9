/** What all of `thaw bucket` has: an end after --timeout, and a progress bar where somebody is looking. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { jobProgress } from '#cli/bucket/job-progress.ts'
import { progressBar } from '#cli/bucket/progress.ts'
import type { CliContext } from '#cli/context.ts'
import type { HereEvent } from '#lib/compact/run-here.ts'
import { thaw } from '../cli-fixture.ts'

describe('--timeout', () => {
  it('ends a command whose bucket does not answer, and says what to do', async () => {
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const s3 = `{type: S3, config: {bucket: b, endpoint: "${endpoint}", insecure: true, access_key: a, secret_key: s, region: r}}`
    const result = await thaw(['bucket', 'ls', `--objstore.config=${s3}`, '--timeout=300ms'])
    expect(result).toEqual({
      code: 1,
      out: '',
      err: 'thaw: not done within 300ms, give it more with --timeout\n',
    })
  })
})

describe('the progress bar', () => {
  const work = { type: 'delete', ids: ['a'] } as const
  const job = { job: work, key: 'k', reason: 'merging', inputBytes: 0, estimateSeconds: 0 }

  function shown(events: readonly HereEvent[], terminal: NodeJS.WriteStream | undefined): void {
    const bar = progressBar({ terminal } as CliContext)
    const show = jobProgress(bar)
    for (const event of events) show(event)
    bar.end()
  }

  const done = { status: 'done', report: '' } as const
  const events: readonly HereEvent[] = [
    { type: 'planned', jobs: [job, job] },
    { type: 'began', job },
    { type: 'ended', job, seconds: 1, outcome: done },
    { type: 'progress', job, progress: { job: work, doneSeries: 1, totalSeries: 4 } },
  ]

  it('says which job runs and how far all of them are', () => {
    const stream = Object.assign(new PassThrough(), {
      isTTY: true,
      columns: 100,
      cursorTo: () => true,
      clearLine: () => true,
      moveCursor: () => true,
    })
    // The first drawing is at once, the next ones are not sooner than its pace.
    shown(events.slice(0, 2), stream as unknown as NodeJS.WriteStream)
    const text = String(stream.read())
    expect(text).toContain('0% job 1 of 2: merging')
    shown(events, stream as unknown as NodeJS.WriteStream)
    expect(String(stream.read())).toContain('62% job 2 of 2: merging')
  })

  it('is none where nobody looks', () => {
    expect(() => shown(events, undefined)).not.toThrow()
  })
})
