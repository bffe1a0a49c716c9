import { describe, expect, it } from 'vitest'
import { runHistory } from './history.ts'

/** Another one gives other histories; many more with run.ts. */
const SEED = Number(process.env['THAW_SEED'] ?? 1)
const COUNT = 24

describe(`${COUNT} histories of a bucket, made by chance`, () => {
  it.each(Array.from({ length: COUNT }, (_, i) => SEED * 1000 + i))(
    'change no answer and leave nothing behind, seed %d',
    async (seed) => {
      const { failures } = await runHistory(seed)
      expect(failures).toEqual([])
    },
  )

  it('are the same for the same seed', async () => {
    const [first, second] = [await runHistory(SEED), await runHistory(SEED)]
    expect(first.log).toEqual(second.log)
    expect(first.counts.deaths).toBeGreaterThan(0)
  })
})
