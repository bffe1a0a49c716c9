import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { alertmanagerOfUrl, parseAlertingConfig } from '#lib/alertmanager/alerting-config.ts'
import { Discovery } from '#lib/alertmanager/discovery.ts'
import type { Resolver } from '#lib/endpoints/resolve-address.ts'

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  am: ['10.0.0.2', '10.0.0.1'],
  'one.am': ['10.0.0.3'],
}

const RESOLVER: Resolver = {
  addresses: async (host) => KNOWN[host] ?? [],
  services: async (name) => (name === '_web._tcp.am' ? [{ name: 'one.am.', port: 9000 }] : []),
}

function discoveryOf(yaml: string, parts: { resolver?: Resolver; now?: () => number } = {}) {
  const [set] = parseAlertingConfig(yaml).sets
  return new Discovery(set!, { resolver: RESOLVER, now: () => 0, ...parts })
}

async function activeOf(url: string): Promise<readonly string[]> {
  const set = alertmanagerOfUrl(url)
  return (await new Discovery(set, { resolver: RESOLVER, now: () => 0 }).read()).active
}

describe('an URL', () => {
  it.each([
    ['http://am:9093', ['http://am:9093/api/v2/alerts']],
    ['https://u:p@am/x/y/', ['https://am/x/y/api/v2/alerts']],
    ['http://am:80', ['http://am:80/api/v2/alerts']],
    ['http://[::1]:9093', ['http://[::1]:9093/api/v2/alerts']],
    ['dns+http://am', ['http://10.0.0.1:9093/api/v2/alerts', 'http://10.0.0.2:9093/api/v2/alerts']],
    ['dns+https://one.am:1/p', ['https://10.0.0.3:1/p/api/v2/alerts']],
    ['dnssrv+http://_web._tcp.am', ['http://10.0.0.3:9000/api/v2/alerts']],
    ['dnssrvnoa+http://_web._tcp.am/p', ['http://one.am:9000/p/api/v2/alerts']],
  ])('%s', async (url, expected) => {
    expect(await activeOf(url)).toEqual(expected)
  })

  it.each(['am:9093', '', 'ftp://am', 'http://', 'srv+http://am', 'http:///x'])(
    'is not %j',
    (url) => {
      expect(() => alertmanagerOfUrl(url)).toThrow(/is no URL of an Alertmanager/)
    },
  )

  it('shows no password when it is wrong', () => {
    expect(() => alertmanagerOfUrl('ftp://me:geheim@am')).toThrow('"ftp://am" is no URL')
  })
})

describe('the configuration', () => {
  it('may have target groups with labels, and rules over them', async () => {
    const discovery = discoveryOf(`
alertmanagers:
  - scheme: https
    path_prefix: am
    static_configs:
      - targets: ['a:1', 'b:2', 'a:1']
        labels: {zone: one}
      - targets: ['c:3']
        labels: {zone: two}
    relabel_configs:
      - {source_labels: [zone, __address__], regex: 'one;b.*', action: drop}
      - {source_labels: [zone], regex: two, target_label: __scheme__, replacement: http}
      - {source_labels: [zone], regex: two, target_label: __alerts_path__, replacement: /alerts}
`)
    expect(await discovery.read()).toEqual({
      active: ['https://a:1/am/api/v2/alerts', 'http://c:3/alerts'],
      dropped: ['https://b:2/am/api/v2/alerts'],
      errors: [],
    })
  })

  it('may name files, read anew each time; one that broke says so, and counts as it was', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'thaw-alertmanagers-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    const discovery = discoveryOf(
      `alertmanagers: [{file_sd_configs: [{files: ['${dir}/*.yml', '${dir}/*.json'], refresh_interval: 1m}]}]`,
    )
    expect(await discovery.read()).toEqual({ active: [], dropped: [], errors: [] })
    await writeFile(join(dir, 'a.yml'), '- targets: [a:1]\n')
    await writeFile(join(dir, 'b.json'), '[{"targets": ["b:2"], "labels": {"x": "y"}}]')
    const both = ['http://a:1/api/v2/alerts', 'http://b:2/api/v2/alerts']
    expect(await discovery.read()).toEqual({ active: both, dropped: [], errors: [] })
    await writeFile(join(dir, 'a.yml'), '- targets: [http://a/b]\n')
    expect(await discovery.read()).toEqual({
      active: both,
      dropped: [],
      errors: [`${dir}/a.yml: want targets as a list of host:port, and labels`],
    })
    await rm(join(dir, 'a.yml'))
    expect(await discovery.read()).toMatchObject({ active: both.slice(1), errors: [] })
  })

  it('is looked up in DNS each 30 s, and the last answer counts while DNS is silent', async () => {
    let nowMs = 0
    let asked = 0
    let address: string | undefined = '10.0.0.1'
    const discovery = discoveryOf(`alertmanagers: [{static_configs: ['dns+am:9093']}]`, {
      now: () => nowMs,
      resolver: {
        async addresses() {
          asked++
          if (address === undefined) throw new Error('timeout')
          return [address]
        },
        services: async () => [],
      },
    })
    const hosts = async () => (await discovery.read()).active.map((url) => new URL(url).hostname)
    expect(await hosts()).toEqual(['10.0.0.1'])
    address = '10.0.0.2'
    nowMs = 29_999
    expect(await hosts()).toEqual(['10.0.0.1'])
    expect(asked).toBe(1)
    nowMs = 30_000
    expect(await hosts()).toEqual(['10.0.0.2'])
    address = undefined
    nowMs = 60_000
    expect(await discovery.read()).toEqual({
      active: ['http://10.0.0.2:9093/api/v2/alerts'],
      dropped: [],
      errors: ['DNS lookup of dns+am:9093: timeout'],
    })
  })

  it('says when relabelling makes no URL', async () => {
    const discovery = discoveryOf(`
alertmanagers:
  - static_configs: ['a:1']
    relabel_configs: [{target_label: __address__, replacement: 'a b'}]
`)
    expect((await discovery.read()).errors).toEqual([
      'relabelling makes http://a b/api/v2/alerts of http://a:1/api/v2/alerts, which is no URL',
    ])
  })
})
