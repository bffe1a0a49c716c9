/** Whatever happens on the way from packs to blocks, queries find every sample, once, at any moment. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FreshWorld, HOUR, MINUTE } from './fresh-world.ts'
import { madeEpoch, putEpoch } from './made-packs.ts'

const NOON = Date.UTC(2026, 10, 21, 12)

/** What happens to the next job, or to the plan. */
const event = fc.record({
  kind: fc.constantFrom('run', 'run', 'kill', 'kill-plan', 'twice', 'ship', 'only-plan'),
  request: fc.integer({ min: 1, max: 40 }),
  isLost: fc.boolean(),
  minutes: fc.integer({ min: 0, max: 40 }),
  pick: fc.nat(),
})

describe('packs on their way to blocks', () => {
  it('lose and double nothing, through kills, with readers at any moment', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(madeEpoch, { minLength: 1, maxLength: 3 }),
        fc.array(event, { minLength: 3, maxLength: 12 }),
        async (epochs, events) => {
          const world = new FreshWorld(NOON)
          for (const [i, epoch] of epochs.entries()) await putEpoch(world, epoch, i)
          world.nowMs = NOON + 10 * HOUR
          const everything = await world.query(NOON - 72 * HOUR, NOON + 72 * HOUR)
          const same = async (between?: () => Promise<void>): Promise<void> => {
            const found = await world.query(NOON - 72 * HOUR, NOON + 72 * HOUR, between)
            expect(found).toEqual(everything)
          }
          for (const { kind, request, isLost, minutes, pick } of events) {
            if (kind === 'ship') await world.ship(pick)
            if (kind === 'kill-plan') {
              await world.killed(request, isLost, () => world.plan())
              await same()
              continue
            }
            const jobs = await world.plan()
            await same()
            const job = jobs[pick % Math.max(jobs.length, 1)]
            if (job && kind === 'kill') await world.killed(request, isLost, () => world.run(job))
            else if (job && kind === 'twice') {
              await Promise.all([world.run(job), world.run(job)])
              await world.run(job)
            } else if (job && kind === 'run') {
              // Planned before the job, read after it.
              await same(() =>
                world.watched(
                  [request, request + 3],
                  () => same(),
                  () => world.run(job),
                ),
              )
            }
            await same()
            world.nowMs += minutes * MINUTE
          }
          await world.settle()
          await same()
          world.types = ['mark', 'delete', 'compact', 'merge-packs', 'delete-objects']
          await world.settle()
          await same()
          expect(await world.keys('thaw/fresh/')).toEqual([])
        },
      ),
      { numRuns: Number(process.env['THAW_RUNS'] ?? 20) },
    )
  }, 600_000)
})
