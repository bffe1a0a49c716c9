/** Where npm gets the dependencies from, by the settings of this machine. */
import { command, type Missing, reasonOf } from './cache.ts'

const TIMEOUT_MS = 20_000

export interface NpmRegistry {
  /** Of npm itself. */
  readonly version: string
}

export async function findNpmRegistry(): Promise<NpmRegistry | Missing> {
  try {
    // One of the dependencies, which the registry must have.
    const quickly = ['--fetch-retries=0', `--fetch-timeout=${TIMEOUT_MS}`, '--prefer-online']
    await command('npm', ['view', 'ulid', 'name', ...quickly])
    return { version: (await command('npm', ['--version'])).trim() }
  } catch (error) {
    return { missing: `npm can't fetch packages: ${reasonOf(error)}` }
  }
}
