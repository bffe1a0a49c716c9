/** MinIO, built from its last public source through the Go module proxy. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cachedDirectory, command, findOnPath, type Missing } from './cache.ts'
import type { S3Server } from './s3-server.ts'
import { answers, freePort, startServer } from './server.ts'

/** The tip of 2026-02-12, which only adds to the release of 2025-10-15; release tags cannot be asked for by name. */
const VERSION = 'v0.0.0-20260212201848-7aac2a2c5b7c'

export interface Minio {
  readonly binary: string
}

/** Builds it when it is neither on the PATH nor in the cache: about two minutes and 2 GB of Go caches. */
export async function findMinio(): Promise<Minio | Missing> {
  const installed = await findOnPath('minio')
  if (installed !== undefined) return { binary: installed }
  const directory = await cachedDirectory(`minio-${VERSION}`, async (making) => {
    await command('go', ['install', '-ldflags', '-s -w', `github.com/minio/minio@${VERSION}`], {
      env: { GOBIN: making, CGO_ENABLED: '0' },
    })
  })
  return typeof directory === 'string' ? { binary: join(directory, 'minio') } : directory
}

export interface MinioSettings {
  /** The only one that it takes requests for. */
  readonly region?: string | undefined
  /** Requests at one time; the others are told to slow down. */
  readonly maxRequests?: number | undefined
}

/** With objects in a directory that goes away at the end. */
export async function startMinio(
  { binary }: Minio,
  { region, maxRequests }: MinioSettings = {},
): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-minio-'))
  const [port, consolePort] = [await freePort(), await freePort()]
  const [accessKey, secretKey] = ['thaw', 'thaw-secret']
  const server = await startServer({
    file: binary,
    args: [
      'server',
      '--quiet',
      '--address',
      `127.0.0.1:${port}`,
      '--console-address',
      `127.0.0.1:${consolePort}`,
      directory,
    ],
    env: {
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_BROWSER: 'off',
      ...(region !== undefined && { MINIO_SITE_REGION: region, MINIO_REGION: region }),
      ...(maxRequests !== undefined && {
        MINIO_API_REQUESTS_MAX: String(maxRequests),
        MINIO_API_REQUESTS_DEADLINE: '1ms',
      }),
    },
    ready: () => answers(`http://127.0.0.1:${port}/minio/health/ready`),
  })
  return {
    ...server,
    endpoint: `127.0.0.1:${port}`,
    region,
    accessKey,
    secretKey,
    async stop() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
