/** Two agents on one data directory find each other; one that is killed is forgotten. */
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { type Logger, SILENT } from '#agent/logger.ts'
import { meterOf } from '#agent/metrics.ts'
import { watchRivals } from '#agent/watch-rivals.ts'
import { temporaryDir } from './block-fixture.ts'

const stops: (() => Promise<void>)[] = []

afterEach(async () => {
  while (stops.length > 0) await stops.pop()!()
})

function watcher(tsdbPath: string) {
  const warnings: string[] = []
  const logger: Logger = { ...SILENT, warn: (_, message) => void warnings.push(message) }
  const registry = new Registry()
  const stop = new AbortController()
  const parts = { logger, meter: meterOf(registry, ''), now: Date.now }
  const running = watchRivals(tsdbPath, parts, stop.signal, 20)
  const end = async (): Promise<void> => {
    stop.abort()
    await running
  }
  stops.push(end)
  return {
    warnings,
    end,
    rivals: async () =>
      (await registry.getSingleMetric('thaw_agent_rivals')!.get()).values[0]!.value,
  }
}

async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500 && !(await fact()); i++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('agents on one data directory', () => {
  it('are told of each other once, until one leaves', async () => {
    const tsdbPath = await temporaryDir()
    const [a, b] = [watcher(tsdbPath), watcher(tsdbPath)]
    await until(() => a.warnings.length > 0 && b.warnings.length > 0)
    expect(await a.rivals()).toBe(1)
    await b.end()
    await until(async () => (await a.rivals()) === 0)
    expect(await a.rivals()).toBe(0)
    expect(a.warnings).toEqual(['another agent runs on this data directory'])
    await a.end()
    expect(await readdir(join(tsdbPath, 'thanos', 'agents'))).toEqual([])
  })

  it('are not told of one that was killed just now', async () => {
    const tsdbPath = await temporaryDir()
    const dir = join(tsdbPath, 'thanos', 'agents')
    await mkdir(dir, { recursive: true })
    await writeFile(join(dir, '01KILLED'), 'host 1\n')
    const a = watcher(tsdbPath)
    await until(async () => !(await readdir(dir)).includes('01KILLED'))
    expect(await readdir(dir)).toHaveLength(1)
    expect(await a.rivals()).toBe(0)
    expect(a.warnings).toEqual([])
  })

  it('are not told of one that was killed long ago', async () => {
    const tsdbPath = await temporaryDir()
    const dir = join(tsdbPath, 'thanos', 'agents')
    await mkdir(dir, { recursive: true })
    await writeFile(join(dir, 'killed'), '')
    await utimes(join(dir, 'killed'), 0, 0)
    const a = watcher(tsdbPath)
    await until(async () => !(await readdir(dir)).includes('killed'))
    await a.end()
    expect(await readdir(dir)).toEqual([])
    expect(a.warnings).toEqual([])
  })

  it('go on where nothing can be written', async () => {
    const file = join(await temporaryDir(), 'file')
    await writeFile(file, '')
    const a = watcher(file)
    await new Promise((resolve) => setTimeout(resolve, 60))
    await a.end()
    expect(a.warnings).toEqual([])
  })
})
