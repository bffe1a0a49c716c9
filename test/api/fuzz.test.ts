/** A few of the requests that `node test/api/fuzz/run.ts` asks many of. */
import { beforeAll, describe, expect, it } from 'vitest'
import { fuzz, fuzzTarget, halfSent, largeBodies, type FuzzTarget } from './fuzz/fuzz.ts'

describe('whatever is asked', () => {
  let target: FuzzTarget

  beforeAll(async () => {
    target = await fuzzTarget()
  })

  it('the answer is an answer', async () => {
    const { flaws, statuses } = await fuzz(target, { count: 1500, seed: 7 })
    expect(flaws).toEqual([])
    // Or nothing is asked that is answered.
    expect(statuses.get(200)).toBeGreaterThan(200)
    expect(statuses.get(400)).toBeGreaterThan(200)
  })

  it('a body of 10 MB is read, a byte more is refused', async () => {
    expect(await largeBodies(target)).toEqual([200, 400, 400, 400, 200, 400, 400, 400])
  })

  it('a request that breaks off leaves the server well', async () => {
    await halfSent(target, 50, 7)
    expect(target.logged).toEqual([])
  })
})
