import { describe, expect, it } from 'vitest'
import { parseAlertingConfig } from '#lib/alertmanager/alerting-config.ts'

const setOf = (yaml: string) =>
  parseAlertingConfig(`alertmanagers: [${yaml}]`, { HOST: 'am:1' }).sets[0]!

describe("Thanos's configuration of Alertmanagers", () => {
  it('has defaults', () => {
    expect(setOf(`{static_configs: ['$(HOST)', 'dns+b:2']}`)).toMatchObject({
      groups: [{ targets: ['am:1', 'dns+b:2'], labels: {} }],
      files: [],
      scheme: 'http',
      pathPrefix: '',
      timeoutMs: 10_000,
      relabel: [],
      alertRelabel: [],
      http: { authorization: undefined },
    })
    expect(parseAlertingConfig('')).toEqual({ sets: [], alertRelabel: [] })
  })

  it('takes the HTTP client of Thanos, and that of Prometheus', async () => {
    const [thanos, prometheus] = [
      setOf(
        '{http_config: {basic_auth: {username: me, password: p}}, timeout: 3s, api_version: v2}',
      ),
      setOf('{basic_auth: {username: me, password: p}, timeout: 3s}'),
    ]
    for (const { http, timeoutMs } of [thanos, prometheus]) {
      expect(http.authorization).toMatchObject({ type: 'basic' })
      expect(timeoutMs).toBe(3000)
    }
  })

  it.each([
    ['[]', /is not a yaml mapping/],
    ['alertmanagers: {}', /line 1: alertmanagers is not a list/],
    ['alertmanagers: [a]', /alertmanagers is not a list of mappings/],
    ['alertmanager: []', /unknown key alertmanager/],
    [
      'alertmanagers:\n- static_config: []',
      /line 2: unknown key alertmanagers\[0\]\.static_config/,
    ],
    [
      'alertmanagers: [{static_configs: [{target: []}]}]',
      /unknown key .*static_configs\[0\]\.target/,
    ],
    [
      'alertmanagers: [{static_configs: ["http://am"]}]',
      /has "http:\/\/am", which is no host:port/,
    ],
    ['alertmanagers: [{static_configs: am}]', /static_configs is not a list/],
    ['alertmanagers: [{scheme: ftp}]', /scheme is neither http nor https/],
    ['alertmanagers: [{timeout: soon}]', /timeout is not a duration/],
    ['alertmanagers: [{api_version: v1}]', /v1 is gone from Alertmanager/],
    ['alertmanagers: [{api_version: v3}]', /api_version is not v2/],
    ['alertmanagers: [{sigv4: {region: x}}]', /sigv4 is not supported/],
    ['alertmanagers: [{http_config: {basic_auth: {}, oauth2: {}}}]', /exclude each other/],
    [
      'alertmanagers: [{http_config: {}, basic_auth: {}}]',
      /unknown key alertmanagers\[0\]\.basic_auth/,
    ],
    [
      'alertmanagers: [{relabel_configs: [{action: eat}]}]',
      /relabel_configs: action eat is none of/,
    ],
    ['alert_relabel_configs: 1', /alert_relabel_configs: write a list of rules/],
  ])('refuses %s', (yaml, message) => {
    expect(() => parseAlertingConfig(yaml)).toThrow(message)
  })
})
