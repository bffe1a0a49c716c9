/** The services of `localstack/compose/compose.yml` as processes of this machine: their commands and files, with other hosts and paths. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parse } from 'yaml'
import { findAlertmanager } from '#test/peer/alertmanager.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findGrafana, type Grafana, startGrafana } from '#test/peer/grafana.ts'
import { findMinio } from '#test/peer/minio.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
import { findSeaweedFs, seaweedPorts } from '#test/peer/seaweedfs.ts'
import { answers, freePort, type PeerServer, startServer } from '#test/peer/server.ts'

export const COMPOSE = join(import.meta.dirname, '../../../localstack/compose')

export interface Service {
  readonly image: string
  readonly build?: { readonly dockerfile: string; readonly target: string } | undefined
  readonly command?: readonly string[] | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly volumes?: readonly string[] | undefined
  readonly ports?: readonly string[] | undefined
  readonly profiles?: readonly string[] | undefined
  readonly read_only?: boolean | undefined
  readonly cap_drop?: readonly string[] | undefined
}

export type ServiceName = 's3' | 'prometheus' | 'agent' | 'thaw' | 'alertmanager' | 'grafana'

export interface ComposeFile {
  readonly services: Readonly<Record<ServiceName | 'localstack', Service>>
  readonly volumes: Readonly<Record<string, object>>
}

export async function readCompose(file = 'compose.yml'): Promise<ComposeFile> {
  return parse(await readFile(join(COMPOSE, file), 'utf8')) as ComposeFile
}

/** Which is the service `s3`: that of compose.yml, or of compose.seaweedfs.yml. */
export type Store = 'MinIO' | 'SeaweedFS'

export interface Programs {
  readonly store: Store
  readonly s3: string
  readonly prometheus: string
  readonly alertmanager: string
  /** Runs only where there is one. */
  readonly grafana: Grafana | undefined
}

export async function findPrograms(store: Store): Promise<Programs | Missing> {
  const [s3, prometheus, alertmanager, grafana] = await Promise.all([
    store === 'MinIO' ? findMinio() : findSeaweedFs(),
    findPrometheus(),
    findAlertmanager(),
    findGrafana(),
  ])
  if (isMissing(s3)) return s3
  if (isMissing(prometheus)) return prometheus
  if (isMissing(alertmanager)) return alertmanager
  return {
    store,
    s3: s3.binary,
    prometheus: prometheus.binary,
    alertmanager: alertmanager.binary,
    grafana: isMissing(grafana) ? undefined : grafana,
  }
}

export interface ComposeProcesses {
  /** By service; nobody listens at that of Grafana where there is none. */
  readonly hosts: Readonly<Record<ServiceName, string>>
  readonly log: (service: ServiceName) => string
  readonly stop: () => Promise<void>
}

/** Where a service listens inside of its container. */
const INSIDE: Readonly<Record<ServiceName, string>> = {
  s3: 's3:9000',
  prometheus: 'prometheus:9090',
  agent: 'agent:10902',
  thaw: 'thaw:10902',
  alertmanager: 'alertmanager:9093',
  grafana: 'grafana:3000',
}

export async function startCompose(programs: Programs): Promise<ComposeProcesses> {
  const { services } = await readCompose()
  const dir = await mkdtemp(join(tmpdir(), 'thaw-compose-'))
  const hosts = { ...INSIDE }
  for (const name of Object.keys(INSIDE) as ServiceName[]) {
    hosts[name] = `127.0.0.1:${await freePort()}`
  }
  const etc = join(dir, 'etc')
  const metrics = await freePort()
  const changes: readonly (readonly [string, string])[] = [
    ...Object.entries(INSIDE).map(
      ([name, inside]) => [inside, hosts[name as ServiceName]] as const,
    ),
    ['-s3.port=9000', `-s3.port=${hosts.s3.split(':')[1]}`],
    ['-metricsPort=9324', `-metricsPort=${metrics}`],
    ['s3:9324', `127.0.0.1:${metrics}`],
    ...['prometheus', 'alertmanager', 'seaweedfs', 'grafana'].map(
      (name) => [`/etc/${name}/`, `${etc}/${name}/`] as const,
    ),
    ['/etc/thaw/', `${etc}/`],
    ['/var/lib/grafana/', `${etc}/grafana/`],
    ['=/prometheus', `=${dir}/prometheus-data`],
    ['=/alertmanager', `=${dir}/alertmanager-data`],
    ['=/data', `=${dir}/s3-data`],
  ]
  const here = (text: string): string =>
    changes.reduce((changed, [inside, here_]) => changed.replaceAll(inside, here_), text)
  for (const entry of await readdir(COMPOSE, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const copy = join(etc, relative(COMPOSE, file))
    await mkdir(dirname(copy), { recursive: true })
    await writeFile(copy, here(await readFile(file, 'utf8')))
  }
  const commandOf = (name: ServiceName): string[] => services[name].command!.map(here)
  const running = new Map<ServiceName, PeerServer>()
  const start = async (
    name: ServiceName,
    file: string,
    args: readonly string[],
    ready: string | (() => Promise<boolean>),
  ): Promise<void> => {
    const isReady =
      typeof ready === 'string' ? () => answers(`http://${hosts[name]}${ready}`) : ready
    const env = services[name].environment
    running.set(name, await startServer({ file, args, env, cwd: dir, ready: isReady }))
  }
  const cli = join(import.meta.dirname, '../../../cli/main.ts')
  const { prometheus, alertmanager, grafana } = programs
  const stop = async (): Promise<void> => {
    for (const server of [...running.values()].reverse()) await server.stop()
    await rm(dir, { recursive: true, force: true })
  }
  const startStore = async (): Promise<void> => {
    if (programs.store === 'MinIO') {
      // As the entrypoint of the service does: a directory of the data is a bucket.
      await mkdir(join(dir, 's3-data/thaw'), { recursive: true })
      const address = ['--quiet', '--address', hosts.s3, '--console-address', '127.0.0.1:0']
      const args = ['server', `${dir}/s3-data`, ...address]
      return start('s3', programs.s3, args, '/minio/health/ready')
    }
    const { s3 } = (await readCompose('compose.seaweedfs.yml')).services
    await mkdir(join(dir, 's3-data'))
    await copyFile(join(etc, 'seaweedfs/s3.yml'), join(etc, 'prometheus/s3.yml'))
    const ports = await seaweedPorts()
    return start('s3', programs.s3, [...s3.command!.map(here), ...ports.flags], ports.ready)
  }
  try {
    await startStore()
    await start(
      'prometheus',
      prometheus,
      [...commandOf('prometheus'), `--web.listen-address=${hosts.prometheus}`],
      '/-/ready',
    )
    await start(
      'alertmanager',
      alertmanager,
      [
        ...commandOf('alertmanager'),
        `--web.listen-address=${hosts.alertmanager}`,
        '--cluster.listen-address=',
      ],
      '/-/ready',
    )
    const listen = (name: ServiceName): string => `--http-address=${hosts[name]}`
    await start(
      'agent',
      process.execPath,
      [cli, 'agent', ...commandOf('agent'), listen('agent'), '--grpc-address=127.0.0.1:0'],
      '/-/ready',
    )
    await start(
      'thaw',
      process.execPath,
      [cli, ...commandOf('thaw'), listen('thaw'), '--memory.limit=1GiB'],
      '/-/ready',
    )
    if (grafana) {
      const env = Object.entries(services.grafana.environment!).map(([name, text]) => [
        name,
        here(text),
      ])
      const server = await startGrafana({
        ...grafana,
        provisioning: join(etc, 'grafana/provisioning'),
        port: Number(hosts.grafana.split(':')[1]),
        env: Object.fromEntries(env) as Record<string, string>,
      })
      running.set('grafana', server)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { hosts, log: (service) => running.get(service)?.log() ?? '', stop }
}
