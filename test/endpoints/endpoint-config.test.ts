import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkSetting, parseEndpointConfig } from '#lib/endpoints/endpoint-config.ts'
import { EndpointList, type EndpointListOptions } from '#lib/endpoints/endpoint-list.ts'
import { resolveAddress, type Resolver } from '#lib/endpoints/resolve-address.ts'
import { NO_TLS } from '#lib/grpc/client-tls.ts'

const FLAGS = { ...NO_TLS, enabled: true, ca: 'flags.pem' }
const tlsOf = (yaml: string) => parseEndpointConfig(yaml, FLAGS).endpoints.map(({ tls }) => tls)

describe('the endpoint file', () => {
  it('lists endpoints', () => {
    const { endpoints, defaultTls } = parseEndpointConfig(`
endpoints:
  - address: dns+store.example:10901
  - {address: "sidecar:10901", strict: true}
  - {address: "dnssrv+_grpc._tcp.store", group: true}
`)
    expect(endpoints.map(({ address, strict, group }) => [address, strict, group])).toEqual([
      ['dns+store.example:10901', false, false],
      ['sidecar:10901', true, false],
      ['dnssrv+_grpc._tcp.store', false, true],
    ])
    expect(defaultTls).toEqual(NO_TLS)
    expect(parseEndpointConfig('').endpoints).toEqual([])
  })

  it('says of each endpoint how it is known, or of all', () => {
    const yaml = `
default_client_config:
  tls_config: {ca_file: all.pem, min_version: 1.2}
  server_name: all.example
endpoints:
  - address: a:1
  - address: b:1
    client_config: {tls_config: {cert_file: b.pem, key_file: b.key}}
  - address: c:1
    client_config: {tls_config: {enabled: false}}
  - address: d:1
    client_config: {tls_config: {enabled: true}, server_name: d.example}
`
    const all = {
      ...NO_TLS,
      enabled: true,
      ca: 'all.pem',
      minVersion: '1.2',
      serverName: 'all.example',
    }
    expect(tlsOf(yaml)).toEqual([
      all,
      { ...all, cert: 'b.pem', key: 'b.key', serverName: '' },
      NO_TLS,
      { ...NO_TLS, enabled: true, serverName: 'd.example' },
    ])
    expect(tlsOf('endpoints: [{address: "a:1"}]')).toEqual([FLAGS])
    const named = 'endpoints: [{address: "a:1", client_config: {server_name: x}}]'
    expect(tlsOf(named)).toEqual([{ ...FLAGS, serverName: 'x' }])
  })

  it.each([
    ['- a', 'the document: want a mapping'],
    ['stores: []', 'the document: stores is not known, want default_client_config, endpoints'],
    ['endpoints: a:1', 'endpoints: want a list'],
    ['endpoints: [{strict: true}]', 'endpoints[0].address: want host:port'],
    ['endpoints: [{address: "a:1", strict: 1}]', 'endpoints[0].strict: want true or false'],
    [
      'endpoints: [{address: "a:1", client_config: {compression: gzip}}]',
      "endpoints[0].client_config.compression: must be 'none' or 'snappy'",
    ],
    [
      'endpoints: [{address: "a:1", client_config: {tls_config: {min_version: 4}}}]',
      'endpoints[0].client_config.tls_config.min_version: want one of 1.0, 1.1, 1.2, 1.3',
    ],
    [
      'endpoints: [{address: "a:1", group: true, service_config: "{}"}]',
      'endpoints[0].service_config: is not supported: groups are asked in turn, three tries a call',
    ],
    ['a: b: c', 'YAML: Nested mappings are not allowed in compact mappings at line 1, column 4:'],
  ])('%s', (yaml, message) => {
    expect(() => parseEndpointConfig(yaml)).toThrow(`endpoint configuration: ${message}`)
  })

  it.each([
    ['store', /is no host:port/],
    ['http://store:10901', /is no host:port/],
    ['dns+store', /is no host:port/],
    ['', /is no host:port/],
  ])('address %s', (address, message) => {
    expect(() => checkSetting({ address, strict: false })).toThrow(message)
  })

  it('may have no strict endpoint that DNS finds', () => {
    expect(() => checkSetting({ address: 'dns+a:1', strict: true })).toThrow(/may not be/)
  })
})

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  'store.example': ['10.0.0.1', '10.0.0.2'],
  'six.example': ['fd00::1'],
}

const resolver: Resolver = {
  async addresses(host) {
    if (host === 'broken') throw Object.assign(new Error('queryA ETIMEOUT'), { code: 'ETIMEOUT' })
    if (!HOSTS[host]) throw Object.assign(new Error('unknown'), { code: 'ENOTFOUND' })
    return HOSTS[host]
  },
  async services() {
    return [
      { name: 'store.example.', port: 10901 },
      { name: 'six.example', port: 10902 },
    ]
  },
}

describe('DNS', () => {
  it.each([
    ['10.0.0.9:1', ['10.0.0.9:1']],
    ['dns+store.example:1', ['10.0.0.1:1', '10.0.0.2:1']],
    ['dnsdualstack+six.example:1', ['[fd00::1]:1']],
    ['dnssrv+_grpc._tcp.x', ['10.0.0.1:10901', '10.0.0.2:10901', '[fd00::1]:10902']],
    ['dnssrv+_grpc._tcp.x:7', ['10.0.0.1:7', '10.0.0.2:7', '[fd00::1]:7']],
    ['dnssrvnoa+_grpc._tcp.x', ['store.example:10901', 'six.example:10902']],
    ['dns+nobody:1', []],
  ])('%s', async (address, found) => {
    expect(await resolveAddress(address, resolver)).toEqual(found)
  })

  it('that is away is an error', async () => {
    await expect(resolveAddress('dns+broken:1', resolver)).rejects.toThrow(
      'DNS lookup of dns+broken:1: queryA ETIMEOUT',
    )
  })
})

describe('the list of endpoints', () => {
  function listOf(over: Partial<EndpointListOptions>) {
    const logged: string[] = []
    const list = new EndpointList({
      endpoints: [],
      tls: NO_TLS,
      files: [],
      resolver,
      log: (message) => logged.push(message),
      ...over,
    })
    const addresses = async () => (await list.read()).map(({ address }) => address)
    return { list, logged, addresses }
  }
  const given = (address: string, group = false) => ({ address, strict: false, group })

  it('has flags, the file and DNS together, each address once', async () => {
    const { addresses } = listOf({
      endpoints: [
        given('dns+store.example:1'),
        given('10.0.0.1:1'),
        given('dns+store.example:2', true),
      ],
      config: async () => 'endpoints: [{address: "sidecar:10901"}]',
    })
    expect(await addresses()).toEqual([
      'sidecar:10901',
      '10.0.0.1:1',
      '10.0.0.2:1',
      'dns+store.example:2',
    ])
  })

  it('reads files of targets, as many as match, and forgets those that went', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'thaw-sd-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'a.json'), '[{"targets": ["a:1", "b:1"], "labels": {"x": "y"}}]')
    await writeFile(join(folder, 'b.yml'), '- targets: [c:1]')
    const { addresses, logged } = listOf({ files: [join(folder, '*')] })
    expect((await addresses()).sort()).toEqual(['a:1', 'b:1', 'c:1'])
    await writeFile(join(folder, 'b.yml'), '- targets: [nonsense]')
    expect((await addresses()).sort()).toEqual(['a:1', 'b:1', 'c:1'])
    expect(logged).toEqual([expect.stringMatching(/b\.yml: endpoint "nonsense" is no host:port/)])
    await rm(join(folder, 'a.json'))
    expect(await addresses()).toEqual(['c:1'])
  })

  it('goes on with what was right, but does not begin with what is wrong', async () => {
    let yaml = 'endpoints: [{address: "a:1"}]'
    const { addresses, logged } = listOf({ config: async () => yaml })
    expect(await addresses()).toEqual(['a:1'])
    yaml = 'endpoints: 7'
    expect(await addresses()).toEqual(['a:1'])
    expect(logged).toEqual(['endpoint configuration: endpoints: want a list'])
    await expect(listOf({ config: async () => yaml }).addresses()).rejects.toThrow('want a list')
  })

  it('keeps addresses while DNS is away', async () => {
    let isAway = false
    const { addresses, logged } = listOf({
      endpoints: [given('dns+store.example:1')],
      resolver: {
        ...resolver,
        addresses: async (host) => resolver.addresses(isAway ? 'broken' : host),
      },
    })
    const before = await addresses()
    isAway = true
    expect(await addresses()).toEqual(before)
    expect(logged).toEqual(['DNS lookup of dns+store.example:1: queryA ETIMEOUT'])
  })

  it('leaves out an endpoint whose certificate cannot be read', async () => {
    const { addresses, logged } = listOf({
      config: async () =>
        'endpoints: [{address: "a:1"}, {address: "b:1", client_config: {tls_config: {ca_file: no/such.pem}}}]',
    })
    expect(await addresses()).toEqual(['a:1'])
    expect(logged[0]).toMatch(/^endpoint b:1: client certificate: ENOENT/)
  })
})
