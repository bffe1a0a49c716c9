/** Prometheus, promtool and the node exporter, as Debian packages them. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cachedDirectory, command, exists, findOnPath, type Missing } from './cache.ts'
import { answers, freePort, type PeerServer, startServer } from './server.ts'

export interface Prometheus {
  readonly binary: string
  readonly promtool: string
  readonly nodeExporter: string | undefined
  /** `2.42.0`. */
  readonly version: string
}

/** Those of the PATH; else the packages are unpacked into the cache, with nothing installed. */
export async function findPrometheus(): Promise<Prometheus | Missing> {
  const [binary, promtool, exporter] = await Promise.all([
    findOnPath('prometheus'),
    findOnPath('promtool'),
    findOnPath('prometheus-node-exporter'),
  ])
  if (binary !== undefined && promtool !== undefined) {
    return withVersion(binary, promtool, exporter)
  }
  const directory = await cachedDirectory('debian-prometheus', unpackPackages)
  if (typeof directory !== 'string') return directory
  const bin = join(directory, 'usr/bin')
  const unpackedExporter = join(bin, 'prometheus-node-exporter')
  return withVersion(
    join(bin, 'prometheus'),
    join(bin, 'promtool'),
    (await exists(unpackedExporter)) ? unpackedExporter : undefined,
  )
}

export interface PrometheusSettings {
  readonly binary: string
  readonly dataDir: string
  /** The text of prometheus.yml. */
  readonly config: string
  readonly flags?: readonly string[] | undefined
  readonly port?: number | undefined
  /** Where it does not answer everybody. */
  readonly authorization?: string | undefined
  /** Its agent mode knows no `--storage.tsdb.path`. */
  readonly agentMode?: boolean | undefined
}

export interface PrometheusServer extends PeerServer {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly port: number
}

/** Resolves when it is ready to answer queries. The data directory is the caller's and stays. */
export async function startPrometheus(settings: PrometheusSettings): Promise<PrometheusServer> {
  const port = settings.port ?? (await freePort())
  await mkdir(settings.dataDir, { recursive: true })
  const configFile = join(settings.dataDir, 'prometheus.yml')
  await writeFile(configFile, settings.config)
  const url = `http://127.0.0.1:${port}`
  const { authorization } = settings
  const server = await startServer({
    file: settings.binary,
    args: [
      `--config.file=${configFile}`,
      ...(settings.agentMode
        ? ['--agent', `--storage.agent.path=${settings.dataDir}`]
        : [`--storage.tsdb.path=${settings.dataDir}`]),
      `--web.listen-address=127.0.0.1:${port}`,
      ...(settings.flags ?? []),
    ],
    cwd: settings.dataDir,
    ready: () => answers(`${url}/-/ready`, authorization === undefined ? {} : { authorization }),
  })
  return { ...server, url, port }
}

export async function startNodeExporter(binary: string): Promise<PrometheusServer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = await startServer({
    file: binary,
    args: [`--web.listen-address=127.0.0.1:${port}`],
    ready: () => answers(`${url}/`),
  })
  return { ...server, url, port }
}

async function withVersion(
  binary: string,
  promtool: string,
  nodeExporter: string | undefined,
): Promise<Prometheus | Missing> {
  try {
    const text = await command(binary, ['--version'])
    const version = /version (\d+\.\d+\.\d+\S*)/.exec(text)?.[1]
    if (version === undefined) return { missing: `${binary} does not say its version` }
    // Debian's own suffix is no part of it.
    return { binary, promtool, nodeExporter, version: version.replace(/[+~-].*$/, '') }
  } catch (error) {
    return { missing: `${binary} does not run: ${(error as Error).message}` }
  }
}

async function unpackPackages(directory: string): Promise<void> {
  await command('apt-get', ['download', 'prometheus', 'prometheus-node-exporter'], {
    cwd: directory,
  })
  await command(
    'sh',
    ['-c', 'for package in *.deb; do dpkg -x "$package" . && rm "$package"; done'],
    { cwd: directory },
  )
}
