/** Alertmanager, as Debian packages it, and a receiver of its notifications. */
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { cachedDirectory, command, findOnPath, type Missing } from './cache.ts'
import { answers, freePort, type PeerServer, startServer } from './server.ts'

export interface Alertmanager {
  readonly binary: string
}

/** That of the PATH; else the package is unpacked into the cache, with nothing installed. */
export async function findAlertmanager(): Promise<Alertmanager | Missing> {
  const found = await findOnPath('prometheus-alertmanager')
  if (found !== undefined) return { binary: found }
  const directory = await cachedDirectory('debian-alertmanager', async (into) => {
    await command('apt-get', ['download', 'prometheus-alertmanager'], { cwd: into })
    await command('sh', ['-c', 'for p in *.deb; do dpkg -x "$p" . && rm "$p"; done'], { cwd: into })
  })
  if (typeof directory !== 'string') return directory
  const binary = join(directory, 'usr/bin/prometheus-alertmanager')
  try {
    await command(binary, ['--version'])
    return { binary }
  } catch (error) {
    return { missing: `${binary} does not run: ${(error as Error).message}` }
  }
}

export interface AlertmanagerSettings {
  readonly binary: string
  readonly dataDir: string
  /** The text of alertmanager.yml. */
  readonly config: string
  readonly flags?: readonly string[] | undefined
  readonly port?: number | undefined
  /** Where it is not http without a password. */
  readonly ready?: ((url: string) => Promise<boolean>) | undefined
}

export interface AlertmanagerServer extends PeerServer {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly port: number
}

/** Alone, without a cluster. The data directory is the caller's and stays: one that starts again knows what it told. */
export async function startAlertmanager(
  settings: AlertmanagerSettings,
): Promise<AlertmanagerServer> {
  const { binary, dataDir, config, flags = [], ready = (at) => answers(`${at}/-/ready`) } = settings
  const port = settings.port ?? (await freePort())
  await mkdir(dataDir, { recursive: true })
  const configFile = join(dataDir, 'alertmanager.yml')
  await writeFile(configFile, config)
  const url = `http://127.0.0.1:${port}`
  const server = await startServer({
    file: binary,
    args: [
      `--config.file=${configFile}`,
      `--storage.path=${join(dataDir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
      ...flags,
    ],
    cwd: dataDir,
    ready: () => ready(url),
  })
  return { ...server, url, port }
}

/** What Alertmanager tells a webhook, as far as tests look at it. */
export interface Notification {
  readonly status: 'firing' | 'resolved'
  readonly groupLabels: Readonly<Record<string, string>>
  readonly alerts: readonly {
    readonly status: 'firing' | 'resolved'
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
    readonly startsAt: string
    readonly endsAt: string
    readonly generatorURL: string
  }[]
}

export interface Webhook {
  readonly url: string
  /** In the order in which they came. */
  readonly notifications: readonly Notification[]
  close(): void
}

export async function startWebhook(): Promise<Webhook> {
  const notifications: Notification[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      notifications.push(JSON.parse(Buffer.concat(parts).toString()) as Notification)
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    notifications,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
