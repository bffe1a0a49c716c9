/** Moto's server, which pretends to be AWS, from PyPI. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cachedDirectory, command, type Missing } from './cache.ts'
import type { S3Server } from './s3-server.ts'
import { answers, freePort, startServer } from './server.ts'

const VERSION = '5.2.1'

export interface Moto {
  /** The interpreter that has moto. */
  readonly python: string
}

/** About two minutes and 200 MB the first time. */
export async function findMoto(): Promise<Moto | Missing> {
  const directory = await cachedDirectory(`moto-${VERSION}`, async (making) => {
    await command('python3', ['-m', 'venv', making])
    await command(join(making, 'bin/pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `moto[server]==${VERSION}`,
    ])
    // Its scripts name the interpreter by a path that is about to change, so the module is run instead.
  })
  return typeof directory === 'string' ? { python: join(directory, 'bin/python3') } : directory
}

export async function startMoto({ python }: Moto): Promise<S3Server> {
  const port = await freePort()
  const server = await startServer({
    file: python,
    args: [
      fileURLToPath(new URL('moto-server.py', import.meta.url)),
      '-H',
      '127.0.0.1',
      '-p',
      String(port),
    ],
    ready: () => answers(`http://127.0.0.1:${port}/moto-api/`),
  })
  return { ...server, endpoint: `127.0.0.1:${port}`, accessKey: 'test', secretKey: 'test' }
}
