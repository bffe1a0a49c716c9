/**
 * With each right of a role taken away, its function says which one is missing, on what, and what to do; nothing is lost, and given back, it
 * goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { type Allowance, covers } from '#test/policies/allowance.ts'
import { JOB_WORK } from './support/denied-jobs.ts'
import { QUERY_WORK } from './support/denied-queries.ts'
import { RULE_WORK } from './support/denied-rules.ts'
import { AUTHORIZE_WORK, type DeniedWork, PLAN_WORK, short } from './support/denied-work.ts'
import { type Assembly, synthesiseStack } from './support/local-cloud.ts'
import { type PolicyWorld, startPolicyWorld } from './support/policy-world.ts'

const WORK = [PLAN_WORK, ...QUERY_WORK, AUTHORIZE_WORK, ...RULE_WORK, ...JOB_WORK]

/** Lambda asks for it, not the function: what is not allowed there is seen in the console alone. */
const OF_LAMBDA = /^(logs:|sqs:(?!Send))/

let assembly: Assembly
let started: PolicyWorld | Missing

beforeAll(async () => {
  assembly = await synthesiseStack({ streamingDoor: 'true', ruleSecrets: 'AM_PASSWORD=am' })
  started = await startPolicyWorld({
    assembly,
    environment: { THAW_MAX_SLICES: '2', THAW_SLICE_BYTES: '1' },
    // The least that S3 takes.
    objstore: { part_size: 5 * 1024 * 1024 },
  })
})

afterAll(async () => {
  if (started && !isMissing(started)) await started.stop()
  await assembly?.remove()
})

/** So that nothing is remembered. */
async function startAnew({ local }: PolicyWorld): Promise<void> {
  const pids = local.cloud.pids().filter((pid) => isThere(pid))
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  while (pids.some((pid) => isThere(pid))) await sleep(10)
  // The cloud hears of it a moment later.
  await sleep(20)
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** What is asked for by the function itself. */
function rightsOf({ roles }: PolicyWorld, who: string): Allowance[] {
  return roles.granted.get(`thaw-${who}`)!.filter(({ action }) => !OF_LAMBDA.test(action))
}

function rightsFor(world: PolicyWorld, { who, rights }: DeniedWork): Allowance[] {
  const others = new Set(
    WORK.filter((work) => work.who === who).flatMap((work) => work.rights ?? []),
  )
  return rightsOf(world, who).filter((one) =>
    rights ? rights.includes(short(one)) : !others.has(short(one)),
  )
}

interface Denied {
  /** Keys that were asked for in vain. */
  readonly refused: readonly string[]
  readonly said: string
  readonly found: readonly string[]
}

/** Of one right that is withheld for a while. */
async function workWithout(
  world: PolicyWorld,
  { who, prepare, work, flaws }: DeniedWork,
  right: Allowance,
): Promise<Denied> {
  const { gate } = world.roles
  await prepare(world)
  await startAnew(world)
  world.roles.troubles()
  const from = world.local.log.length
  gate.withhold(`thaw-${who}`, right)
  const answers = await work(world).catch((error: Error) => [error.message])
  gate.withhold()
  const found = (await flaws?.(world, false)) ?? []
  const deeds = gate.takeRefused().filter((deed) => covers(right, deed))
  return {
    refused: deeds.map(({ on }) => on.split(/[:/]/).at(-1)!),
    said: [...answers, ...world.local.log.slice(from)].join('\n'),
    found,
  }
}

/** Chance and work in the background decide over a few: these are tried again. */
const ATTEMPTS = 4

async function findings(
  world: PolicyWorld,
  daily: DeniedWork,
  right: Allowance,
): Promise<string[]> {
  const { work, flaws } = daily
  const found: string[] = []
  for (let attempt = 1; ; attempt++) {
    const denied = await workWithout(world, daily, right)
    const { refused, said } = denied
    found.push(...denied.found)
    if (refused.length === 0 && attempt < ATTEMPTS) continue
    if (refused.length === 0) found.push('is not asked for')
    else if (
      !refused.some((key) => said.includes(key)) ||
      !new RegExp(`allow .*${right.action}`).test(said)
    ) {
      found.push(`is not told of for ${refused[0]}: ${said.slice(0, 1000)}`)
    }
    break
  }
  await startAnew(world)
  await work(world)
  found.push(...((await flaws?.(world, true)) ?? []), ...world.roles.troubles())
  return found.map((finding) => `${short(right)}: ${finding}`)
}

describe.each(WORK)('$who: $what', (daily) => {
  it(
    'names each right that is missing, loses nothing and goes on',
    { timeout: 900_000 },
    async (context: TestContext) => {
      const world = needPeer(context, started)
      await daily.prepare(world)
      await daily.work(world)
      expect([...((await daily.flaws?.(world, true)) ?? []), ...world.roles.troubles()]).toEqual([])
      const rights = rightsFor(world, daily)
      expect(rights.length).toBeGreaterThanOrEqual(daily.rights?.length ?? 1)
      const found: string[] = []
      for (const right of rights) found.push(...(await findings(world, daily, right)))
      expect(found).toEqual([])
    },
  )
})

it('is tried with every function', (context) => {
  const { local } = needPeer(context, started)
  const names = local.cloud.assembly.functions.map(({ name }) => name.replace('thaw-', ''))
  expect([...new Set(WORK.map(({ who }) => who))].toSorted()).toEqual(names.toSorted())
})
