/** Grafana's server, with what it is provisioned with and a database of its own. Its API is asked; pages need not be built. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exists, type Missing } from './cache.ts'
import { answers, freePort, type PeerServer, startServer } from './server.ts'

export interface Grafana {
  /** With `bin`, `conf` and `public`. */
  readonly homepath: string
}

/** Where packages put it. */
const INSTALLED = '/usr/share/grafana'

export async function findGrafana(): Promise<Grafana | Missing> {
  const named = process.env['THAW_GRAFANA']
  const homepath = named ?? INSTALLED
  if (await exists(binaryOf(homepath))) return { homepath }
  return {
    missing:
      named === undefined
        ? `THAW_GRAFANA names no home of Grafana, and there is none in ${INSTALLED}`
        : `THAW_GRAFANA: there is no ${binaryOf(named)}`,
  }
}

export interface GrafanaSettings extends Grafana {
  /** The directory of its provisioning. */
  readonly provisioning: string
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly port?: number | undefined
}

export interface GrafanaServer extends PeerServer {
  /** `http://127.0.0.1:port` */
  readonly url: string
}

/** Whoever asks is its admin. */
export async function startGrafana(settings: GrafanaSettings): Promise<GrafanaServer> {
  const { homepath, provisioning } = settings
  const port = settings.port ?? (await freePort())
  const dir = await mkdtemp(join(tmpdir(), 'thaw-grafana-'))
  const url = `http://127.0.0.1:${port}`
  const server = await startServer({
    file: binaryOf(homepath),
    args: ['server', '--homepath', homepath],
    env: {
      GF_PATHS_PROVISIONING: provisioning,
      GF_PATHS_DATA: dir,
      GF_PATHS_LOGS: dir,
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(port),
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Admin',
      // Its database is a file: who finds it locked tries again.
      GF_DATABASE_WAL: 'true',
      GF_DATABASE_QUERY_RETRIES: '50',
      GF_DATABASE_TRANSACTION_RETRIES: '50',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      ...settings.env,
    },
    ready: () => answers(`${url}/api/health`),
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    await rm(dir, { recursive: true, force: true })
  }
  return { ...server, url, stop }
}

function binaryOf(homepath: string): string {
  return join(homepath, 'bin/grafana')
}
