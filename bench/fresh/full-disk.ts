/** Fills the file system of a directory to the last byte, and empties it again. */
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

export async function fillDisk(dir: string): Promise<void> {
  const file = await open(join(dir, 'filler'), 'w')
  try {
    // Smaller and smaller pieces, until not a byte more fits.
    for (let size = 1 << 20; size >= 1; size >>= 4) {
      const piece = new Uint8Array(size)
      while (await fits(file.write(piece))) continue
    }
  } finally {
    await file.close()
  }
}

async function fits(written: Promise<unknown>): Promise<boolean> {
  try {
    await written
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}

export async function emptyDisk(dir: string): Promise<void> {
  await rm(join(dir, 'filler'), { force: true })
}
