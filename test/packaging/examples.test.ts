/** The examples: what they say exists, and their flags are those of the programs. */
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments, parse as parseYaml } from 'yaml'
import { addAgentFlags } from '#agent/flags/command-flags.ts'
import { parseAddress } from '#agent/http-server.ts'
import { agentSettings } from '#agent/flags/settings.ts'
import { serveCommand } from '#cli/serve.ts'
import { type PartFlags, wantedParts } from '#cli/serve/start-parts.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'

const noop = (): void => undefined
const PROCESS = {
  signal: new AbortController().signal,
  killSignal: new AbortController().signal,
  onHangup: noop,
}

interface Container {
  readonly name: string
  readonly args: readonly string[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Readonly<Record<string, string>>
  readonly stringData?: Readonly<Record<string, string>>
  readonly spec: PodSpec & {
    readonly template: { readonly spec: PodSpec }
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[]
  }
}

interface PodSpec {
  readonly containers: readonly Container[]
  readonly volumes: readonly { readonly name: string }[]
  readonly serviceAccountName: string
  readonly terminationGracePeriodSeconds: number
}

async function manifests(file: string): Promise<Manifest[]> {
  const documents = parseAllDocuments(await readFile(`packaging/kubernetes/${file}`, 'utf8'))
  expect(documents.flatMap(({ errors }) => errors)).toEqual([])
  return documents.map((document) => document.toJS() as Manifest)
}

/** As the agent itself reads them. */
async function settingsOf(args: readonly string[]) {
  const command = addAgentFlags(new Command('agent')).exitOverride()
  command.parse([...args], { from: 'user' })
  return { ...(await agentSettings(command.opts())), objstore: command.opts() }
}

async function checkAgent({ containers }: PodSpec, volumes: readonly string[]): Promise<void> {
  const agent = containers.find(({ name }) => name === 'thaw-agent')!
  const { prometheuses, httpAddress } = await settingsOf(agent.args)
  const port = agent.ports.find(({ name }) => name === agent.livenessProbe.httpGet.port)
  expect(port?.containerPort).toBe(parseAddress(httpAddress).port)
  expect(agent.livenessProbe.httpGet.path).toBe('/-/healthy')
  expect(agent.readinessProbe.httpGet.path).toBe('/-/ready')
  const mounts = agent.volumeMounts.map(({ mountPath }) => mountPath)
  expect(mounts).toContain(prometheuses[0]!.tsdbPath)
  expect(mounts).toContain('/etc/thaw')
  for (const { volumeMounts } of containers) {
    expect(volumes).toEqual(expect.arrayContaining(volumeMounts.map(({ name }) => name)))
  }
}

describe('on Kubernetes', () => {
  it('the agent shares the pod and the data of a Prometheus', async () => {
    const all = await manifests('prometheus.yml')
    expect(all.map(({ kind }) => kind)).toEqual([
      'ServiceAccount',
      'ConfigMap',
      'Secret',
      'StatefulSet',
    ])
    expect(all.every(({ apiVersion, metadata }) => apiVersion !== '' && metadata.name !== '')).toBe(
      true,
    )
    const [account, config, secret, set] = all
    const pod = set!.spec.template.spec
    expect(pod.serviceAccountName).toBe(account!.metadata.name)
    await checkAgent(pod, [
      ...pod.volumes.map(({ name }) => name),
      ...set!.spec.volumeClaimTemplates.map(({ metadata }) => metadata.name),
    ])
    expect(parseYaml(config!.data!['prometheus.yml']!)).toMatchObject({
      global: { external_labels: { cluster: 'eu-1' } },
    })
    expect(parseObjstoreConfig(secret!.stringData!['bucket.yml']!, {})).toMatchObject({
      type: 'S3',
    })
  })

  it('and of one that the operator runs', async () => {
    const [prometheus] = await manifests('prometheus-operator.yml')
    const { spec, metadata, kind } = prometheus!
    expect(kind).toBe('Prometheus')
    await checkAgent(spec, [
      ...spec.volumes.map(({ name }) => name),
      `prometheus-${metadata.name}-db`,
    ])
  })
})

describe('thaw without functions on Kubernetes', () => {
  it('is a deployment whose flags, ports, probes and grace fit each other', async () => {
    const all = await manifests('serve.yml')
    expect(all.map(({ kind }) => kind)).toEqual([
      'ServiceAccount',
      'Secret',
      'Service',
      'PodDisruptionBudget',
      'Deployment',
    ])
    const [account, secret, , , deployment] = all
    const pod = deployment!.spec.template.spec
    expect(pod.serviceAccountName).toBe(account!.metadata.name)
    const [thaw] = pod.containers
    const { args, ports, livenessProbe, readinessProbe, volumeMounts } = thaw!
    const [name, ...words] = args
    expect(name).toBe('serve')
    const context = { ...PROCESS, env: {}, now: Date.now, write: noop, writeError: noop }
    const command = serveCommand(context).exitOverride().action(noop)
    command.parse(words, { from: 'user' })
    const flags = command.opts<Record<string, unknown>>()
    const wanted = wantedParts(flags as unknown as PartFlags, 'yaml')
    expect([...wanted.keys()]).toEqual(['compact', 'rule'])
    expect(parseAddress(String(flags['httpAddress'])).port).toBe(ports[0]!.containerPort)
    expect([livenessProbe.httpGet, readinessProbe.httpGet]).toEqual([
      { path: '/-/healthy', port: ports[0]!.name },
      { path: '/-/ready', port: ports[0]!.name },
    ])
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(
      Number(flags['httpGracePeriod']),
    )
    expect(pod.volumes.map((volume) => volume.name)).toEqual(
      volumeMounts.map((mount) => mount.name),
    )
    expect(flags['objstore.configFile']).toBe(`${volumeMounts[0]!.mountPath}/bucket.yml`)
    expect(parseObjstoreConfig(secret!.stringData!['bucket.yml']!, {})).toMatchObject({
      type: 'S3',
    })
  })
})

describe('the unit and its settings', () => {
  it('are flags that the agent has', async () => {
    const unit = await readFile('packaging/files/thaw-agent.service', 'utf8')
    const start = /^ExecStart=\/usr\/bin\/thaw-agent (.*) \$ARGS$/m.exec(unit)![1]!
    const standard = await readFile('packaging/files/default', 'utf8')
    const args = /^ARGS="(.*)"$/m.exec(standard)![1]!
    const { prometheuses, httpAddress, logFormat } = await settingsOf(`${start} ${args}`.split(' '))
    expect(prometheuses[0]!.tsdbPath).toBe('/var/lib/prometheus/metrics2')
    expect({ httpAddress, logFormat }).toEqual({
      httpAddress: '127.0.0.1:10902',
      logFormat: 'journald',
    })
  })

  it('ask for the bucket when nobody has named it', async () => {
    const yaml = await readFile('packaging/files/bucket.yml', 'utf8')
    expect(() => parseObjstoreConfig(yaml, {})).toThrow(/bucket/)
  })
})

it('the policy lets the agent delete only what it may', async () => {
  const { Statement } = JSON.parse(await readFile('packaging/aws/agent-policy.json', 'utf8')) as {
    readonly Statement: readonly {
      readonly Effect: string
      readonly Action: string | string[]
      readonly Resource: string | string[]
    }[]
  }
  const deletes = Statement.filter(({ Action }) => [Action].flat().includes('s3:DeleteObject'))
  expect(deletes.map(({ Resource }) => Resource)).toEqual(['arn:aws:s3:::BUCKET/thaw/fresh/*'])
  expect(Statement.flatMap(({ Action }) => Action)).not.toContain('s3:*')
  // Blocks, lookups, fresh samples and the bucket index: no key that says who may ask, or what rules do.
  const keys = Statement.flatMap(({ Resource }) => Resource).map((arn) => arn.split('BUCKET')[1]!)
  expect([...new Set(keys)].toSorted()).toEqual([
    '',
    '/??????????????????????????/*',
    '/??????????????????????????/chunks/*',
    '/??????????????????????????/index',
    '/??????????????????????????/meta.json',
    '/thaw/bucket-index/*',
    '/thaw/fresh/*',
    '/thaw/lookup/*',
  ])
  // What else is beside a block says that it is to be deleted, or left alone.
  const writes = Statement.filter(
    ({ Effect, Action }) => Effect === 'Allow' && [Action].flat().includes('s3:PutObject'),
  )
  const written = writes.flatMap(({ Resource }) => Resource).filter((arn) => arn.includes('?'))
  expect(written.map((arn) => arn.slice(arn.lastIndexOf('?') + 1))).toEqual([
    '/meta.json',
    '/index',
    '/chunks/*',
  ])
})
