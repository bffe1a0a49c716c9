/** Flags and the file of several Prometheuses, as options of the agent. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { PROCESS_FLAGS, PROMETHEUS_FLAGS } from '#agent/flags/agent-flags.ts'
import { addAgentFlags } from '#agent/flags/command-flags.ts'
import { bytes, type Flags } from '#agent/flags/flag.ts'
import { type AgentSettings, agentSettings } from '#agent/flags/settings.ts'
import { prometheusOptions } from '#agent/agent-options.ts'
import { temporaryDir } from '../block-fixture.ts'

async function settings(...argv: string[]): Promise<AgentSettings> {
  const command = addAgentFlags(new Command('agent'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  command.parse(argv, { from: 'user' })
  return agentSettings(command.opts())
}

async function listFile(yaml: string): Promise<string> {
  const file = join(await temporaryDir(), 'agent.yml')
  await writeFile(file, yaml)
  return file
}

const NO_RELOADER = prometheusOptions({ tsdbPath: '/' }).reloader

describe('flags', () => {
  it('stand for what the agent does untold', async () => {
    const { prometheuses, httpAddress, httpGracePeriodMs, uploadBandwidth } = await settings()
    expect(prometheuses).toEqual([prometheusOptions({ tsdbPath: './data' })])
    expect({ httpAddress, httpGracePeriodMs, uploadBandwidth }).toEqual({
      httpAddress: '0.0.0.0:10902',
      httpGracePeriodMs: 120_000,
      uploadBandwidth: 0,
    })
  })

  it('of Thanos have their effect', async () => {
    const { prometheuses, ...own } = await settings(
      '--prometheus.url=http://p:1',
      '--prometheus.ready_timeout=1m',
      '--prometheus.http-client={basic_auth: {username: me}}',
      '--shipper.upload-compacted',
      '--no-shipper.upload-compacted',
      '--shipper.skip-corrupted-blocks',
      '--shipper.upload-concurrency=4',
      '--hash-func=SHA256',
      '--min-time=-2h',
      '--http-grace-period=5s',
      '--upload.bandwidth=1.5MB',
      '--log.format=journald',
      '--debug.name=here',
      '--reloader.config-file=in.yml',
      '--reloader.rule-dir=a',
      '--reloader.rule-dir=b',
      '--reloader.method=signal',
    )
    expect(prometheuses).toEqual([
      prometheusOptions({
        tsdbPath: './data',
        prometheusUrl: 'http://p:1',
        prometheusReadyTimeoutMs: 60_000,
        httpClientYaml: '{basic_auth: {username: me}}',
        skipCorruptedBlocks: true,
        uploadConcurrency: 4,
        hashFunc: 'SHA256',
        minTime: { offsetMs: -7_200_000 },
        reloader: {
          configFile: 'in.yml',
          envsubstFile: '',
          ruleDirs: ['a', 'b'],
          watchIntervalMs: 180_000,
          retryIntervalMs: 5000,
          method: 'signal',
          processName: 'prometheus',
        },
      }),
    ])
    expect(own).toMatchObject({
      httpGracePeriodMs: 5000,
      uploadBandwidth: 1_500_000,
      logFormat: 'journald',
      debugName: 'here',
    })
  })

  it.each([
    ['--hash-func=MD5', /write one of "", SHA256/],
    ['--shipper.interval=5', /write a duration such as 30s/],
    ['--shipper.meta-file-name=a/b', /write a file name, without directories/],
    ['--shipper.upload-concurrency=-1', /write a whole number/],
    ['--min-time=yesterday', /write a time such as/],
    ['--upload.bandwidth=fast', /write a number of bytes such as 5MB/],
    ['--nonsense', /unknown option '--nonsense'/],
  ])('refuse %s', async (flag, message) => {
    await expect(settings(flag)).rejects.toThrow(message)
  })

  it('take the HTTP client from a file, but not from two places', async () => {
    const file = await listFile('bearer_token: x\n')
    const { prometheuses } = await settings(`--prometheus.http-client-file=${file}`)
    expect(prometheuses[0]!.httpClientYaml).toBe('bearer_token: x\n')
    await expect(
      settings(`--prometheus.http-client-file=${file}`, '--prometheus.http-client={}'),
    ).rejects.toThrow(/not both/)
    await expect(settings('--prometheus.http-client-file=/no/such')).rejects.toThrow(
      /--prometheus\.http-client-file: ENOENT/,
    )
  })

  it('stand in docs/agent.md, each with its default and what it does', async () => {
    const rows = [
      ...(await readFile('docs/agent.md', 'utf8')).matchAll(
        /^\| `--([^`]+)` \| (.*?) \| (.*) \|$/gm,
      ),
    ].map(([, name, standard, help]) => [name, standard, help])
    const flags: Flags = { ...PROMETHEUS_FLAGS, ...PROCESS_FLAGS }
    expect(rows).toEqual(
      Object.entries(flags).map(([name, flag]) => [
        name,
        flag.default === '' ? '' : `\`${flag.default}\``,
        flag.help,
      ]),
    )
  })
})

describe('numbers of bytes', () => {
  it.each([
    ['0', 0],
    ['1000', 1000],
    ['5MB', 5_000_000],
    ['512 KiB', 524_288],
    ['0.5GiB', 536_870_912],
    ['2kB', 2000],
  ])('%s', (text, expected) => {
    expect(bytes('0', '').parse(text)).toBe(expected)
  })

  it.each(['2k', '-1', 'MB'])('%s is none', (text) => {
    expect(() => bytes('0', '').parse(text)).toThrow(/write a number of bytes/)
  })
})

describe('the file of several Prometheuses', () => {
  it('names what differs; the rest is as the flags say', async () => {
    const file = await listFile(`
prometheuses:
  - name: a
    prometheus.url: http://a:9090
    tsdb.path: /a
    shipper.upload-compacted: true
    prometheus.http-client:
      basic_auth: {username: me, password: secret}
  - name: b
    tsdb.path: /b
    shipper.interval: 1m
    reloader.rule-dir: [/r, /s]
`)
    const { prometheuses } = await settings(
      `--config.file=${file}`,
      '--shipper.interval=5s',
      '--prometheus.url=http://c:9090',
    )
    expect(prometheuses).toEqual([
      prometheusOptions({
        name: 'a',
        prometheusUrl: 'http://a:9090',
        tsdbPath: '/a',
        uploadCompacted: true,
        shipIntervalMs: 5000,
        httpClientYaml: 'basic_auth:\n  username: me\n  password: secret\n',
      }),
      prometheusOptions({
        name: 'b',
        prometheusUrl: 'http://c:9090',
        tsdbPath: '/b',
        shipIntervalMs: 60_000,
        reloader: { ...NO_RELOADER, ruleDirs: ['/r', '/s'] },
      }),
    ])
  })

  it('is read again when it is asked for', async () => {
    const file = await listFile('prometheuses: [{name: a, tsdb.path: /a}]')
    const { prometheuses, readAgain } = await settings(`--config.file=${file}`)
    expect(prometheuses.map(({ name }) => name)).toEqual(['a'])
    await writeFile(file, 'prometheuses: [{name: b, tsdb.path: /a}]')
    expect((await readAgain!()).map(({ name }) => name)).toEqual(['b'])
    expect((await settings()).readAgain).toBeUndefined()
  })

  it.each([
    ['', /no list of prometheuses/],
    ['[', /no YAML/],
    ['prometheuses: []', /no list of prometheuses/],
    ['prometheuses: [{tsdb.path: /a}]', /prometheuses\[0\] has no name/],
    ['prometheuses: [a]', /prometheuses\[0\] is no map/],
    ['servers: []', /"servers" is not known/],
    ['prometheuses: [{name: a, http-address: x}]', /a: http-address: is no flag of one prometheus/],
    ['prometheuses: [{name: a, shipper.interval: soon}]', /a: shipper\.interval: write a duration/],
    ['prometheuses: [{name: a, prometheus.url: [x]}]', /a: prometheus\.url: write one value/],
    ['prometheuses: [{name: a, prometheus.url: nope}]', /"nope" is no URL/],
    [
      'prometheuses: [{name: a, prometheus.http-client: {basic_auht: {}}}]',
      /HTTP client configuration, line 1: unknown key basic_auht/,
    ],
    ['prometheuses: [{name: a}, {name: a, tsdb.path: /b}]', /two are named "a"/],
    ['prometheuses: [{name: a}, {name: b}]', /two have the tsdb\.path \.\/data/],
  ])('%j is refused', async (yaml, message) => {
    const file = await listFile(yaml)
    await expect(settings(`--config.file=${file}`)).rejects.toThrow(message)
  })

  it('that is not there is refused', async () => {
    await expect(settings('--config.file=/no/such')).rejects.toThrow(/--config\.file: ENOENT/)
  })
})
