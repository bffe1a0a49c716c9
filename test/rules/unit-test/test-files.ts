/** Our files of unit tests. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const TEST_FILES_DIRECTORY = fileURLToPath(new URL('files', import.meta.url))

/** Without their folder. */
export const TEST_FILES: readonly string[] = readdirSync(TEST_FILES_DIRECTORY)
  .filter((name) => /\.test(\.yaml)?$/.test(name))
  .sort()
