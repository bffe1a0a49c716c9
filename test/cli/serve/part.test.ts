/** The supervision of a part's thread: started again, healthy, ready, stopped. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { SILENT } from '#agent/logger.ts'
import { Part } from '#cli/serve/part.ts'
import type { DomainError } from '#lib/model/errors.ts'

const NEVER = new AbortController().signal

interface World {
  ms: number
  refused: DomainError | undefined
}

function start(flags: string): { readonly part: Part; readonly world: World } {
  const world: World = { ms: 1000, refused: undefined }
  const part = new Part({
    data: {
      name: 'rule',
      flags,
      yaml: '',
      env: {},
      log: { level: 'error', format: 'logfmt' },
      cacheBytes: 1,
    },
    entry: new URL('fake-part.ts', import.meta.url),
    logger: SILENT,
    now: () => world.ms,
    pauseMs: () => 1,
    onRefused: (error) => (world.refused = error),
  })
  onTestFinished(() => part.stop(0, NEVER))
  return { part, world }
}

const until = (fact: () => void): Promise<void> =>
  vi.waitFor(fact, { timeout: 20_000, interval: 5 })

describe('a part', () => {
  it('is ready once its thread says so, and knows when it last did its work', async () => {
    const { part, world } = start('work')
    expect(part.ready).toBe('rule: it is starting')
    await until(() => expect(part.ready).toBe(true))
    expect([part.healthy, part.workedMs, part.restarts]).toEqual([true, 0, 0])
    world.ms = 5000
    part.reload()
    await until(() => expect(part.workedMs).toBe(5000))
    expect(await part.metrics()).toEqual([])
  })

  it('that fails at its work is healthy, and says why it is not ready', async () => {
    const { part } = start('fail')
    await until(() => expect(part.ready).toBe('rule: the bucket is away'))
    expect(part.healthy).toBe(true)
  })

  it('is started again when its thread ends, and is not healthy when that goes on', async () => {
    const { part } = start('end')
    await until(() => expect(part.healthy).not.toBe(true))
    expect(part.healthy).toMatch(/^rule: its thread ended \d+ times in a row: out of luck/)
    expect(part.restarts).toBeGreaterThanOrEqual(3)
  })

  it('is healthy when it got work done between two ends', async () => {
    const { part } = start('work, end')
    await until(() => expect(part.restarts).toBeGreaterThanOrEqual(4))
    expect(part.healthy).toBe(true)
  })

  it('is not healthy when its thread is silent', async () => {
    const { part, world } = start('work')
    await until(() => expect(part.ready).toBe(true))
    world.ms += 5 * 60_000
    expect(part.healthy).toBe('rule: its thread is silent for 300 s')
  })

  it('that can not work as it is set up ends the process, and is not tried again', async () => {
    const { part, world } = start('refuse')
    await until(() => expect(world.refused?.message).toBe('rule: the file is not there'))
    expect(world.refused?.kind).toBe('invalid')
    await part.stop(0, NEVER)
    expect(part.restarts).toBe(0)
  })

  it('ends by itself when it is told to, and is ended when it does not', async () => {
    const { part } = start('work')
    await until(() => expect(part.ready).toBe(true))
    await part.stop(60_000, NEVER)
    expect(await part.metrics()).toEqual([])
    for (const how of ['grace', 'kill'] as const) {
      const stuck = start('never end').part
      await until(() => expect(stuck.ready).toBe(true))
      const kill = new AbortController()
      const stopped = stuck.stop(how === 'grace' ? 10 : 60_000, kill.signal)
      if (how === 'kill') kill.abort()
      await stopped
      expect(stuck.restarts).toBe(0)
    }
  })
})
