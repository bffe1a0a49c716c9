/** Each function does all that it ever does to AWS, and only what its policy allows. The last step of `npm test` compares both ways. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { type Assembly, synthesiseStack } from './support/local-cloud.ts'
import { STEPS } from './support/policy-scenario.ts'
import { type PolicyWorld, startPolicyWorld } from './support/policy-world.ts'

/** Options that bring functions or rights of their own. */
const WITH_EVERYTHING = { streamingDoor: 'true', ruleSecrets: 'AM_PASSWORD=am' }

let assembly: Assembly
let started: PolicyWorld | Missing

beforeAll(async () => {
  assembly = await synthesiseStack(WITH_EVERYTHING)
  started = await startPolicyWorld({
    assembly,
    environment: { THAW_MAX_SLICES: '2' },
    // The least that S3 takes.
    objstore: { part_size: 5 * 1024 * 1024 },
  })
})

afterAll(async () => {
  if (started && !isMissing(started)) await started.stop()
  await assembly?.remove()
})

describe('the deployed functions', () => {
  it.for(STEPS)('$name', async (step, context) => {
    const world = needPeer(context, started)
    await step.run(world)
    expect(world.roles.troubles()).toEqual([])
  })
})
