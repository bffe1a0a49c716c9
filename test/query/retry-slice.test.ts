import { describe, expect, it } from 'vitest'
import { DomainError, LostError } from '#lib/model/errors.ts'
import { retrySlice } from '#lib/query/retry-slice.ts'

const busy = () => new DomainError('unavailable', 'busy')

function counted(error: () => Error, succeedsAt = Infinity) {
  const state = { calls: 0, pauses: [] as number[] }
  const work = async (): Promise<string> => {
    if (++state.calls >= succeedsAt) return 'answer'
    throw error()
  }
  const pause = async (attempt: number): Promise<void> => {
    state.pauses.push(attempt)
  }
  return { state, work, retries: { attempts: 4, pause } }
}

const signal = () => new AbortController().signal

describe('retrySlice', () => {
  it('tries as often as it may, with a pause before each further try', async () => {
    const { state, work, retries } = counted(busy, 4)
    await expect(retrySlice(retries, signal(), work)).resolves.toBe('answer')
    expect(state).toEqual({ calls: 4, pauses: [1, 2, 3] })
  })

  it('gives up with the last error', async () => {
    const { state, work, retries } = counted(busy)
    await expect(retrySlice(retries, signal(), work)).rejects.toMatchObject({ message: 'busy' })
    expect(state.calls).toBe(4)
  })

  it('gives up sooner on what may be lost because of what it was asked', async () => {
    const { state, work, retries } = counted(() => new LostError('killed'))
    await expect(retrySlice(retries, signal(), work)).rejects.toMatchObject({ message: 'killed' })
    expect(state.calls).toBe(3)
    const one = counted(() => new LostError('killed'))
    await expect(
      retrySlice({ ...one.retries, attempts: 1 }, signal(), one.work),
    ).rejects.toMatchObject({ message: 'killed' })
    expect(one.state.calls).toBe(1)
  })

  it.each(['execution', 'limit', 'corrupt', 'not-found', 'timeout'] as const)(
    'leaves %s alone',
    async (kind) => {
      const { state, work, retries } = counted(() => new DomainError(kind, kind))
      await expect(retrySlice(retries, signal(), work)).rejects.toMatchObject({ kind })
      expect(state.calls).toBe(1)
    },
  )

  it('ends in a pause when nobody waits any more, with the reason', async () => {
    const { state, work } = counted(busy)
    const controller = new AbortController()
    const pause = () => {
      controller.abort(new DomainError('canceled', 'gone'))
      return Promise.reject(new Error('timer was stopped'))
    }
    await expect(retrySlice({ attempts: 4, pause }, controller.signal, work)).rejects.toMatchObject(
      { kind: 'canceled' },
    )
    expect(state.calls).toBe(1)
  })
})
