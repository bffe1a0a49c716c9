/** With each right of a role taken away, its function says which one is missing; given back, it goes on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { needPeer } from '#test/peer/skip-report.ts'
import { covers } from '#test/policies/allowance.ts'
import { WORK } from './support/denied-work.ts'
import { type Assembly, synthesiseStack } from './support/local-cloud.ts'
import { type PolicyWorld, startPolicyWorld } from './support/policy-world.ts'

/** What is not asked for in ordinary work; test/e2e/policies.test.ts does it all. */
const SELDOM = new Set([
  's3:AbortMultipartUpload /thaw/spill/*',
  's3:GetObject /thaw/spill/*',
  's3:PutObject /thaw/spill/*',
  's3:PutObject /thaw/results/*',
])

/** Nobody is told, with the reason. */
const LOOKUP = 'the answer is whole, and who asks next makes the lookup again'
const QUIET: Readonly<Record<string, string>> = {
  'plan s3:GetObject /thaw/rule/state.json.gz': 'it is only asked who of the silent is the ruler',
  'query s3:GetObject /thaw/results/*': 'what is kept of answers saves time and no more',
  'query s3:PutObject /thaw/lookup/*': LOOKUP,
  'store s3:PutObject /thaw/lookup/*': LOOKUP,
  'plan s3:DeleteObject /thaw/probe/*': 'whether conditions are kept is known without it',
}

let assembly: Assembly
let started: PolicyWorld | Missing

beforeAll(async () => {
  assembly = await synthesiseStack()
  started = await startPolicyWorld({
    assembly,
    environment: { THAW_MAX_SLICES: '2', THAW_SLICE_BYTES: '1' },
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

describe.each(Object.keys(WORK))('%s', (name) => {
  it('names each right that it does not have', async (context: TestContext) => {
    const world = needPeer(context, started)
    const { gate, granted } = world.roles
    const daily = WORK[name]!
    const who = `thaw-${name}`
    const findings: string[] = []
    await daily.prepare(world)
    await daily.work(world)
    expect(world.roles.troubles()).toEqual([])
    for (const allowance of granted.get(who)!) {
      const { action, on } = allowance
      const short = `${action} ${on.replace('arn:aws:s3:::metrics', '')}`
      if (/^(logs|sqs:(?!Send))/.test(action) || SELDOM.has(short)) continue
      await daily.prepare(world)
      await startAnew(world)
      const from = world.local.log.length
      gate.withhold(who, allowance)
      const answers = await daily.work(world).catch((error: Error) => [error.message])
      gate.withhold()
      const refused = gate.takeRefused().find((deed) => covers(allowance, deed))
      const said = [...answers, ...world.local.log.slice(from)].join('\n')
      const key = refused?.on.split(/[:/]/).at(-1) ?? ''
      if (refused === undefined) findings.push(`${short} is not asked for`)
      else if (!said.includes(action) || !said.includes(key)) {
        const why = QUIET[`${name} ${short}`]
        if (why === undefined)
          findings.push(`${short} on ${key} is not told: ${said.slice(0, 600)}`)
      }
      await startAnew(world)
      await daily.work(world)
      findings.push(...world.roles.troubles())
    }
    expect(findings).toEqual([])
  })
})
