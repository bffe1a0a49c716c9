/** A directory and all that is in it becomes another user's. */
import { chown, readdir } from 'node:fs/promises'
import { join } from 'node:path'

export async function chownAll(directory: string, id: number): Promise<void> {
  await chown(directory, id, id)
  for (const entry of await readdir(directory, { recursive: true })) {
    await chown(join(directory, entry), id, id)
  }
}
