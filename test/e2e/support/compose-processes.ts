/** The services of `localstack/compose/compose.yml` as processes of this machine: their commands and files, with other hosts and paths. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { findAlertmanager } from '#test/peer/alertmanager.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findMinio } from '#test/peer/minio.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
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

export async function readCompose(): Promise<ComposeFile> {
  return parse(await readFile(join(COMPOSE, 'compose.yml'), 'utf8')) as ComposeFile
}

export interface Programs {
  readonly minio: string
  readonly prometheus: string
  readonly alertmanager: string
}

export async function findPrograms(): Promise<Programs | Missing> {
  const [minio, prometheus, alertmanager] = await Promise.all([
    findMinio(),
    findPrometheus(),
    findAlertmanager(),
  ])
  if (isMissing(minio)) return minio
  if (isMissing(prometheus)) return prometheus
  if (isMissing(alertmanager)) return alertmanager
  return {
    minio: minio.binary,
    prometheus: prometheus.binary,
    alertmanager: alertmanager.binary,
  }
}

export interface ComposeProcesses {
  /** By service; nobody listens at that of Grafana. */
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
  const here = (text: string): string =>
    Object.entries(INSIDE).reduce(
      (changed, [name, inside]) => changed.replaceAll(inside, hosts[name as ServiceName]),
      text,
    )
  for (const folder of ['prometheus', 'alertmanager', '.']) {
    await mkdir(join(dir, 'etc', folder), { recursive: true })
    for (const entry of await readdir(join(COMPOSE, folder), { withFileTypes: true })) {
      if (!entry.isFile()) continue
      const text = await readFile(join(COMPOSE, folder, entry.name), 'utf8')
      await writeFile(join(dir, 'etc', folder, entry.name), here(text))
    }
  }
  const paths: readonly (readonly [string, string])[] = [
    ['/etc/prometheus/', `${dir}/etc/prometheus/`],
    ['/etc/alertmanager/', `${dir}/etc/alertmanager/`],
    ['/etc/thaw/', `${dir}/etc/`],
    ['=/prometheus', `=${dir}/prometheus-data`],
    ['=/alertmanager', `=${dir}/alertmanager-data`],
  ]
  const commandOf = (name: ServiceName): string[] =>
    services[name].command!.map((word) =>
      paths.reduce((text, [from, to]) => text.replace(from, to), here(word)),
    )
  const running = new Map<ServiceName, PeerServer>()
  const start = async (
    name: ServiceName,
    file: string,
    args: readonly string[],
    ready: string,
  ): Promise<void> => {
    const env = services[name].environment
    const url = `http://${hosts[name]}${ready}`
    running.set(name, await startServer({ file, args, env, cwd: dir, ready: () => answers(url) }))
  }
  const cli = join(import.meta.dirname, '../../../cli/main.ts')
  const { minio, prometheus, alertmanager } = programs
  const stop = async (): Promise<void> => {
    for (const server of [...running.values()].reverse()) await server.stop()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    // As the entrypoint of the service does: a directory of the data is a bucket.
    await mkdir(join(dir, 's3-data/thaw'), { recursive: true })
    const address = ['--quiet', '--address', hosts.s3, '--console-address', '127.0.0.1:0']
    await start('s3', minio, ['server', `${dir}/s3-data`, ...address], '/minio/health/ready')
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
  } catch (error) {
    await stop()
    throw error
  }
  return { hosts, log: (service) => running.get(service)?.log() ?? '', stop }
}
