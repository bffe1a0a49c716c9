// The stand-in answers the agent's own client as a Prometheus would.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { prometheusClient } from '#agent/prometheus/prometheus-client.ts'
import { generateSampleData } from '#localstack/sample-data/generate.ts'
import { type StandIn, startStandIn } from '#localstack/sample-data/stand-in.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 7, 30)

let dir: string
let standIn: StandIn

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-stand-in-'))
  standIn = await startStandIn({
    externalLabels: { cluster: 'eu-west', replica: 'prometheus-0' },
    dataDir: join(dir, 'eu-west-prometheus-0'),
    now: () => NOW_MS,
  })
})

afterEach(async () => {
  await standIn.stop()
  await rm(dir, { recursive: true, force: true })
})

describe('startStandIn', () => {
  it('is a Prometheus to the agent', async () => {
    await generateSampleData({ dir, nowMs: NOW_MS, days: 0.1, scrapeIntervalMs: 300_000 })
    const client = prometheusClient({ url: standIn.url, timeoutMs: 5000 })
    expect(await client.ready()).toBe(true)
    expect(await client.externalLabels()).toEqual({ cluster: 'eu-west', replica: 'prometheus-0' })
    expect(await client.flags()).toMatchObject({
      'storage.tsdb.min-block-duration': '2h',
      'storage.tsdb.max-block-duration': '2h',
    })
    expect(await client.version()).toBe('3.14.0')
    expect(await client.lowestTimestampMs()).toBe(Date.UTC(2026, 10, 21, 4))
  })

  it('has no lowest timestamp before there is a block', async () => {
    await mkdir(join(dir, 'eu-west-prometheus-0'))
    const client = prometheusClient({ url: standIn.url, timeoutMs: 5000 })
    expect(await client.lowestTimestampMs()).toBeUndefined()
  })

  it('answers 404 for what the agent does not ask', async () => {
    expect((await fetch(`${standIn.url}/api/v1/query?query=up`)).status).toBe(404)
    expect((await fetch(`${standIn.url}/-/healthy`)).status).toBe(200)
  })
})
