/** Which requests go through a proxy. */
import { describe, expect, it } from 'vitest'
import { parseHttpClientConfig } from '#lib/http-client/config.ts'
import { proxyFor } from '#lib/http-client/proxy.ts'

function chosen(target: string, yaml: string, env: Record<string, string> = {}) {
  return proxyFor(new URL(target), parseHttpClientConfig(yaml).proxy, env)?.host
}

describe('a configured proxy', () => {
  it.each([
    ['http://prom:9090/', '', 'proxy:3128'],
    ['http://prom:9090/', 'prom', undefined],
    ['http://prom:9090/', 'prom:9091', 'proxy:3128'],
    ['http://prom:9090/', 'prom:9090', undefined],
    ['http://a.prom/', 'prom', undefined],
    ['http://prom/', '.prom', 'proxy:3128'],
    ['http://a.prom/', '.prom, other', undefined],
    ['http://aprom/', 'prom', 'proxy:3128'],
    ['http://10.1.2.3/', '10.1.0.0/16', undefined],
    ['http://10.2.2.3/', '10.1.0.0/16', 'proxy:3128'],
    ['http://[fd00::1]/', 'fd00::/8', undefined],
    ['http://10.1.2.3/', '10.1.0.0/99', 'proxy:3128'],
    ['http://anything/', '*', undefined],
    ['http://localhost/', '', 'proxy:3128'],
  ])('is used for %s without %j: %s', (target, noProxy, host) => {
    const yaml = `proxy_url: http://proxy:3128${noProxy && `\nno_proxy: "${noProxy}"`}`
    expect(chosen(target, yaml)).toBe(host)
  })

  it('is none without configuration, whatever the environment says', () => {
    expect(chosen('http://prom/', '', { HTTP_PROXY: 'http://p' })).toBeUndefined()
  })
})

describe('the environment', () => {
  const yaml = 'proxy_from_environment: true'

  it.each([
    ['http://prom/', { HTTP_PROXY: 'http://p:1' }, 'p:1'],
    ['http://prom/', { http_proxy: 'p:1' }, 'p:1'],
    ['https://prom/', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['https://prom/', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'other' }, 'p:1'],
    ['https://prom/', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'prom' }, undefined],
    ['http://localhost/', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['http://127.0.0.9/', { HTTP_PROXY: 'http://p:1' }, undefined],
  ])('of %s with %j gives %s', (target, env, host) => {
    expect(chosen(target, yaml, env)).toBe(host)
  })

  it('is refused when it names none, and its credentials are not shown', () => {
    const env = { HTTP_PROXY: 'ftp://me:hunter2@p' }
    expect(() => chosen('http://prom/', yaml, env)).toThrow(/is no http:\/\/ or https:\/\/ URL$/)
  })
})
