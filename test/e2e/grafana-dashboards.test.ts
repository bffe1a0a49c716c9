/** Every panel of the example dashboards shows something of the sample data, and every variable has values. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { formatBlockMeta, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { generateSampleData } from '#localstack/sample-data/generate.ts'
import { readDashboards } from '#localstack/compose/smoke/dashboards.ts'
import { thawApp } from './support/thaw-app.ts'

const GRAFANA = join(import.meta.dirname, '../../localstack/grafana')
const HOUR_MS = 3_600_000
const NOW_MS = Date.UTC(2026, 10, 21, 7, 30)

const dashboards = await readDashboards(join(GRAFANA, 'dashboards'))

/** What Grafana puts in for its variables, with everything chosen. */
function interpolate(text: string): string {
  return text
    .replaceAll('$__rate_interval', '4m')
    .replaceAll('$cluster', '.*')
    .replaceAll('$namespace', '.*')
    .replaceAll('$handler', '.*')
}

let dir: string
let app: Hono

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'thaw-dashboards-'))
  const bucket = memoryBucket()
  const { prometheuses } = await generateSampleData({
    dir,
    nowMs: NOW_MS,
    days: 8,
    scrapeIntervalMs: 60_000,
  })
  for (const { dataDir, externalLabels } of prometheuses) {
    if (externalLabels.replica !== 'prometheus-0') continue
    for (const block of await readdir(dataDir)) {
      if (block.length === 26) await ship(bucket, join(dataDir, block), block, externalLabels)
    }
  }
  app = thawApp(bucket, { replicaLabels: ['replica'], now: () => NOW_MS, sliceBytes: 1e9 })
})

afterAll(() => rm(dir, { recursive: true, force: true }))

async function ship(bucket: Bucket, path: string, id: string, labels: Record<string, string>) {
  for (const file of ['index', 'chunks/000001']) {
    await bucket.put(`${id}/${file}`, await readFile(join(path, file)))
  }
  const meta = parseBlockMeta(await readFile(join(path, 'meta.json')))
  const thanos = { labels, downsample: { resolution: 0 }, source: 'sidecar' }
  await bucket.put(`${id}/meta.json`, Buffer.from(formatBlockMeta({ ...meta, thanos })))
}

async function ask(path: string, params: Record<string, string>): Promise<unknown> {
  const response = await app.request(`/api/v1/${path}?${new URLSearchParams(params).toString()}`)
  const body = (await response.json()) as { data?: unknown; error?: string }
  expect(body.error).toBeUndefined()
  return body.data
}

describe.each(dashboards)('the dashboard $title', ({ panels, templating }) => {
  const times = { start: String((NOW_MS - 6 * HOUR_MS) / 1000), end: String(NOW_MS / 1000) }

  it.each(panels.filter(({ type }) => type !== 'row').map((panel) => [panel.title, panel]))(
    'has data for %s',
    async (_, { targets, title }) => {
      expect(targets!.length).toBeGreaterThan(0)
      for (const { expr, instant } of targets!) {
        expect(expr.replaceAll('$__rate_interval', ''), 'no variable is forgotten').not.toMatch(
          /\$(?!cluster|namespace|handler)/,
        )
        const query = interpolate(expr)
        const { result } = (await (instant
          ? ask('query', { query, time: times.end })
          : ask('query_range', { query, ...times, step: '60' }))) as { result: unknown[] }
        // Nothing of the sample data fills its disk.
        const least = title === 'Disks that will be full in a week' ? 0 : 1
        expect(result.length, `series of ${query}`).toBeGreaterThanOrEqual(least)
      }
    },
  )

  it('has values for every variable', async () => {
    for (const { type, definition } of templating.list) {
      if (type === 'datasource') continue
      const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(definition!)!
      const params = { 'match[]': interpolate(selector!), ...times }
      expect((await ask(`label/${label}/values`, params)) as string[]).not.toEqual([])
    }
  })

  it('has panels of different ids that do not cover each other', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24)
  })
})

describe('what Grafana is provisioned with', () => {
  it('is a data source of the name the dashboards begin with', async () => {
    const file = join(GRAFANA, 'provisioning/datasources/thaw.yml')
    const { datasources } = parseYaml(await readFile(file, 'utf8')) as {
      datasources: { uid: string; type: string; jsonData: { prometheusType: string } }[]
    }
    expect(datasources).toMatchObject([
      { uid: 'thaw', type: 'prometheus', jsonData: { prometheusType: 'Thanos' } },
    ])
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length)
  })
})
