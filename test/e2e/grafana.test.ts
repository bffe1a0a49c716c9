/**
 * A real Grafana shows what is in thaw: it is provisioned with the files of `localstack/grafana` as they are, asks the deployed stack
 * with a token, and gets, through its own data source, what it gets from a Prometheus with the same data.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Dashboard, readDashboards } from '#localstack/compose/smoke/dashboards.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findGrafana } from '#test/peer/grafana.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import {
  type GrafanaAnswer,
  type GrafanaWorld,
  LOCAL_GRAFANA,
  startGrafanaWorld,
} from './support/grafana-world.ts'
import { SAMPLE_NOW_MS } from './support/sample-bucket.ts'
import { withVariables } from './support/variables.ts'

const HOUR_MS = 3_600_000
const FROM_MS = SAMPLE_NOW_MS - 6 * HOUR_MS
const TIMES = `start=${FROM_MS / 1000}&end=${SAMPLE_NOW_MS / 1000}`

const found = await findGrafana()
const prometheus = process.env['THAW_PROMETHEUS_3'] ?? {
  missing: 'THAW_PROMETHEUS_3 names no Prometheus 3.x',
}
const shipped = await readDashboards(`${LOCAL_GRAFANA}/dashboards`)

interface Frame {
  readonly schema: { readonly fields: readonly { readonly labels?: object }[] }
  readonly data: { readonly values: readonly (readonly unknown[])[] }
}

interface Result {
  readonly error?: string
  readonly status: number
  readonly frames?: readonly Frame[]
}

if (isMissing(found)) describeSkipped('Grafana', found)
else if (typeof prometheus !== 'string') describeSkipped('Grafana', prometheus)
else {
  describe('Grafana', () => {
    let world: GrafanaWorld

    beforeAll(async () => {
      world = await startGrafanaWorld(found, prometheus)
    }, 400_000)

    afterAll(() => world?.stop())

    /** As a panel of 300 points asks. */
    async function query(source: string, target: object): Promise<Result> {
      const one = {
        refId: 'A',
        ...target,
        datasource: { type: 'prometheus', uid: source },
        intervalMs: 60_000,
        maxDataPoints: 300,
      }
      const { body } = await world.post('/api/ds/query', {
        queries: [one],
        from: String(FROM_MS),
        to: String(SAMPLE_NOW_MS),
      })
      const { results } = body as { readonly results?: Readonly<Record<string, Result>> }
      const result = results?.[one.refId]
      if (!result) throw new Error(`${source}: ${JSON.stringify(body)}`)
      // Prometheus gives elements of a vector in any order.
      const byLabels = (frame: Frame): string => JSON.stringify(frame.schema)
      const frames = result.frames?.toSorted((a, b) => (byLabels(a) < byLabels(b) ? -1 : 1))
      return { ...result, ...(frames && { frames }) }
    }

    const resource = (source: string, path: string): Promise<GrafanaAnswer> =>
      world.get(`/api/datasources/uid/${source}/resources/${path}`)

    it('has the data source, which works, and all dashboards', async () => {
      const { body } = await world.get('/api/datasources/uid/thaw/health')
      expect(body).toMatchObject({
        status: 'OK',
        message: 'Successfully queried the Prometheus API.',
      })
      const search = await world.get('/api/search?type=dash-db')
      const loaded = search.body as readonly {
        readonly uid: string
        readonly folderTitle: string
      }[]
      expect(loaded.map(({ uid }) => uid).toSorted()).toEqual(
        shipped.map(({ uid }) => uid).toSorted(),
      )
      expect(new Set(loaded.map(({ folderTitle }) => folderTitle))).toEqual(new Set(['thaw']))
      expect(world.grafana.log()).not.toMatch(/provisioning\.(?:dashboard|datasource).*level=error/)
    })

    it.each(shipped)(
      'shows in every panel of $title what a Prometheus has',
      async ({ uid, panels: own }) => {
        const { body } = await world.get(`/api/dashboards/uid/${uid}`)
        const { panels } = (body as { readonly dashboard: Dashboard }).dashboard
        let [asked, points] = [0, 0]
        for (const { title, targets = [] } of panels) {
          for (const target of targets) {
            const wanted = { ...target, expr: withVariables(target.expr) }
            const [ours, theirs] = [await query('thaw', wanted), await query('prometheus', wanted)]
            const panel = `${title}: ${target.expr}`
            expect({ panel, ...ours }).toEqual({ panel, ...theirs })
            expect(ours.error).toBeUndefined()
            asked++
            for (const { data } of ours.frames ?? []) points += data.values[0]?.length ?? 0
          }
        }
        expect(asked).toBe(own.flatMap(({ targets = [] }) => targets).length)
        expect(points).toBeGreaterThan(1000)
      },
      120_000,
    )

    it.each([
      ['a selector', 'node_load1'],
      ['a rate', 'sum by (job, code) (rate(http_requests_total[$__rate_interval]))'],
      [
        'the interval and range of the panel',
        'sum(increase(http_requests_total[$__range])) / count_over_time(sum(up)[1h:$__interval])',
      ],
      ['classic buckets', 'sum by (le) (increase(http_request_duration_seconds_bucket[5m]))'],
      ['a native histogram', 'sum by (cluster) (rate(http_request_duration_seconds[5m]))'],
      ['values that are none', 'up / 0 - up / 0'],
      ['no series', 'nothing_of_this_name'],
      ['a scalar', 'scalar(sum(up))'],
      ['a string', '"text"'],
      ['a warning', 'histogram_quantile(0.9, http_requests_total)'],
      ['a limit', 'topk(3, rate(node_network_receive_bytes_total[5m]))'],
      ['an error of the parser', 'sum(up'],
      ['an error of types', 'rate(up)'],
      ['an error of the evaluation', 'up * on () group_left up'],
    ])(
      'gets %s in every format',
      async (_, expr) => {
        for (const format of ['time_series', 'table', 'heatmap']) {
          for (const kind of [
            { range: true },
            { instant: true },
            { range: true, instant: true, exemplar: true },
          ]) {
            const target = { expr, format, ...kind }
            const [ours, theirs] = [await query('thaw', target), await query('prometheus', target)]
            expect({ target, ...ours }).toEqual({ target, ...theirs })
          }
        }
      },
      60_000,
    )

    it.each([
      `labels?${TIMES}`,
      `labels?${TIMES}&match[]=up`,
      `label/__name__/values?${TIMES}`,
      `label/__name__/values?${TIMES}&limit=5`,
      `label/cluster/values?${TIMES}&match[]=${encodeURIComponent('http_requests_total')}`,
      `label/handler/values?${TIMES}&match[]=${encodeURIComponent('http_requests_total{cluster=~"eu.*"}')}`,
      `series?${TIMES}&match[]=${encodeURIComponent('{__name__=~"node_load.*"}')}`,
      'metadata',
      `query_exemplars?${TIMES}&query=up`,
      'format_query?query=sum(up)by(job)',
      'parse_query?query=sum(up)by(job)',
      'rules',
      'alerts',
    ])('completes from %s', async (path) => {
      const [ours, theirs] = [
        await resource('thaw', `api/v1/${path}`),
        await resource('prometheus', `api/v1/${path}`),
      ]
      expect(ours.status).toBe(200)
      expect(ours).toEqual(theirs)
    })

    it('suggests what a Prometheus has', async () => {
      const suggest = (source: string): Promise<GrafanaAnswer> =>
        world.post(`/api/datasources/uid/${source}/resources/suggestions`, {
          labelName: '',
          queries: ['http_requests_total'],
          scopes: [],
          adhocFilters: [{ key: 'cluster', operator: 'equals', value: 'eu-west' }],
          start: String(FROM_MS / 1000),
          end: String(SAMPLE_NOW_MS / 1000),
          limit: 100,
        })
      // A Grafana that knows no suggestions says so of both.
      expect(await suggest('thaw')).toEqual(await suggest('prometheus'))
    })

    it('evaluates a rule of its own', async () => {
      const evaluate = (source: string): Promise<GrafanaAnswer> =>
        world.post('/api/v1/eval', {
          condition: 'B',
          now: new Date(SAMPLE_NOW_MS).toISOString(),
          data: [
            {
              refId: 'A',
              datasourceUid: source,
              relativeTimeRange: { from: 600, to: 0 },
              model: { refId: 'A', expr: 'sum by (cluster) (up)', instant: true, range: false },
            },
            {
              refId: 'B',
              datasourceUid: '__expr__',
              model: {
                refId: 'B',
                type: 'math',
                expression: '$A > 1',
                datasource: { type: '__expr__', uid: '__expr__' },
              },
            },
          ],
        })
      const ours = await evaluate('thaw')
      expect(ours).toEqual(await evaluate('prometheus'))
      expect(ours).toMatchObject({
        body: { results: { B: { frames: [{ data: { values: [[1]] } }, {}] } } },
      })
    })

    it('reads the rules of its ruler', async () => {
      const { status, body } = await world.get('/api/prometheus/thaw/api/v1/rules')
      expect([status, body]).toEqual([200, { status: 'success', data: { groups: [] } }])
    })

    it('says which scope a token lacks', async () => {
      const { error } = await query('writer', { expr: 'up', range: true })
      expect(error).toMatch(/this needs a token with the scope read/)
    })

    it('says that a token is none where there is one that is not known', async () => {
      const { body } = await world.get('/api/datasources/uid/stranger/health')
      expect(body).toMatchObject({ status: 'ERROR' })
      expect((body as { readonly message: string }).message).toMatch(/^403 Forbidden - /)
      const { error, frames = [] } = await query('stranger', { expr: 'up', range: true })
      // The Prometheus data source of Grafana 10 gives an empty panel.
      expect([
        undefined,
        'unexpected response with status code 403: {"message":"Forbidden"}',
      ]).toContain(error)
      expect(frames.flatMap(({ schema }) => schema.fields)).toEqual([])
    })
  })
}
