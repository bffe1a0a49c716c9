/** The stack before the last change of what is deployed: of its own sources, with the dependencies that are installed here. */
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readAssembly } from '#localstack/cloud/assembly.ts'
import { synthesise } from '#localstack/synthesise.ts'
import { command, type Missing } from '#test/peer/cache.ts'
import type { Assembly } from './local-cloud.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** All that a bundle or the template can be made of. */
const DEPLOYED = ['infra', 'functions', 'lib']
const NEEDED = [...DEPLOYED, 'package.json', 'cdk.json', 'tsconfig.json']
/** A change of `lib` may be of what no function has. */
const COMMITS = 20

export interface PreviousStack extends Assembly {
  readonly commit: string
  /** Functions whose code is other now. */
  readonly changed: readonly string[]
}

/** `context` wins over its cdk.json. Missing where there is no history, as in a shallow clone or an archive. */
export async function synthesisePrevious(
  current: Assembly,
  context: Readonly<Record<string, string>>,
): Promise<PreviousStack | Missing> {
  const candidates = await candidatesOf()
  if ('missing' in candidates) return candidates
  const now = codeOf(current.dir)
  for (const commit of candidates) {
    const sources = await mkdtemp(join(tmpdir(), 'thaw-previous-'))
    const dir = await mkdtemp(join(tmpdir(), 'thaw-previous-assembly-'))
    const remove = async (): Promise<void> => {
      await rm(sources, { recursive: true, force: true })
      await rm(dir, { recursive: true, force: true })
    }
    try {
      await checkOut(commit, sources)
      const repository = pathToFileURL(`${sources}/`)
      await synthesise({ outDir: dir, context, repository })
    } catch (error) {
      await remove()
      return { missing: `the stack of ${commit.slice(0, 7)} can't be made here: ${String(error)}` }
    }
    const before = codeOf(dir)
    const changed = [...now.keys()].filter((name) => before.get(name) !== now.get(name))
    if (changed.length > 0) return { dir, remove, commit: commit.slice(0, 7), changed }
    await remove()
  }
  return { missing: `the last ${COMMITS} commits of ${DEPLOYED.join(', ')} changed no function` }
}

/** Newest first: each is the state before a commit that touched what may be deployed. */
async function candidatesOf(): Promise<readonly string[] | Missing> {
  const git = (...args: readonly string[]): Promise<string> => command('git', args, { cwd: ROOT })
  try {
    const log = await git('log', '--format=%H %P', '-n', String(COMMITS), '--', ...DEPLOYED)
    const dirty = await git('status', '--porcelain', '--', ...DEPLOYED)
    const parents = log
      .split('\n')
      .filter(Boolean)
      // The first commit has none, nor has the last that a shallow clone has.
      .flatMap((line) => line.split(' ')[1] || [])
    const known = dirty.trim() === '' ? parents : ['HEAD', ...parents]
    if (known.length > 0) return known
    return {
      missing: 'there is no commit before this one: the clone is shallow (git fetch --unshallow)',
    }
  } catch (error) {
    return { missing: `there is no history of git here: ${String(error)}` }
  }
}

async function checkOut(commit: string, directory: string): Promise<void> {
  const archive = join(directory, 'sources.tar')
  await command('git', ['archive', '--format=tar', '-o', archive, commit, ...NEEDED], { cwd: ROOT })
  await command('tar', ['-xf', archive, '-C', directory])
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
}

/** By the names of the functions. */
function codeOf(directory: string): ReadonlyMap<string, string> {
  const { functions } = readAssembly(directory, {
    queueUrl: (name) => name,
    versionOf: () => '1',
    functionUrl: (id) => id,
  })
  return new Map(functions.map(({ name, codeHash }) => [name, codeHash]))
}
