/** Label names and values, and what the agent says about itself. */
import { describe, expect, it } from 'vitest'
import { infoRequest, infoResponse } from '#lib/grpc/info-messages.ts'
import { infoService, storeService } from '#lib/grpc/services.ts'
import {
  type LabelNamesRequest,
  labelNamesRequest,
  labelNamesResponse,
  type LabelValuesRequest,
  labelValuesRequest,
  labelValuesResponse,
} from '#lib/grpc/store-messages.ts'
import type { PrometheusUnit } from '#agent/run-prometheus.ts'
import { storeApiOver } from './client.ts'
import { fakePrometheus, seriesOf } from './fake-prometheus.ts'

const EU = { cluster: 'eu', replica: 'a' }
const SETS = [
  { __name__: 'm', a: '1', 'ü.x': 'y' },
  { __name__: 'n', b: '2' },
]
const named = (value: string) => [{ type: '=' as const, name: '__name__', value }]

async function namesOf(units: readonly PrometheusUnit[], request: Partial<LabelNamesRequest>) {
  const { unary } = await storeApiOver(units)
  const { labelNames } = storeService
  const asked = { end: Infinity, ...request }
  return unary(labelNames, labelNamesRequest, labelNamesResponse, asked)
}

async function valuesOf(units: readonly PrometheusUnit[], request: Partial<LabelValuesRequest>) {
  const { unary } = await storeApiOver(units)
  const { labelValues } = storeService
  const asked = { end: Infinity, ...request }
  return unary(labelValues, labelValuesRequest, labelValuesResponse, asked)
}

describe('LabelNames', () => {
  it('are those of Prometheus and the external ones', async () => {
    const fake = await fakePrometheus(EU, seriesOf(...SETS))
    const { names } = await namesOf([fake.unit], { start: 1000, end: 2500, limit: 9 })
    expect(names).toEqual(['__name__', 'a', 'b', 'cluster', 'replica', 'ü.x'])
    expect(fake.requests).toEqual(['/api/v1/labels?start=1&end=2.5&limit=9'])
  })

  it('follow matchers, and leave replica labels out', async () => {
    const { unit } = await fakePrometheus(EU, seriesOf(...SETS))
    const request = { matchers: named('n'), withoutReplicaLabels: ['replica'] }
    expect((await namesOf([unit], request)).names).toEqual(['__name__', 'b', 'cluster'])
    expect((await namesOf([unit], { matchers: named('nope') })).names).toEqual([])
    const elsewhere = [{ type: '!=' as const, name: 'cluster', value: 'eu' }]
    expect((await namesOf([unit], { matchers: elsewhere })).names).toEqual([])
  })

  it('are of all Prometheuses that answer', async () => {
    const eu = await fakePrometheus({ cluster: 'eu' }, seriesOf(SETS[0]!))
    const us = await fakePrometheus({ zone: 'us' }, seriesOf(SETS[1]!))
    const both = [eu.unit, us.unit]
    expect((await namesOf(both, {})).names).toEqual([
      '__name__',
      'a',
      'b',
      'cluster',
      'zone',
      'ü.x',
    ])
    us.answers.set('/api/v1/labels', (response) => response.writeHead(503).end('{"error":"busy"}'))
    expect(await namesOf(both, {})).toMatchObject({
      names: ['__name__', 'a', 'cluster', 'ü.x'],
      warnings: [`${us.unit.prometheus.url} answered 503: busy`],
    })
    const abort = { partialResponseStrategy: 'ABORT' as const }
    await expect(namesOf(both, abort)).rejects.toThrow('14 UNAVAILABLE')
  })
})

describe('LabelValues', () => {
  it('are those of Prometheus', async () => {
    const fake = await fakePrometheus(EU, seriesOf(...SETS))
    expect((await valuesOf([fake.unit], { label: '__name__' })).values).toEqual(['m', 'n'])
    const request = { label: 'a', matchers: named('n'), end: 5 }
    expect((await valuesOf([fake.unit], request)).values).toEqual([])
    expect(fake.requests[1]).toBe('/api/v1/label/a/values?match[]={__name__="n"}&start=0&end=0.005')
  })

  it('of an external label are known here, where there are such series', async () => {
    const fake = await fakePrometheus(EU, seriesOf(...SETS))
    expect((await valuesOf([fake.unit], { label: 'cluster' })).values).toEqual(['eu'])
    expect(fake.requests).toEqual([])
    const values = async (name: string) =>
      (await valuesOf([fake.unit], { label: 'cluster', matchers: named(name) })).values
    expect(await values('m')).toEqual(['eu'])
    expect(await values('nope')).toEqual([])
    expect(fake.requests).toHaveLength(2)
  })

  it('of a replica label that is left out are none, and of no label an error', async () => {
    const { unit } = await fakePrometheus(EU, seriesOf(...SETS))
    const request = { label: 'replica', withoutReplicaLabels: ['replica'] }
    expect((await valuesOf([unit], request)).values).toEqual([])
    await expect(valuesOf([unit], {})).rejects.toThrow(
      '3 INVALID_ARGUMENT: label name parameter cannot be empty',
    )
  })
})

describe('Info', () => {
  async function info(units: readonly PrometheusUnit[]) {
    const { unary } = await storeApiOver(units)
    return unary(infoService.info, infoRequest, infoResponse, {})
  }

  it('says what there is, of those that are ready', async () => {
    const eu = await fakePrometheus({ cluster: 'eu' })
    const us = await fakePrometheus({ cluster: 'us' })
    const down = await fakePrometheus({ cluster: 'xx' })
    eu.unit.state.minTimeMs = 7000
    us.unit.state.minTimeMs = 5000
    down.unit.state.ready = false
    const maxTime = 2 ** 63
    expect(await info([eu.unit, us.unit, down.unit])).toEqual({
      labelSets: [
        ['cluster', 'eu'],
        ['cluster', 'us'],
      ],
      componentType: 'sidecar',
      store: {
        minTime: 5000,
        maxTime,
        supportsSharding: true,
        supportsWithoutReplicaLabels: true,
        tsdbInfos: [
          { labels: ['cluster', 'eu'], minTime: 7000, maxTime },
          { labels: ['cluster', 'us'], minTime: 5000, maxTime },
        ],
        supportsProjections: false,
      },
      rules: {},
      metricMetadata: {},
      targets: {},
      exemplars: { minTime: -(2 ** 63), maxTime },
      query: undefined,
      status: {},
    })
    await expect(info([down.unit])).rejects.toThrow('14 UNAVAILABLE: not ready')
  })
})
