/** What a clone of the repository would be, of the files as they are now, with the dependencies that are installed here. */
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, exists } from '#test/peer/cache.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Checkout {
  readonly dir: string
  remove(): Promise<void>
}

export async function makeCheckout(): Promise<Checkout> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-clone-'))
  const listed = await command(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    {
      cwd: ROOT,
    },
  )
  for (const path of listed
    .split('\0')
    .filter((name) => name !== '' && !name.startsWith('test/'))) {
    if (!(await exists(join(ROOT, path)))) continue // deleted, and not committed yet
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await cp(join(ROOT, path), join(dir, path))
  }
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) }
}
