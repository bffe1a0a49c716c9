/** The AWS CLI, from the PATH or PyPI: pages name its commands, which tests run. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cachedDirectory, command, findOnPath, type Missing } from './cache.ts'

const VERSION = '1.46.3'

export interface AwsCli {
  /** A directory to put on the PATH. */
  readonly bin: string
}

/** About half a minute and 200 MB the first time. */
export async function findAwsCli(): Promise<AwsCli | Missing> {
  const installed = await findOnPath('aws')
  if (installed !== undefined) return { bin: join(installed, '..') }
  const directory = await cachedDirectory(`awscli-${VERSION}`, async (making) => {
    await command('python3', ['-m', 'venv', join(making, 'venv')])
    await command(join(making, 'venv/bin/pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `awscli==${VERSION}`,
    ])
    // Its own script names the interpreter by a path that is about to change.
    const script = '#!/bin/sh\nexec "$(dirname "$0")/../venv/bin/python3" -m awscli "$@"\n'
    await mkdir(join(making, 'bin'))
    await writeFile(join(making, 'bin/aws'), script, { mode: 0o755 })
  })
  return typeof directory === 'string' ? { bin: join(directory, 'bin') } : directory
}
