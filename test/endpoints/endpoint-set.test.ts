import { describe, expect, it, vi } from 'vitest'
import type { InfoResponse } from '#lib/grpc/info-messages.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { SourceRequest } from '#lib/store/series-source.ts'
import { endpointsOf, fakeEndpoint, SIDECAR } from './fake-endpoint.ts'

const ASKED: SourceRequest = {
  matchers: [{ type: '=', name: '__name__', value: 'up' }],
  startMs: 0,
  endMs: 1000,
  labelsOnly: true,
  aggregation: 'average',
  maxResolutionMs: 0,
  tenant: undefined,
  partialResponse: true,
}
const never = new AbortController().signal

describe('endpoints', () => {
  it('are asked what they are before they are asked for anything else', async () => {
    const sidecar = await fakeEndpoint({})
    const rule = await fakeEndpoint({
      info: async () => ({ componentType: 'rule', rules: {}, labelSets: [[]] }),
    })
    const endpoints = endpointsOf([sidecar.address, rule.address])
    const sources = await endpoints.sources()
    expect(sources).toMatchObject([
      { address: sidecar.address, labelSets: [['cluster', 'a']], minTimeMs: 0, downsamples: false },
    ])
    const knowledge = await endpoints.knowledge()
    expect(knowledge.map((one) => [one.address, 'rules' in one, 'targets' in one])).toEqual([
      [sidecar.address, false, false],
      [rule.address, true, false],
    ])
    const statuses = new Map((await endpoints.statuses()).map((one) => [one.address, one]))
    expect(statuses.get(sidecar.address)).toMatchObject({
      componentType: 'sidecar',
      lastError: undefined,
      labelSets: [['cluster', 'a']],
      minTimeMs: 0,
      maxTimeMs: 2 ** 53,
    })
    expect(statuses.get(rule.address)).toMatchObject({ componentType: 'rule', labelSets: [] })
  })

  it('that went away fail, then are left out, and come back', async () => {
    let nowMs = 0
    let isAway = false
    const info = async (): Promise<Partial<InfoResponse>> => {
      if (isAway) throw new DomainError('unavailable', 'Prometheus is not ready')
      return SIDECAR
    }
    const logged: string[] = []
    const { address } = await fakeEndpoint({ info })
    const endpoints = endpointsOf([address], {
      now: () => nowMs,
      unhealthyMs: 60_000,
      infoEveryMs: 5000,
      log: (message) => logged.push(message),
    })
    expect(await endpoints.sources()).toHaveLength(1)
    isAway = true
    nowMs = 20_000
    const [source] = await endpoints.sources()
    expect(source).toMatchObject({ labelSets: [['cluster', 'a']] })
    await expect(source!.select(ASKED, never)).rejects.toThrow(
      expect.objectContaining({ kind: 'unavailable', message: 'Prometheus is not ready' }),
    )
    expect(await endpoints.statuses()).toMatchObject([
      { lastError: 'Prometheus is not ready', lastCheckMs: 20_000, componentType: 'sidecar' },
    ])
    nowMs = 70_000
    expect(await endpoints.sources()).toEqual([])
    expect(await endpoints.statuses()).toHaveLength(1)
    isAway = false
    nowMs = 90_000
    await vi.waitFor(async () => expect(await endpoints.sources()).toHaveLength(1))
    await expect((await endpoints.sources())[0]!.select(ASKED, never)).resolves.toBeDefined()
    expect(logged).toEqual([
      `endpoint ${address}: Prometheus is not ready`,
      `endpoint ${address} answers again`,
    ])
  })

  it('that never answered may have anything', async () => {
    const { address, stop } = await fakeEndpoint({})
    await stop()
    const endpoints = endpointsOf([address])
    const [source] = await endpoints.sources()
    expect(source).toMatchObject({ labelSets: [], minTimeMs: -Infinity, maxTimeMs: Infinity })
    await expect(source!.labelNames({ ...ASKED, hidden: [], limit: 0 }, never)).rejects.toThrow(
      DomainError,
    )
    expect(await endpoints.statuses()).toMatchObject([{ componentType: 'unknown' }])
    expect((await endpoints.knowledge()).map((one) => Object.keys(one))).toEqual([
      ['name', 'address'],
    ])
  })

  it('that hang keep nobody waiting when that is known', async () => {
    let nowMs = 0
    let isHanging = false
    const { address } = await fakeEndpoint({
      async info() {
        if (isHanging) await new Promise(() => undefined)
        return SIDECAR
      },
    })
    const endpoints = endpointsOf([address], { now: () => nowMs, infoEveryMs: 300 })
    await endpoints.sources()
    isHanging = true
    nowMs = 2000
    await endpoints.sources()
    expect(await endpoints.statuses()).toMatchObject([{ lastError: 'no answer for 300 ms' }])
    const wasAsked = (await endpoints.statuses())[0]!.lastCheckMs
    nowMs = 4000
    // Its next Info does not end, and the answer is there before.
    expect(await endpoints.sources()).toHaveLength(1)
    expect((await endpoints.statuses())[0]!.lastCheckMs).toBe(wasAsked)
  })

  it('that are strict are asked whatever they said', async () => {
    let nowMs = 0
    const asked: unknown[] = []
    const { address } = await fakeEndpoint({
      info: () => Promise.reject(new DomainError('unsupported', 'no Info')),
      series: async (request) => void asked.push(request),
    })
    const endpoints = endpointsOf([address], { strict: true, now: () => nowMs })
    await endpoints.sources()
    nowMs = 10_000_000
    const [source] = await endpoints.sources()
    await source!.select(ASKED, never)
    expect(asked).toHaveLength(1)
  })

  it('are read anew when it is time', async () => {
    let nowMs = 0
    let yaml = ''
    const [a, b] = [await fakeEndpoint({}), await fakeEndpoint({})]
    const write = (...addresses: string[]): void => {
      yaml = JSON.stringify({ endpoints: addresses.map((address) => ({ address })) })
    }
    write(a.address)
    const endpoints = endpointsOf([], {
      now: () => nowMs,
      listOptions: { config: async () => yaml },
    })
    const addresses = async () => (await endpoints.sources()).map(({ address }) => address)
    expect(await addresses()).toEqual([a.address])
    write(b.address)
    nowMs = 15_000
    expect(await addresses()).toEqual([a.address])
    nowMs = 30_000
    expect(await addresses()).toEqual([b.address])
  })

  it('are asked again and again while a server runs', async () => {
    let infos = 0
    const { address } = await fakeEndpoint({
      async info() {
        infos++
        return SIDECAR
      },
    })
    const endpoints = endpointsOf([address], { infoEveryMs: 20 })
    const stop = new AbortController()
    const running = endpoints.run(stop.signal)
    await vi.waitFor(() => expect(infos).toBeGreaterThan(3))
    stop.abort()
    await running
  })
})
