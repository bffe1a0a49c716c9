import { describe, expect, it } from 'vitest'
import { labels } from '#test/store/sample-block.ts'
import { form, NOW_MS, testApp } from './fake-backend.ts'

const BLOCK = {
  id: '01M7YG10ZZ971W4QZTCQDW7TER',
  minTimeMs: 0,
  maxTimeMs: 7_200_000,
  labels: labels({ cluster: 'x', replica: 'a' }),
  resolutionMs: 0,
  level: 2,
  sources: ['01M7YG10ZZ971W4QZTCQDW7TEA'],
  source: 'compactor',
  seriesCount: 3,
  sampleCount: 9,
  chunkCount: 4,
  visible: true,
}
const HIDDEN = { ...BLOCK, id: '01M7YG10ZZ971W4QZTCQDW7TEB', visible: false }
const META = {
  ulid: BLOCK.id,
  minTime: 0,
  maxTime: 7_200_000,
  stats: { numSamples: 9, numSeries: 3, numChunks: 4 },
  compaction: { level: 2, sources: BLOCK.sources },
  version: 1,
}

describe('status/tsdb', () => {
  it("has Prometheus's names", async () => {
    const cardinality = {
      seriesCount: 1,
      chunkCount: 2,
      labelPairCount: 3,
      minTimeMs: 4,
      maxTimeMs: 5,
      seriesByMetric: [{ name: 'a<', count: 6 }],
      valuesByLabel: [{ name: 'b', count: 7 }],
      bytesByLabel: [{ name: 'c', count: 8 }],
      seriesByPair: [{ name: 'd=e', count: 9 }],
    }
    const { app, asked } = testApp({ cardinality, warnings: ['one is missing'] })
    const response = await app.request(
      '/api/v1/status/tsdb?limit=7&match[]={cluster="x"}&match[]={replica=~"a|b"}&dedup=0',
    )
    expect(await response.text()).toBe(
      '{"status":"success","data":{"headStats":{"numSeries":1,"numLabelPairs":3,"chunkCount":2,"minTime":4,"maxTime":5},' +
        '"seriesCountByMetricName":[{"name":"a\\u003c","value":6}],"labelValueCountByLabelName":[{"name":"b","value":7}],' +
        '"memoryInBytesByLabelName":[{"name":"c","value":8}],"seriesCountByLabelValuePair":[{"name":"d=e","value":9}]},' +
        '"warnings":["one is missing"]}',
    )
    expect(asked.cardinalities).toMatchObject([
      {
        request: {
          limit: 7,
          matchers: [
            { type: '=', name: 'cluster', value: 'x' },
            { type: '=~', name: 'replica', value: 'a|b' },
          ],
        },
        scope: { dedup: false },
      },
    ])
  })

  it('asks for ten names when nothing is said', async () => {
    const { app, asked } = testApp()
    await app.request('/api/v1/status/tsdb')
    expect(asked.cardinalities[0]!.request).toEqual({ limit: 10, matchers: [] })
  })

  it('refuses a match[] that is none', async () => {
    const response = await testApp().app.request('/api/v1/status/tsdb?match[]={')
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      errorType: 'bad_data',
      error: expect.stringMatching(/^invalid parameter "match\[\]": 1:2: parse error/),
    })
  })
})

describe('blocks', () => {
  const { app } = testApp({ blocks: [BLOCK, HIDDEN] })
  const ask = async (path: string): Promise<any> => (await app.request(`/api/v1/${path}`)).json()

  it('are told as Prometheus tells them', async () => {
    expect(await ask('status/tsdb/blocks')).toEqual({ status: 'success', data: { blocks: [META] } })
  })

  it('are told as Thanos tells them, hidden ones unless view=loaded', async () => {
    const thanos = {
      labels: { cluster: 'x', replica: 'a' },
      downsample: { resolution: 0 },
      source: 'compactor',
    }
    const refreshedAt = new Date(NOW_MS).toISOString()
    expect((await ask('blocks?view=loaded')).data).toEqual({
      label: '',
      blocks: [{ ...META, thanos }],
      refreshedAt,
      err: null,
    })
    for (const path of ['blocks', 'blocks?view=global']) {
      expect((await ask(path)).data.blocks).toHaveLength(2)
    }
  })

  it('are not marked by whoever may query', async () => {
    const sent = form('id=01M7YG10ZZ971W4QZTCQDW7TER&action=DELETION')
    const response = await app.request('/api/v1/blocks/mark', sent)
    expect([response.status, await response.json()]).toEqual([
      400,
      { status: 'error', errorType: 'bad_data', error: 'Admin operations are disabled' },
    ])
  })

  it('are one store', async () => {
    expect((await ask('stores')).data).toEqual({
      store: [
        {
          name: 'thaw',
          lastCheck: new Date(NOW_MS).toISOString(),
          lastError: null,
          labelSets: [{ cluster: 'x', replica: 'a' }],
          minTime: 0,
          maxTime: 7_200_000,
        },
      ],
    })
  })

  it('and without any there is still the store', async () => {
    const response = await testApp().app.request('/api/v1/stores')
    const { data } = (await response.json()) as { data: { store: object[] } }
    expect(data.store).toMatchObject([{ labelSets: [], lastError: null }])
  })
})
