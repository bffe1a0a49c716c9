import { describe, expect, it } from 'vitest'
import { seriesOfPack } from '../../fresh/pack-fixture.ts'
import { labelValue } from '#lib/model/labels.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { readRulerState, RULE_STATE_KEY, writeRulerState } from '#lib/rules/tick/state-object.ts'
import { tickText } from '#lib/rules/tick/tick-report.ts'
import { BEGIN, MINUTE, type Ruler, World } from './world.ts'

const SUM = `groups: [{name: sums, rules: [{record: 'load:sum', expr: sum(load)}]}]`
const ALERT = `groups: [{name: alerts, rules: [{alert: High, expr: load > 0}]}]`

/** With data, and files that are as old as that. */
async function worldWith(files: Readonly<Record<string, string>>): Promise<World> {
  const world = new World()
  await world.putData(60)
  world.nowMs = BEGIN - MINUTE
  for (const [name, yaml] of Object.entries(files)) await world.putFile(name, yaml)
  world.nowMs = BEGIN
  return world
}

async function stateOf(world: World): Promise<RulerState> {
  const stored = await readRulerState(world.bucket)
  if (!stored || !('state' in stored)) throw new Error('no state')
  return stored.state
}

async function minutes(world: World, ruler: Ruler, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    world.nowMs += MINUTE
    await ruler.tick()
  }
}

describe('a tick', () => {
  it('evaluates what is due, writes it, sends alerts, and gives the state back', async () => {
    const world = await worldWith({ 'a.yaml': SUM, 'b.yaml': ALERT })
    const ruler = world.ruler()
    await minutes(world, ruler, 3)
    world.nowMs += MINUTE
    const report = await ruler.tick()
    expect(report).toMatchObject({
      outcome: 'done',
      problems: [],
      groups: 2,
      evaluations: 2,
      rules: 2,
    })
    expect(report).toMatchObject({ failedRules: 0, alertsWaiting: 0, left: 0, missed: 0 })
    expect(tickText(report)).toMatch(
      /^2 evaluations of 2 groups, 2 rules, \d+ samples, \d+ alerts sent, \d+ ms$/,
    )
    const state = await stateOf(world)
    expect(state.owner).toBe(undefined)
    expect(state.outbox).toEqual({ parcels: [], alerts: [] })
    expect([...world.receiver.seen].filter((alert) => alert.includes('High'))).toHaveLength(3)
    expect(
      [...(await world.samples())].filter((sample) => sample.includes('load:sum')),
    ).toHaveLength(5)
  })

  it('writes what the ruler is like beside the results', async () => {
    const world = await worldWith({ 'a.yaml': SUM })
    const ruler = world.ruler()
    await minutes(world, ruler, 2)
    const { key } = (await stateOf(world)).packs.at(-1)!
    const series = seriesOfPack((await world.bucket.get(key)).body)
    const own = series.filter(({ labels }) => labelValue(labels, 'job') === 'thaw-rule')
    const value = (name: string): number | undefined =>
      own.find(({ labels }) => labelValue(labels, '__name__') === name)?.points[0]![1]
    expect(value('prometheus_rule_evaluations_total')).toBe(3)
    expect(value('prometheus_rule_group_iterations_missed_total')).toBe(0)
    expect(value('thanos_rule_config_last_reload_successful')).toBe(1)
    expect(own.every(({ points }) => points[0]![0] === world.nowMs)).toBe(true)
  })

  it('goes on with the last good groups of a file that became bad, and says what is wrong', async () => {
    const world = await worldWith({ 'a.yaml': SUM, 'b.yaml': SUM.replace('sums', 'others') })
    const ruler = world.ruler()
    await minutes(world, ruler, 1)
    await world.putFile('a.yaml', 'groups: [{}]')
    await world.putFile('c.yaml', ': {')
    world.nowMs += MINUTE
    const report = await ruler.tick()
    expect(report).toMatchObject({ groups: 2, evaluations: 2 })
    expect(report.problems).toEqual([
      expect.stringContaining('rule file a.yaml: '),
      expect.stringContaining('rule file c.yaml: '),
    ])
    const { files } = await stateOf(world)
    expect(files.map(({ name, error }) => [name, error !== undefined])).toEqual([
      ['a.yaml', true],
      ['b.yaml', false],
      ['c.yaml', true],
    ])
    await world.putFile('a.yaml', SUM)
    await minutes(world, ruler, 1)
    expect((await stateOf(world)).files[0]).not.toHaveProperty('error')
  })

  it('ends series of a file that is gone', async () => {
    const world = await worldWith({ 'a.yaml': SUM })
    const ruler = world.ruler()
    await minutes(world, ruler, 2)
    await world.bucket.delete('thaw/rule/files/a.yaml')
    await minutes(world, ruler, 1)
    expect((await stateOf(world)).groups).toEqual([])
    // Written at the time of the tick, a query offset ago: NaN is the marker.
    expect([...(await world.samples())].at(-1)).toBe('{"__name__":"load:sum"} 120 NaN')
  })

  it('begins where it would have, when its first one was killed', async () => {
    const world = new World()
    await world.putData(60)
    world.nowMs = BEGIN - 5 * MINUTE
    await world.putFile('a.yaml', SUM)
    world.nowMs = BEGIN
    const first = world.ruler()
    first.fate = (_, what) => {
      if (what === `after put ${RULE_STATE_KEY}`) first.isDead = true
    }
    await expect(first.tick()).rejects.toThrow('killed')
    expect(await stateOf(world)).toMatchObject({ groups: [], counters: { ticks: 0 } })
    world.nowMs += 2 * MINUTE
    expect(await world.ruler().tick()).toMatchObject({ outcome: 'done', evaluations: 7 })
  })

  it('makes up for what was missed, and counts what is too old', async () => {
    const world = await worldWith({ 'a.yaml': SUM })
    const ruler = world.ruler()
    await minutes(world, ruler, 1)
    world.nowMs += 8 * MINUTE
    expect(await ruler.tick()).toMatchObject({ evaluations: 8, missed: 0 })
    world.nowMs += 25 * MINUTE
    expect(await ruler.tick()).toMatchObject({ evaluations: 10, missed: 15 })
    expect((await stateOf(world)).groups[0]).toMatchObject({ missed: 15 })
  })

  it('is left to who is at it, but not to a claim that no ruler can have', async () => {
    const world = await worldWith({ 'a.yaml': SUM })
    await minutes(world, world.ruler(), 1)
    const claim = async (untilMs: number): Promise<void> => {
      const { etag } = (await readRulerState(world.bucket))!
      const state = { ...(await stateOf(world)), owner: { id: 'somebody', untilMs } }
      await writeRulerState(world.bucket, state, etag)
    }
    world.nowMs += MINUTE
    await claim(world.nowMs + 30_000)
    const report = await world.ruler().tick()
    expect(report).toMatchObject({ outcome: 'busy', evaluations: 0 })
    expect(tickText(report)).toBe('another ruler is at it: somebody, for 30 s at most')
    await claim(world.nowMs + 3_600_000)
    expect(await world.ruler().tick()).toMatchObject({ outcome: 'done', evaluations: 1 })
  })

  it('begins anew where the state can’t be read', async () => {
    const world = await worldWith({ 'a.yaml': SUM })
    await minutes(world, world.ruler(), 3)
    const before = await stateOf(world)
    await world.bucket.put(RULE_STATE_KEY, Buffer.from('nonsense'))
    const report = await world.ruler().tick()
    expect(report.problems).toEqual([
      expect.stringMatching(/^the state can't be read, a copy is kept at thaw\/rule\/broken\//),
    ])
    await minutes(world, world.ruler(), 2)
    const after = await stateOf(world)
    expect(after.groups[0]!.state.counters.iterations).toBe(2)
    expect(after.epoch).not.toBe(before.epoch)
  })

  it('begins a group anew whose state makes it fail', async () => {
    const world = await worldWith({ 'a.yaml': SUM, 'b.yaml': ALERT })
    await minutes(world, world.ruler(), 1)
    const { etag } = (await readRulerState(world.bucket))!
    const state = await stateOf(world)
    const [first, ...others] = state.groups
    const broken = { ...first!, state: { ...first!.state, rules: 7 as never } }
    await writeRulerState(world.bucket, { ...state, groups: [broken, ...others] }, etag)
    world.nowMs += MINUTE
    const report = await world.ruler().tick()
    expect(report).toMatchObject({ outcome: 'done', evaluations: 2 })
    expect(report.problems).toEqual([expect.stringContaining('a.yaml;sums begins anew')])
    await minutes(world, world.ruler(), 1)
    expect((await stateOf(world)).groups[0]!.state.rules[0]).toMatchObject({ health: 'ok' })
  })

  it('keeps alerts that nobody takes', async () => {
    const world = await worldWith({ 'b.yaml': ALERT })
    const ruler = world.ruler()
    world.receiver.isDown = true
    await minutes(world, ruler, 8)
    world.nowMs += MINUTE
    const report = await ruler.tick()
    expect(report.problems).toEqual(['Alertmanager http://am/api/v2/alerts: connection refused'])
    // One that fires still is in there once.
    expect(report.alertsWaiting).toBeLessThan(8)
    world.receiver.isDown = false
    await minutes(world, ruler, 1)
    expect((await stateOf(world)).outbox.alerts).toEqual([])
    expect(world.receiver.seen.size).toBeGreaterThanOrEqual(3)
  })

  it('sends the watchdog, though there are no rules', async () => {
    const world = new World()
    const ruler = world.ruler({ settings: { watchdog: 'Alive' } })
    await minutes(world, ruler, 2)
    expect(world.receiver.requests).toBe(2)
    expect([...world.receiver.seen]).toEqual([expect.stringContaining('"alertname":"Alive"')])
  })

  it('ends in time, with a rule that failed and the rest for the next one', async () => {
    const files = {
      'a.yaml': SUM,
      'b.yaml': SUM.replace('sums', 'twice')
        .replace("'load:sum'", "'load:twice'")
        .replace('sum(load)', 'load:sum'),
    }
    const world = await worldWith(files)
    // Neither wait nor answer: what queries read never comes.
    const slow = world.ruler({ lastsMs: 400 })
    slow.fate = (_, what) => (what.includes('get thaw/fresh') ? new Promise(() => {}) : undefined)
    const report = await slow.tick()
    expect(report).toMatchObject({ outcome: 'done', evaluations: 1, failedRules: 1, left: 1 })
    const rules = (await stateOf(world)).groups.map(({ state }) => state.rules[0]!)
    const [failed, ...others] = rules.filter(({ health }) => health === 'err')
    expect(failed!.lastError).toBe('query timed out in expression evaluation')
    expect(others).toEqual([])
    expect(await world.ruler().tick()).toMatchObject({ evaluations: 1, left: 0, failedRules: 0 })
  })

  it('does not forget slots of a new group that it had no time for', async () => {
    const world = await worldWith({ 'a.yaml': SUM })
    await minutes(world, world.ruler(), 2)
    world.nowMs += 2 * MINUTE
    const added = SUM.replace('sums', 'twice').replace("'load:sum'", "'load:twice'")
    await world.putFile('b.yaml', added.replace('sum(load)', 'load:sum'))
    world.nowMs += 2 * MINUTE
    const slow = world.ruler({ lastsMs: 400 })
    slow.fate = (_, what) => (what.includes('get thaw/fresh') ? new Promise(() => {}) : undefined)
    const report = await slow.tick()
    expect(report).toMatchObject({ outcome: 'done', evaluations: 1, groups: 2 })
    expect(report.left).toBeGreaterThanOrEqual(3)
    await minutes(world, world.ruler(), 1)
    const iterations = (await stateOf(world)).groups.map(({ state }) => state.counters.iterations)
    expect(iterations).toEqual([8, 3])
  })
})

describe('a ruler that is killed', () => {
  const files = { 'a.yaml': SUM, 'b.yaml': ALERT }

  async function run(
    killedAt: number,
  ): Promise<{ world: World; steps: number; wasKilled: boolean }> {
    const world = await worldWith(files)
    await minutes(world, world.ruler(), 2)
    const ruler = world.ruler()
    ruler.fate = (step) => {
      if (step === killedAt) ruler.isDead = true
    }
    world.nowMs += MINUTE
    await ruler.tick().catch(() => undefined)
    const { steps, isDead } = ruler
    await minutes(world, world.ruler(), 2)
    return { world, steps, wasKilled: isDead }
  }

  it('before or after any request or sending, leaves nothing undone and nothing twice', async () => {
    const { world: calm, steps } = await run(0)
    const [samples, seen] = [await calm.samples(), calm.receiver.seen]
    expect(steps).toBeGreaterThan(15)
    for (let step = 1; step <= steps; step++) {
      const { world, wasKilled } = await run(step)
      expect(wasKilled).toBe(true)
      expect({ step, samples: await world.samples() }).toEqual({ step, samples })
      expect({ step, seen: world.receiver.seen }).toEqual({ step, seen })
      const { groups, outbox } = await stateOf(world)
      expect(groups.map(({ state }) => state.counters.iterations)).toEqual([6, 6])
      expect(outbox).toEqual({ parcels: [], alerts: [] })
    }
  })
})
