import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TickTime } from '#lib/rules/tick/tick-time.ts'

describe('the time of a tick', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function ended({ cut, delivery, signal }: TickTime): string {
    const names = { evaluations: cut, deliveries: delivery, all: signal }
    return Object.entries(names)
      .filter(([, one]) => one.aborted)
      .map(([name]) => name)
      .join()
  }

  it.each([
    ['a minute', 60_000, 45_000, 58_000],
    ['four seconds', 4000, 3000, 3600],
  ])(
    'of %s is left for deliveries, and then for writing down what was delivered',
    (_, lastsMs, cutMs, deliveryMs) => {
      const time = new TickTime(1000, 1000 + lastsMs, undefined)
      expect(time.cutMs).toBe(1000 + cutMs)
      vi.advanceTimersByTime(cutMs - 1)
      expect(ended(time)).toBe('')
      vi.advanceTimersByTime(1)
      expect(ended(time)).toBe('evaluations')
      vi.advanceTimersByTime(deliveryMs - cutMs)
      expect(ended(time)).toBe('evaluations,deliveries')
      vi.advanceTimersByTime(lastsMs - deliveryMs)
      expect(ended(time)).toBe('evaluations,deliveries,all')
    },
  )

  it('ends with whoever runs it, and keeps no timer', () => {
    const outer = new AbortController()
    const time = new TickTime(0, 60_000, outer.signal)
    outer.abort()
    expect(ended(time)).toBe('evaluations,deliveries,all')
    time.end()
    expect(vi.getTimerCount()).toBe(0)
  })
})
