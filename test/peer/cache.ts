/** Where real servers for tests are kept once they were fetched or built: `.cache/peers` in the checkout. */
import { execFile } from 'node:child_process'
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Why a peer cannot be had here; tests that need it are skipped with this. */
export interface Missing {
  readonly missing: string
}

export const PEER_CACHE = fileURLToPath(new URL('../../.cache/peers/', import.meta.url))

/** Long enough to build MinIO on a small machine. */
const COMMAND_TIMEOUT_MS = 15 * 60_000

const run = promisify(execFile)

export function isMissing(peer: object): peer is Missing {
  return 'missing' in peer
}

/**
 * The directory `name` of the cache, made by `fill` if it is not there. `fill` works beside it, and a rename
 * makes it visible, so a run that is killed leaves nothing half done, and two at once do no harm.
 */
export async function cachedDirectory(
  name: string,
  fill: (directory: string) => Promise<void>,
): Promise<string | Missing> {
  const directory = join(PEER_CACHE, name)
  if (await exists(directory)) return directory
  const making = join(PEER_CACHE, `${name}.${process.pid}.tmp`)
  try {
    await mkdir(making, { recursive: true })
    await fill(making)
    await rename(making, directory).catch(async (error: unknown) => {
      if (!(await exists(directory))) throw error // else another run was faster
    })
    return directory
  } catch (error) {
    return { missing: `${name}: ${reasonOf(error)}` }
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

export async function command(
  file: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): Promise<string> {
  const { stdout } = await run(file, [...args], {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    timeout: COMMAND_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}

export async function findOnPath(name: string): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(':')) {
    const path = join(directory, name)
    if (directory !== '' && (await exists(path))) return path
  }
  return undefined
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** The last line a failed command said, because tools explain at the end. */
export function reasonOf(error: unknown): string {
  const { stderr, message, code } = error as { stderr?: string; message?: string; code?: unknown }
  if (code === 'ENOENT') return `${message ?? 'command'} (not installed)`
  const lines = (stderr ?? '').trim().split('\n').filter(Boolean)
  return lines.at(-1) ?? message ?? String(error)
}
