import { describe, expect, it } from 'vitest'
import { openOnce } from '#lib/lambda/open-once.ts'

describe('openOnce', () => {
  it('begins at once, and opens once', async () => {
    let times = 0
    const opened = openOnce(async () => ++times)
    expect(times).toBe(1)
    expect(await Promise.all([opened(), opened()])).toEqual([1, 1])
    expect([await opened(), times]).toEqual([1, 1])
  })

  it('tells those who wait that it failed, and begins anew for the next', async () => {
    let times = 0
    const opened = openOnce(async () => {
      await Promise.resolve()
      if (++times < 3) throw new Error(`failed ${times}`)
      return times
    })
    const both = await Promise.allSettled([opened(), opened()])
    expect(both.map((one) => (one as PromiseRejectedResult).reason)).toEqual([
      new Error('failed 1'),
      new Error('failed 1'),
    ])
    await expect(opened()).rejects.toThrow('failed 2')
    expect(await opened()).toBe(3)
    expect(await opened()).toBe(3)
  })

  it('ends no process where it failed before anybody waited', async () => {
    let times = 0
    const opened = openOnce(async () => {
      if (++times === 1) throw new Error('too early')
      return times
    })
    // Node looks for rejections that nobody handles when a turn of its event loop is over.
    await new Promise((resolve) => setImmediate(resolve))
    expect(await opened()).toBe(2)
  })
})
