/** The agent's HTTP side, apart from what runAgent's tests ask of it. */
import { describe, expect, it } from 'vitest'
import { type AgentHttpServer, parseAddress, startAgentHttp } from '#agent/http-server.ts'
import { SILENT } from '#agent/logger.ts'
import { createAgentMetrics } from '#agent/metrics.ts'

const yes = (): boolean => true

/** /metrics begins and does not end before `release`. */
async function slowServer(gracePeriodMs: number) {
  const metrics = createAgentMetrics({ isReady: yes, isHealthy: yes })
  const begun = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const registry = Object.assign(metrics.registry, {
    async metrics() {
      begun.resolve()
      await release.promise
      return 'up 1\n'
    },
  })
  const server: AgentHttpServer = await startAgentHttp({
    address: '127.0.0.1:0',
    gracePeriodMs,
    webConfigFile: '',
    logger: SILENT,
    metrics: { ...metrics, registry },
    isReady: yes,
  })
  return { server, begun: begun.promise, release: () => release.resolve() }
}

describe('closing', () => {
  it('waits for running requests', async () => {
    const { server, begun, release } = await slowServer(60_000)
    const answer = fetch(`${server.url}/metrics`)
    await begun
    const closed = server.close()
    release()
    expect(await (await answer).text()).toBe('up 1\n')
    await closed
  })

  it('does not wait longer than the grace period', async () => {
    const { server, begun } = await slowServer(10)
    const answer = fetch(`${server.url}/metrics`)
    await begun
    const [failed] = await Promise.allSettled([answer, server.close()])
    expect(failed.status).toBe('rejected')
  })
})

describe('addresses', () => {
  it.each([
    ['0.0.0.0:10902', { host: '0.0.0.0', port: 10902 }],
    [':80', { host: undefined, port: 80 }],
    ['[::1]:0', { host: '::1', port: 0 }],
  ])('%s', (address, parts) => {
    expect(parseAddress(address)).toEqual(parts)
  })

  it.each(['10902', 'a:b', 'localhost:70000'])('%s is none', (address) => {
    expect(() => parseAddress(address)).toThrow(/is no address/)
  })
})
