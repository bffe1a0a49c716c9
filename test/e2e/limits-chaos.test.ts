/** Everything of docs/limits.md at once, in an order by chance: each answer is the right one, a part that says so, or an error in known words. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RandomSource } from '#test/promql/random/random-source.ts'
import { type Judged, judgeAnswer, type Verdict } from './support/judge-answer.ts'
import type { LocalCloud } from './support/local-cloud.ts'
import { COMPACT, limitsWorld, type LimitsWorld, QUERY, STORE } from './support/limits-world.ts'
import type { TroubleKind } from './support/trouble.ts'

/** Another with THAW_SEED; for longer with THAW_CHAOS_SECONDS. */
const SEED = Number(process.env['THAW_SEED'] ?? Math.floor(Math.random() * 1e6))
const SECONDS = Number(process.env['THAW_CHAOS_SECONDS'] ?? 45)

let world: LimitsWorld
let local: LocalCloud

beforeAll(async () => {
  world = await limitsWorld()
  local = await world.cloud({
    concurrency: 14,
    compactFlags: '--consistency-delay=0s --delete-delay=0s',
    environment: { THAW_QUERY_DEADLINE_MS: '6000' },
  })
})

afterAll(async () => {
  await world.remove()
})

it(`is right or says what is wrong, whatever happens (THAW_SEED=${SEED})`, async () => {
  const random = new RandomSource(SEED)
  const { cloud } = local
  const untilMs = Date.now() + SECONDS * 1000
  const [jobs] = cloud.assembly.eventSources
  const happenings: (() => unknown)[] = [
    () => trouble(STORE, ['memory', 'exit', 'hang']),
    // Enough for a slice to be lost each time.
    () => trouble(STORE, ['exit'], 15),
    () => trouble(QUERY, ['exit', 'memory']),
    () => trouble(COMPACT, ['exit', 'memory']),
    () => world.trouble.clear(),
    () => cloud.runSchedule('thaw-plan'),
    () => cloud.runSchedule('thaw-rule'),
    () => cloud.objectCreated('01ARZ3NDEKTSV4RRFFQ69G5FAV/meta.json', 1),
    () => cloud.queue(jobs!.queueName).send('{"type":"dance"}'),
    () => {
      const bodies = cloud.queue(jobs!.queueName).bodies()
      if (bodies.length > 0) cloud.queue(jobs!.queueName).send(bodies[random.below(bodies.length)]!)
    },
    () => {
      const pids = cloud.pids()
      if (pids.length > 0) process.kill(pids[random.below(pids.length)]!, 'SIGKILL')
    },
  ]
  const trouble = (name: string, kinds: readonly TroubleKind[], most = 2): Promise<void> =>
    world.trouble.make(name, kinds[random.below(kinds.length)]!, 1 + random.below(most))
  const judged: Judged[] = []
  const failures: unknown[] = []
  const asker = async (): Promise<void> => {
    while (Date.now() < untilMs) judged.push(await judgeAnswer(world, local))
  }
  const troubler = async (): Promise<void> => {
    while (Date.now() < untilMs) {
      // Schedules and events run beside, and their own errors are the platform's to try again.
      void Promise.resolve(happenings[random.below(happenings.length)]!()).catch((error: unknown) =>
        failures.push(error),
      )
      await sleep(random.below(700))
    }
  }
  await Promise.all([asker(), asker(), troubler()])
  expect(failures.filter((error) => !/stopped|ESRCH/.test(String(error)))).toEqual([])
  await world.trouble.clear()
  // And when it is over, all is well.
  await expect
    .poll(() => judgeAnswer(world, local), { timeout: 60_000 })
    .toEqual({ verdict: 'right' })
  const count = (verdict: Verdict): number => judged.filter((one) => one.verdict === verdict).length
  console.log(
    `seed ${SEED}: ${count('right')} right, ${count('part')} in part, ${count('error')} errors, ${count('refused')} refused by the gateway`,
  )
  expect(judged.flatMap(({ flaw }) => flaw ?? [])).toEqual([])
  expect(count('right')).toBeGreaterThan(0)
})
