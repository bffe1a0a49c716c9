/** How `thaw serve` keeps under its memory: the shares, the places, and what is refused. */
import { describe, expect, it } from 'vitest'
import { MemoryGate } from '#cli/serve/memory-gate.ts'
import { boundMemory, limitOfSystem, settingsUnder } from '#cli/serve/memory-limit.ts'
import { planMemory, tighter } from '#cli/serve/memory-plan.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'

const MiB = 1024 * 1024
const ALL = { workers: 1, compact: true, rule: true }

describe('the shares', () => {
  it.each([700, 1024, 2048, 8192, 65_536])('of %i MiB fit into it', (size) => {
    const limitBytes = size * MiB
    const plan = planMemory({ ...ALL, limitBytes })
    const { cacheBytes, keptBytes, ruleCacheBytes, concurrency, query } = plan
    const queries = concurrency * query.maxSamples * 48
    expect(cacheBytes + keptBytes + ruleCacheBytes + queries).toBeLessThan(plan.refuseBytes)
    expect(plan.refuseBytes).toBeLessThan(limitBytes)
    expect(concurrency).toBeGreaterThanOrEqual(1)
    expect(concurrency).toBeLessThanOrEqual(20)
    expect(query.maxBytes).toBeLessThan(query.maxSamples * 48)
    expect(query.maxSeries).toBeGreaterThan(50_000)
    for (const share of [cacheBytes, keptBytes, query.maxSamples, plan.maxAnswerBytes]) {
      expect(Number.isSafeInteger(share)).toBe(true)
    }
  })

  it('grow with the limit, and shrink with what else is to run', () => {
    const samples = (more: object): number => {
      const { query, concurrency } = planMemory({ ...ALL, limitBytes: 1024 * MiB, ...more })
      return query.maxSamples * concurrency
    }
    expect(samples({ limitBytes: 2048 * MiB })).toBeGreaterThan(samples({}))
    expect(samples({ compact: false })).toBeGreaterThan(samples({}))
    expect(samples({ rule: false })).toBeGreaterThan(samples({}))
    expect(samples({ workers: 0 })).toBeGreaterThan(samples({}))
  })

  it('say how much is needed at least, and that is enough', () => {
    const of = (size: number) => () => planMemory({ ...ALL, limitBytes: size * MiB })
    const least = Number(/give (\d+)MiB/.exec(errorOf(of(256)))![1])
    expect(errorOf(of(256))).toMatch(/^--memory.limit: 256MiB are too little for what is to run/)
    expect(of(least)).not.toThrow()
    expect(of(least - 1)).toThrow(/give \d+MiB/)
  })

  it('have fewer threads where that many do not fit and nobody asked for them', () => {
    const needs = { limitBytes: 400 * MiB, workers: 4, compact: false, rule: false }
    const bound = boundMemory(needs, { mayHaveFewer: true, now: () => 0 })
    expect(bound.workers).toBe(2)
    expect(() => boundMemory(needs, { mayHaveFewer: false, now: () => 0 })).toThrow(/too little/)
  })
})

function errorOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return 'none'
}

it('the limit is that of the container, where it has one', () => {
  // No limit is told as 0, or as more than there is.
  expect(limitOfSystem(0, 8192 * MiB)).toBeUndefined()
  expect(limitOfSystem(2 ** 64, 8192 * MiB)).toBeUndefined()
  expect(limitOfSystem(512 * MiB, 8192 * MiB)).toBe(512 * MiB)
})

describe('limits of queries', () => {
  it('are the tighter of what the flags say and what fits', () => {
    const plan = planMemory({ ...ALL, limitBytes: 1024 * MiB })
    const open = settingsUnder(querySettings([]), plan).limitsOf('a')
    expect(open).toMatchObject(plan.query)
    expect(open.maxConcurrent).toBe(20)
    const flags = ['--query.max-samples=10', '--query.max-series=5', '--query.max-bytes=7']
    const tight = tighter(querySettings(flags).limitsOf('a'), plan)
    expect(tight).toMatchObject({ maxSamples: 10, maxSeries: 5, maxBytes: 7 })
  })
})

interface World {
  resident: number
  collected: number
  ms: number
}

function gateOf(world: World, collect: () => void = () => undefined): MemoryGate {
  return new MemoryGate({
    places: 1,
    refuseBytes: 100,
    residentBytes: () => world.resident,
    collect: () => {
      world.collected++
      collect()
    },
    now: () => world.ms,
  })
}

describe('the gate', () => {
  const ask = (path: string): Request => new Request(`http://x${path}`)

  it('refuses what reads data while memory is short, in the form of the API, and nothing else', async () => {
    const world = { resident: 100, collected: 0, ms: 0 }
    const gate = gateOf(world)
    const running = Promise.withResolvers<Response>()
    const fetch = gate.fetch(({ url }) =>
      url.includes('long') ? running.promise : new Response('answer'),
    )
    // One that comes alone is let in: nobody else will free what it needs.
    const long = fetch(ask('/api/v1/query?query=long'))
    await Promise.resolve()
    expect(world.collected).toBe(1)
    for (const path of ['/api/v1/query?query=up', '/api/v1/series', '/federate']) {
      const response = await fetch(ask(path))
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('5')
      expect(await response.json()).toMatchObject({
        status: 'error',
        errorType: 'unavailable',
        error: expect.stringMatching(/^memory is short: .*--memory.limit/) as string,
      })
    }
    for (const path of ['/-/healthy', '/metrics', '/api/v1/status/buildinfo']) {
      expect((await fetch(ask(path))).status).toBe(200)
    }
    expect(gate.refused).toBe(3)
    expect(world.collected).toBe(1)
    world.ms = 2000
    await fetch(ask('/api/v1/labels'))
    expect(world.collected).toBe(2)
    world.resident = 99
    expect((await fetch(ask('/api/v1/labels'))).status).toBe(200)
    world.resident = 100
    running.resolve(new Response('answer'))
    expect((await long).status).toBe(200)
    expect((await fetch(ask('/api/v1/labels'))).status).toBe(200)
  })

  it('refuses nothing where only garbage is in the way', async () => {
    const world = { resident: 150, collected: 0, ms: 0 }
    const gate = gateOf(world, () => (world.resident = 50))
    const response = await gate.fetch(() => new Response('answer'))(ask('/api/v1/query'))
    expect([response.status, gate.refused]).toEqual([200, 0])
  })

  it('waits for what gives its memory back, and asks for that as seldom as for a collection', async () => {
    const world = { resident: 150, collected: 0, ms: 0 }
    const gate = gateOf(world)
    let [freed, letIn] = [0, 0]
    gate.freesToo(async () => {
      await Promise.resolve()
      freed++
      world.resident = 50
    })
    const fetch = gate.fetch(() => {
      letIn++
      return new Response('answer')
    })
    const answers = await Promise.all(
      ['query', 'labels', 'series'].map(async (name) => fetch(ask(`/api/v1/${name}`))),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect([freed, world.collected, letIn]).toEqual([1, 1, 3])
    world.resident = 150
    expect((await fetch(ask('/api/v1/labels'))).status).toBe(200)
    expect(freed).toBe(1)
    world.ms = 2000
    await fetch(ask('/api/v1/labels'))
    expect(freed).toBe(2)
  })

  it('lets queries of all tenants, and what else reads data, wait for the same places', async () => {
    const gate = gateOf({ resident: 0, collected: 0, ms: 0 })
    const queue = gate.queue(querySettings(['--query.max-concurrent=5']).limitsOf)
    const { signal } = new AbortController()
    const leave = await queue.enter('a', signal)
    const order: string[] = []
    const enterSecond = async (): Promise<void> => {
      const leaveSecond = await queue.enter('b', signal)
      order.push('b')
      leaveSecond()
    }
    const second = enterSecond()
    const fetch = gate.fetch(() => new Response('answer'))
    const labels = Promise.resolve(fetch(ask('/api/v1/labels'))).then(() => order.push('labels'))
    expect((await fetch(ask('/-/ready'))).status).toBe(200)
    expect(order).toEqual([])
    leave()
    await Promise.all([second, labels])
    expect(order.sort()).toEqual(['b', 'labels'])
  })

  it('gives the place of a tenant back where nobody waits any more', async () => {
    const gate = gateOf({ resident: 0, collected: 0, ms: 0 })
    const queue = gate.queue(querySettings(['--query.max-concurrent=1']).limitsOf)
    const { signal } = new AbortController()
    const leave = await queue.enter('a', signal)
    const gone = new AbortController()
    const waiting = queue.enter('b', gone.signal)
    gone.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    leave()
    const again = await queue.enter('b', signal)
    again()
    expect(again).toBeTypeOf('function')
  })
})
