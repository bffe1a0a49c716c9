/** Every panel of the example dashboards shows something of the sample data, and every variable has values. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hono } from 'hono'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { readDashboards } from '#localstack/compose/smoke/dashboards.ts'
import { fillSampleBucket, SAMPLE_NOW_MS } from './support/sample-bucket.ts'
import { thawApp } from './support/thaw-app.ts'
import { withVariables } from './support/variables.ts'

const GRAFANA = join(import.meta.dirname, '../../localstack/grafana')
const HOUR_MS = 3_600_000

const dashboards = await readDashboards(join(GRAFANA, 'dashboards'))

/** What Grafana puts in for its variables, with everything chosen. */
function interpolate(text: string): string {
  return withVariables(text).replaceAll('$__rate_interval', '4m')
}

let app: Hono

beforeAll(async () => {
  const bucket = memoryBucket()
  await fillSampleBucket(bucket)
  app = thawApp(bucket, { replicaLabels: ['replica'], now: () => SAMPLE_NOW_MS, sliceBytes: 1e9 })
})

async function ask(path: string, params: Record<string, string>): Promise<unknown> {
  const response = await app.request(`/api/v1/${path}?${new URLSearchParams(params).toString()}`)
  const body = (await response.json()) as { data?: unknown; error?: string }
  expect(body.error).toBeUndefined()
  return body.data
}

describe.each(dashboards)('the dashboard $title', ({ panels, templating }) => {
  const times = {
    start: String((SAMPLE_NOW_MS - 6 * HOUR_MS) / 1000),
    end: String(SAMPLE_NOW_MS / 1000),
  }

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
