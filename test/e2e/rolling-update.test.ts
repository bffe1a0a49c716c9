/**
 * The functions of the stack before the last change become those of now, and go back, while queries, rule ticks, compactions and blocks that
 * arrive go on: resource after resource, as CloudFormation does, and each state in between is held for a while.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cloud } from '#localstack/cloud/embedded-cloud.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { directoryObjstore, storeWithoutRoles } from './support/cloud-bucket.ts'
import { type Assembly, synthesiseStack } from './support/local-cloud.ts'
import { type PreviousStack, synthesisePrevious } from './support/previous-stack.ts'
import { type RoleCloud, startRoleCloud } from './support/role-cloud.ts'
import {
  ask,
  BROKEN_QUERY,
  type Figures,
  Load,
  QUESTIONS,
  type Right,
  WIDE,
} from './support/rolling-load.ts'
import { Traffic } from './support/rolling-traffic.ts'
import {
  makeRollingWorld,
  makeTokens,
  RULE_INTERVAL_MS,
  type RollingWorld,
} from './support/rolling-world.ts'

/** Every function gets a new version, also those whose code is the same. */
const OTHER_CONFIGURATION = {
  queryMemoryMb: '1768',
  storeMemoryMb: '1768',
  compactMemoryMb: '1768',
  ruleMemoryMb: '1768',
  compactFlags: '--delete-delay=48h',
}
/** So many requests are answered in each state in between, and so many in each of the others. */
const HELD_REQUESTS = 6
const QUIET_REQUESTS = 40

let world: RollingWorld
let current: Assembly
let previous: PreviousStack | Missing
let started: RoleCloud
let cloud: Cloud
let tokens: readonly string[]
const log: string[] = []

beforeAll(async () => {
  world = await makeRollingWorld()
  tokens = await makeTokens(world.bucket, 30)
  current = await synthesiseStack()
  previous = await synthesisePrevious(current, OTHER_CONFIGURATION)
})

afterAll(async () => {
  await started?.stop()
  await current?.remove()
  if (previous && !isMissing(previous)) await previous.remove()
  await world?.remove()
})

async function start(assembly: Assembly): Promise<void> {
  started = await startRoleCloud({
    assembly,
    bucket: storeWithoutRoles('rolling-update.test.ts', directoryObjstore(world.dir)),
    concurrency: 40,
    environment: {
      THAW_SLICE_BYTES: String(16 * 1024),
      THAW_MAX_SLICES: '2',
      THAW_COMPACT_FLAGS: '--consistency-delay=0s --delete-delay=48h',
    },
    log: (source, line) => void log.push(`[${source}] ${line}`),
  })
  cloud = started.cloud
}

/** How far the samples of the recording rule are apart, and what they are. */
async function recordedByRules(): Promise<{ steps: number[]; values: string[] }> {
  const params = { query: 'load:sum[10m]', time: Date.now() / 1000 }
  const { body } = await ask(cloud.httpUrl, { path: 'query', params }, tokens[0]!)
  const { result } = (JSON.parse(body) as { data: { result: { values: [number, string][] }[] } })
    .data
  const values = result.flatMap((series) => series.values)
  const steps = values.slice(1).map(([second], i) => second - values[i]![0])
  return { steps: [...new Set(steps)], values: [...new Set(values.map(([, value]) => value))] }
}

async function answers(questions: readonly Right[]): Promise<void> {
  for (const { question, answers: known } of questions) {
    const answer = await ask(cloud.httpUrl, question, tokens[0]!)
    if (known.every(({ body }) => body !== answer.body)) known.push(answer)
  }
}

describe('an update and a rollback under load', () => {
  it('fail no request and give no wrong answer', async (context) => {
    if (isMissing(previous)) return context.skip(previous.missing)
    const before = previous
    const right = [...QUESTIONS, WIDE].map((question): Right => ({ question, answers: [] }))

    // What the stack of now answers where nothing changes; then what the one before does.
    await start(current)
    await cloud.runSchedule('thaw-plan')
    await answers(right)
    await started.stop()
    await start(before)
    await answers(right)
    for (const { question, answers: known } of right) {
      // Otherwise errors would be compared with errors below.
      const status = question.params['query'] === BROKEN_QUERY ? 400 : 200
      const got = [...new Set(known.map((one) => one.status))]
      expect({ question, got }).toEqual({ question, got: [status] })
    }

    const load = new Load({ url: cloud.httpUrl, credentials: tokens })
    const traffic = new Traffic(cloud, world)
    const steps: string[] = []
    const between = async ({ what }: { what: string }): Promise<void> => {
      steps.push(what)
      await load.answered(HELD_REQUESTS)
    }
    const random = seeded(7)
    const choose = (ready: readonly string[]): string => ready[Math.floor(random() * ready.length)]!

    load.phase('before')
    // Far below the rate that the gateway allows.
    for (let i = 0; i < 2; i++) load.start(right.slice(0, -1), 50)
    load.start(right.slice(-1), 4000)
    traffic.start()
    await load.answered(QUIET_REQUESTS)
    load.phase('update')
    await cloud.update(current.dir, { between, choose })
    load.phase('after')
    await load.answered(QUIET_REQUESTS)
    load.phase('rollback')
    await cloud.update(before.dir, { between, choose })
    load.phase('rolled back')
    await load.answered(QUIET_REQUESTS)
    load.phase('update again')
    await cloud.update(current.dir)
    await load.answered(QUIET_REQUESTS)
    load.phase('rollback by aliases')
    for (const { functionName, version } of cloud.assembly.aliases) {
      cloud.updateAlias(functionName, 'live', String(Number(version) - 1))
      await load.answered(HELD_REQUESTS)
    }
    await load.answered(QUIET_REQUESTS)
    const phases = await load.stop()
    const did = await traffic.stop()

    const recorded = await recordedByRules()
    const spilled = (await world.keys('thaw/spill/')).length
    report(before, steps, phases, { ...did, spilled })
    const all = [...phases.values()]
    expect(all.flatMap(({ failed }) => failed)).toEqual([])
    expect(all.flatMap(({ wrong }) => wrong)).toEqual([])
    expect(did.problems).toEqual([])
    // Each slot once, whoever evaluated it.
    expect(recorded.steps).toEqual([RULE_INTERVAL_MS / 1000])
    expect(recorded.values).toEqual(['14'])
    // It was the traffic that is spoken of: each kind of work went on.
    expect(steps.filter((step) => step.includes(':live is'))).not.toEqual([])
    expect(Math.min(did.ticks, did.arrived, did.compacted, spilled)).toBeGreaterThan(0)
    expect(log.filter((line) => line.includes('"level":"ERROR"'))).toEqual([])
  }, 600_000)
})

function report(
  { commit, changed }: PreviousStack,
  steps: readonly string[],
  phases: ReadonlyMap<string, Figures>,
  did: object,
): void {
  const lines = [...phases].map(
    ([name, { requests, failed, wrong, longestMs }]) =>
      `  ${name}: ${requests} requests, ${failed.length} failed, ${wrong.length} wrong, the longest ${longestMs} ms`,
  )
  console.log(
    [
      `from ${commit}, since which the code of ${changed.join(', ')} changed; ${steps.length} states in between`,
      ...lines,
      `  ${JSON.stringify(did)}`,
    ].join('\n'),
  )
}

/** Of [0, 1), the same each time. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return state / 0x8000_0000
  }
}
