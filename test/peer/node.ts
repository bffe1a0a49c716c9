/** Other versions of Node, from npm. */
import { join } from 'node:path'
import { cachedDirectory, command, type Missing } from './cache.ts'

export interface NodePeer {
  readonly binary: string
}

/** The oldest line that the bundled agent promises to run on. About 120 MB the first time. */
export async function findNode22(): Promise<NodePeer | Missing> {
  const name = `node-${process.platform}-${process.arch}`
  const version = '22.23.3'
  const directory = await cachedDirectory(`node-${version}`, async (making) => {
    const args = ['install', '--prefix', making, '--no-audit', '--no-fund', '--ignore-scripts']
    await command('npm', [...args, `${name}@${version}`])
  })
  if (typeof directory !== 'string') return directory
  return { binary: join(directory, 'node_modules', name, 'bin', 'node') }
}
