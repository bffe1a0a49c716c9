/** Moto's server, which pretends to be AWS, from PyPI. */
import { join } from 'node:path'
import { cachedDirectory, command, findOnPath, type Missing } from './cache.ts'
import type { S3Server } from './s3-server.ts'
import { answers, freePort, startServer } from './server.ts'

const VERSION = '5.2.1'

export interface Moto {
  readonly binary: string
}

/** About two minutes and 200 MB the first time. */
export async function findMoto(): Promise<Moto | Missing> {
  const installed = await findOnPath('moto_server')
  if (installed !== undefined) return { binary: installed }
  const directory = await cachedDirectory(`moto-${VERSION}`, async (making) => {
    await command('python3', ['-m', 'venv', making])
    await command(join(making, 'bin/pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `moto[server]==${VERSION}`,
    ])
    // Scripts in there name the interpreter by its absolute path, which the cache is about to change.
  })
  return typeof directory === 'string' ? { binary: join(directory, 'bin/python3') } : directory
}

export async function startMoto({ binary }: Moto): Promise<S3Server> {
  const port = await freePort()
  const listen = ['-H', '127.0.0.1', '-p', String(port)]
  const server = await startServer({
    file: binary,
    args: binary.endsWith('moto_server') ? listen : ['-m', 'moto.server', ...listen],
    ready: () => answers(`http://127.0.0.1:${port}/moto-api/`),
  })
  return { ...server, endpoint: `127.0.0.1:${port}`, accessKey: 'test', secretKey: 'test' }
}
