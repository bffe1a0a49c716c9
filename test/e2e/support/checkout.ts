/** The repository as one clones it: what is checked out here, with edits that are not committed yet as a commit more. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, exists, type Missing, reasonOf } from '#test/peer/cache.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Upstream {
  /** For `git clone`. */
  readonly url: string
  /** Commits what `edit` does to the files. */
  commit(message: string, edit: (dir: string) => Promise<void>): Promise<void>
  remove(): Promise<void>
}

/** An archive of the files is none. */
export async function findRepository(): Promise<{ readonly dir: string } | Missing> {
  try {
    await command('git', ['rev-parse', '--verify', 'HEAD'], { cwd: ROOT })
    return { dir: ROOT }
  } catch (error) {
    return { missing: `there is nothing to clone: ${reasonOf(error)}` }
  }
}

export async function makeUpstream(): Promise<Upstream> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-upstream-'))
  const git = (cwd: string, ...args: readonly string[]): Promise<string> =>
    command('git', args, { cwd })
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true })
  const commit: Upstream['commit'] = async (message, edit) => {
    await edit(dir)
    await git(dir, 'add', '--all')
    const author = ['user.name=somebody', 'user.email=somebody@localhost', 'commit.gpgSign=false']
    const settings = author.flatMap((one) => ['-c', one])
    await git(dir, ...settings, 'commit', '--quiet', '--no-verify', '--message', message)
  }
  try {
    await git(ROOT, 'clone', '--quiet', ROOT, dir)
    // Where a commit is checked out and no branch, as CI does, there would be nothing to pull.
    await git(dir, 'checkout', '--quiet', '-B', 'main')
    const edited = await editedPaths((...args) => git(ROOT, ...args))
    if (edited.length > 0) await commit('edits', (into) => layOver(edited, into))
    return { url: dir, commit, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function editedPaths(git: (...args: readonly string[]) => Promise<string>) {
  const status = await git('status', '--porcelain', '-z', '--untracked-files=all', '--no-renames')
  return status
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => line.slice('XY '.length))
}

async function layOver(paths: readonly string[], into: string): Promise<void> {
  for (const path of paths) {
    const from = join(ROOT, path)
    const to = join(into, path)
    if (await exists(from)) {
      await mkdir(dirname(to), { recursive: true })
      await cp(from, to)
    } else await rm(to, { force: true })
  }
}
