/** Two agents on one data directory lose nothing, but do everything twice: each finds out about the other, and says so. */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import type { Logger } from './logger.ts'
import type { Meter } from './metrics.ts'
import { sleep } from './sleep.ts'

export interface RivalParts {
  readonly logger: Logger
  readonly meter: Meter
  readonly now: () => number
}

const INTERVAL_MS = 30_000

/**
 * Keeps a file of its own in `<tsdb>/thanos/agents` young, and looks for other young ones. Processes are not asked:
 * they may be in other containers. Only one that has touched its file since it was first seen is there: one that was killed, or was
 * taken over from, has not.
 */
export async function watchRivals(
  tsdbPath: string,
  { logger, meter, now }: RivalParts,
  stopping: AbortSignal,
  intervalMs = INTERVAL_MS,
): Promise<void> {
  const rivals = meter.gauge('thaw_agent_rivals', 'Other agents on this data directory')
  const dir = join(tsdbPath, 'thanos', 'agents')
  const own = ulid(now())
  /** When each had touched its file as it was first seen. */
  const known = new Map<string, number>()
  const told = new Set<string>()
  while (!stopping.aborted) {
    try {
      let count = 0
      for (const { name, mtimeMs } of await meet()) {
        if (!known.has(name)) known.set(name, mtimeMs)
        if (known.get(name) === mtimeMs) continue
        count++
        if (told.has(name)) continue
        logger.warn({ tsdbPath, agent: name }, 'another agent runs on this data directory')
        told.add(name)
      }
      rivals.set(count)
    } catch (error) {
      // What must be able to write there says so itself.
      logger.debug({ err: error }, 'other agents not looked for')
    }
    await sleep(intervalMs, stopping)
  }
  await rm(join(dir, own), { force: true }).catch(() => {})

  /** Those whose files are young, by the clock of the file system. Old files are removed. */
  async function meet(): Promise<{ name: string; mtimeMs: number }[]> {
    const file = join(dir, own)
    // A directory that is not there is not made: its absence means something.
    await stat(tsdbPath)
    await mkdir(dir, { recursive: true, mode: 0o750 })
    await writeFile(file, `${hostname()} ${process.pid}\n`)
    const { mtimeMs } = await stat(file)
    const others: { name: string; mtimeMs: number }[] = []
    for (const name of await readdir(dir)) {
      if (name === own) continue
      const other = await stat(join(dir, name)).catch(() => undefined)
      if (other === undefined) continue
      if (mtimeMs - other.mtimeMs < 3 * intervalMs) others.push({ name, mtimeMs: other.mtimeMs })
      else await rm(join(dir, name), { force: true })
    }
    return others
  }
}
