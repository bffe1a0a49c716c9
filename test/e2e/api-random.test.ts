/** Random requests, right and wrong ones, to thaw and to a Prometheus 3.x over the same data: every answer and every error text the same. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { comparableAnswer, comparableRequest } from '#test/api/fuzz/comparable.ts'
import type { FuzzRequest } from '#test/api/fuzz/requests.ts'
import { goldenBucket, HISTOGRAM_BLOCK, openMetrics } from '#test/api/golden/world.ts'
import { command } from '#test/peer/cache.ts'
import { findPrometheus, startPrometheus } from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { RandomSource } from '#test/promql/random/random-source.ts'
import { thawApp } from './support/thaw-app.ts'

const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const SEED = Number(process.env['THAW_SEED'] ?? Date.now() % 2 ** 31)
const COUNT = Number(process.env['THAW_COUNT'] ?? 3000)

const SHOWN = 600

describe('random requests', () => {
  it(`are answered as Prometheus does, seed ${SEED}`, async (context) => {
    if (PROMETHEUS_3 === undefined) return context.skip('THAW_PROMETHEUS_3 names no Prometheus 3.x')
    const { promtool } = needPeer(context, await findPrometheus())
    const dir = await mkdtemp(join(tmpdir(), 'thaw-random-'))
    const dataDir = join(dir, 'data')
    await cp(HISTOGRAM_BLOCK.folder, join(dataDir, HISTOGRAM_BLOCK.ulid), { recursive: true })
    const text = join(dir, 'samples.txt')
    await writeFile(text, openMetrics())
    await command(promtool, ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', text, dataDir])
    const server = await startPrometheus({
      binary: PROMETHEUS_3,
      dataDir,
      config: '{}\n',
      flags: ['--storage.tsdb.retention.time=100y'],
    })
    const app = thawApp(await goldenBucket(), { indexAgeMs: 60_000 })
    const random = new RandomSource(SEED)
    const differences: string[] = []
    try {
      for (let i = 0; i < COUNT && differences.length < 10; i++) {
        const request = comparableRequest(random)
        const prometheus = await answerOf(fetch(server.url + request.url, initOf(request)))
        const thaw = await answerOf(app.request(request.url, initOf(request)))
        if (prometheus === thaw) continue
        const body = Buffer.from(request.body ?? []).toString('utf8')
        const lines = [`${request.method} ${request.url} ${body}`, prometheus, thaw]
        differences.push(lines.map((line) => line.slice(0, SHOWN)).join('\n  '))
      }
    } finally {
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    }
    expect(differences).toEqual([])
  })
})

function initOf({ method, headers, body }: FuzzRequest): RequestInit {
  return { method, headers, ...(body !== undefined && { body }) }
}

async function answerOf(response: Response | Promise<Response>): Promise<string> {
  const answer = await response
  return JSON.stringify(comparableAnswer(answer.status, await answer.text()))
}
