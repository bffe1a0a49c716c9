import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import { SliceWorkers } from '#lib/query/slice-workers.ts'
import type { FakeEvent } from './fake-worker.ts'

const entry = new URL('./fake-worker.ts', import.meta.url)

describe('SliceWorkers', () => {
  let workers: SliceWorkers
  beforeEach(() => {
    workers = new SliceWorkers({ count: 2, entry, data: undefined })
  })
  afterEach(() => workers.stop())

  async function ask(event: FakeEvent, signal?: AbortSignal): Promise<string> {
    const frames: Uint8Array[] = []
    for await (const frame of workers.invoke(event, signal)) frames.push(frame)
    return Buffer.concat(frames).toString()
  }

  it('uses a thread again, and another one only while the first is busy', async () => {
    expect(workers.leastLoad).toBe(0)
    const first = await ask('thread')
    expect(await ask('thread')).toBe(first)
    const waiting = ask('wait').catch((error: DomainError) => error.kind)
    const second = await ask('thread')
    expect(second).not.toBe(first)
    expect(new Set(await Promise.all([ask('thread'), ask('thread')]))).toEqual(
      new Set([first, second]),
    )
    await workers.stop()
    expect(await waiting).toBe('unavailable')
  })

  it('ends threads that have nothing to do, and starts others when they are wanted', async () => {
    const waiting = ask('wait').catch((error: DomainError) => error.kind)
    const idle = await ask('thread')
    await workers.endIdle()
    const next = await ask('thread')
    expect(next).not.toBe(idle)
    expect(await ask('thread')).toBe(next)
    const ending = workers.endIdle()
    // One that is about to end is given no more work.
    expect(await ask('thread')).not.toBe(next)
    await ending
    await workers.stop()
    expect(await waiting).toBe('unavailable')
  })

  it('rejects with the reason when the signal aborts, and tells the thread', async () => {
    workers = new SliceWorkers({ count: 1, entry, data: undefined })
    const controller = new AbortController()
    const waiting = ask('wait', controller.signal)
    const reason = new DomainError('timeout', 'query timed out')
    queueMicrotask(() => controller.abort(reason))
    await expect(waiting).rejects.toBe(reason)
    expect(JSON.parse(await ask('cancelled'))).toEqual([1])
    await expect(ask('thread', controller.signal)).rejects.toBe(reason)
  })

  it.each([
    ['exit', { kind: 'unavailable', message: 'a worker thread ended with code 3' }],
    ['memory', { kind: 'limit', message: 'a worker thread ran out of memory' }],
  ] as const)('rejects what a thread worked on when it ends: %s', async (event, error) => {
    const before = await ask('thread')
    await expect(ask(event)).rejects.toMatchObject(error)
    expect(await ask('thread')).not.toBe(before)
  })

  it('is not what ends when a thread has a bug', async () => {
    const before = await ask('thread')
    await expect(ask('bug')).rejects.toThrow('worker thread: x is not a function')
    expect(await ask('thread')).toBe(before)
  })

  it('takes nothing after its end', async () => {
    await ask('thread')
    await workers.stop()
    await expect(ask('thread')).rejects.toMatchObject({ kind: 'unavailable' })
  })
})
