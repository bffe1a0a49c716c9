/** What benches make once and keep: directories in `.cache/bench`. */
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exists } from '#test/peer/cache.ts'

const CACHE = fileURLToPath(new URL('../../.cache/bench/', import.meta.url))

/** `fill` works beside the directory and a rename makes it visible, so what is broken off leaves nothing half done. */
export async function madeOnce(
  name: string,
  fill: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(CACHE, name)
  if (await exists(directory)) return directory
  const making = `${directory}.${process.pid}.tmp`
  await mkdir(making, { recursive: true })
  try {
    await fill(making)
    await rename(making, directory)
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  return directory
}
