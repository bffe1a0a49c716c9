/** SeaweedFS with its S3 door, all its servers in one process: the `weed` that THAW_WEED names, or that of the PATH. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exists, findOnPath, type Missing } from './cache.ts'
import type { S3Server } from './s3-server.ts'
import { answers, freePort, startServer } from './server.ts'

export interface SeaweedFs {
  readonly binary: string
}

export async function findSeaweedFs(): Promise<SeaweedFs | Missing> {
  const named = process.env['THAW_WEED']
  if (named !== undefined) {
    return (await exists(named))
      ? { binary: named }
      : { missing: `THAW_WEED: there is no ${named}` }
  }
  const binary = await findOnPath('weed')
  if (binary !== undefined) return { binary }
  return { missing: 'THAW_WEED names no SeaweedFS, and weed is not on the PATH' }
}

export interface SeaweedPorts {
  /** For ports of 127.0.0.1 that are free, beside that of S3. */
  readonly flags: readonly string[]
  /** Whether there is room for objects: until then each write is an error. */
  readonly ready: () => Promise<boolean>
}

export async function seaweedPorts(): Promise<SeaweedPorts> {
  const master = await freePort()
  const flags = ['-ip=127.0.0.1', '-ip.bind=127.0.0.1', `-master.port=${master}`]
  const others = ['master.port.grpc', 's3.port.grpc']
  for (const server of ['volume', 'filer']) others.push(`${server}.port`, `${server}.port.grpc`)
  for (const name of others) flags.push(`-${name}=${await freePort()}`)
  return {
    flags: [...flags, '-s3.port.iceberg=0', '-s3.port.lance=0'],
    ready: () => answers(`http://127.0.0.1:${master}/dir/assign`),
  }
}

/** With objects in a directory that goes away at the end. */
export async function startSeaweedFs({ binary }: SeaweedFs): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-weed-'))
  const port = await freePort()
  const [accessKey, secretKey] = ['thaw', 'thaw-secret']
  const users = join(directory, 's3.json')
  const actions = ['Admin', 'Read', 'List', 'Tagging', 'Write']
  const credentials = [{ accessKey, secretKey }]
  await writeFile(users, JSON.stringify({ identities: [{ name: 'thaw', credentials, actions }] }))
  const ports = await seaweedPorts()
  const server = await startServer({
    file: binary,
    args: [
      'server',
      `-dir=${directory}`,
      // Each bucket wants some of its own.
      '-volume.max=100',
      '-s3',
      `-s3.port=${port}`,
      `-s3.config=${users}`,
      ...ports.flags,
    ],
    ready: async () => (await answers(`http://127.0.0.1:${port}/status`)) && ports.ready(),
  })
  return {
    ...server,
    endpoint: `127.0.0.1:${port}`,
    accessKey,
    secretKey,
    async stop() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
