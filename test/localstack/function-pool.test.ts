import { describe, expect, it } from 'vitest'

import { alive, startTinyCloud, until } from './tiny-stack.ts'

const COUNTER = `
  let count = 0
  export const handler = async (event, context) => ({
    count: ++count, pid: process.pid, event,
    remains: context.getRemainingTimeInMillis() > 0, arn: context.invokedFunctionArn,
  })`

function json(payload: Buffer): unknown {
  return JSON.parse(payload.toString())
}

describe('an execution environment', () => {
  it('is cold once, then warm, in one process', async () => {
    await using cloud = await startTinyCloud({ functions: { counter: { code: COUNTER } } })
    const first = await cloud.invoke('counter', { n: 1 })
    const second = await cloud.invoke('counter', { n: 2 })
    const [pid] = cloud.pids()
    expect(json(first.payload)).toEqual({
      count: 1,
      pid,
      event: { n: 1 },
      remains: true,
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:counter',
    })
    expect(json(second.payload)).toMatchObject({ count: 2, pid, event: { n: 2 } })
    expect([first.coldStart, second.coldStart]).toEqual([true, false])
    expect(cloud.stats()['counter']).toMatchObject({
      running: 0,
      invokes: 2,
      coldStarts: 1,
      failures: 0,
      throttles: 0,
    })
  })

  it('is told in processor time, not in time', async (context) => {
    if (process.platform !== 'linux') context.skip('only Linux tells of it in /proc')
    await using cloud = await startTinyCloud({
      functions: {
        sleeps: { code: `export const handler = () => new Promise((end) => setTimeout(end, 300))` },
        works: {
          code: `export const handler = async () => {
            const { user } = process.cpuUsage()
            while (process.cpuUsage({ user, system: 0 }).user < 150_000);
          }`,
        },
      },
    })
    await cloud.invoke('sleeps', {})
    await cloud.invoke('works', {})
    const { sleeps, works } = cloud.stats()
    expect(sleeps!.cpuMs).toBeLessThan(100)
    expect(works!.cpuMs).toBeGreaterThanOrEqual(100)
  })

  it('has what its function alone is given', async () => {
    const code = `export const handler = async () => process.env.WHO`
    await using cloud = await startTinyCloud(
      { functions: { one: { code }, other: { code } } },
      {
        environment: { WHO: 'all' },
        environmentOf: (name) => (name === 'one' ? { WHO: name } : {}),
      },
    )
    const [one, other] = [await cloud.invoke('one', {}), await cloud.invoke('other', {})]
    expect([json(one.payload), json(other.payload)]).toEqual(['one', 'all'])
  })

  it('is told of what stands before the AWS APIs', async () => {
    const code = `export const handler = async () => process.env.AWS_ENDPOINT_URL_SQS`
    const told: string[] = []
    const front = (url: string): string => {
      told.push(url)
      return 'http://front'
    }
    await using cloud = await startTinyCloud({ functions: { one: { code } } }, { front })
    expect(json((await cloud.invoke('one', {})).payload)).toBe('http://front')
    expect(told).toEqual([cloud.awsUrl])
  })

  it('gets what the template and the caller set, and nothing of ours', async () => {
    await using cloud = await startTinyCloud(
      {
        functions: {
          env: {
            code: `export const handler = async () => process.env`,
            properties: {
              Environment: {
                Variables: {
                  FROM_TEMPLATE: { 'Fn::Join': ['/', ['a', { Ref: 'AWS::Region' }, { Ref: 'B' }]] },
                  BOTH: 'template',
                },
              },
            },
          },
        },
        resources: { B: { Type: 'AWS::S3::Bucket', Properties: {} } },
      },
      { environment: { BOTH: 'caller' } },
    )
    const { payload } = await cloud.invoke('env', {})
    const environment = json(payload) as Record<string, string>
    expect(environment).toMatchObject({
      FROM_TEMPLATE: 'a/us-east-1/b',
      BOTH: 'caller',
      AWS_LAMBDA_FUNCTION_NAME: 'env',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_ENDPOINT_URL_LAMBDA: cloud.awsUrl,
    })
    expect(environment['VITEST']).toBeUndefined()
    expect(environment['HOME']).toBeUndefined()
  })

  it('stands still between requests', async () => {
    await using cloud = await startTinyCloud({
      functions: {
        ticker: {
          code: `
            let ticks = 0
            setInterval(() => ticks++, 5)
            export const handler = async ({ wait }) => {
              const before = ticks
              while (wait && ticks < before + 5) await new Promise((resolve) => setTimeout(resolve, 5))
              return { before, after: ticks }
            }`,
        },
      },
    })
    const first = json((await cloud.invoke('ticker', { wait: true })).payload) as Ticks
    await new Promise((resolve) => setTimeout(resolve, 600))
    const second = json((await cloud.invoke('ticker', { wait: false })).payload) as Ticks
    // 120 ticks would have fitted; the few are from before it froze, and one that was due when it went on.
    expect(second.before - first.after).toBeLessThan(60)
  })

  it('serves one request at a time: two at once are two environments', async () => {
    await using cloud = await startTinyCloud({
      functions: {
        slow: {
          code: `export const handler = async () => {
            await new Promise((resolve) => setTimeout(resolve, 300))
            return process.pid
          }`,
        },
      },
    })
    const both = await Promise.all([cloud.invoke('slow', {}), cloud.invoke('slow', {})])
    expect(new Set(both.map(({ payload }) => json(payload))).size).toBe(2)
    expect(cloud.stats()['slow']).toMatchObject({ invokes: 2, coldStarts: 2 })
    expect(cloud.pids()).toHaveLength(2)
  })

  it('reports an error of the handler, and goes on', async () => {
    await using cloud = await startTinyCloud({
      functions: {
        picky: {
          code: `export const handler = async ({ fail }) => {
            if (fail) throw new RangeError('no such range')
            return 'fine'
          }`,
        },
      },
    })
    const failed = await cloud.invoke('picky', { fail: true })
    const fine = await cloud.invoke('picky', { fail: false })
    expect(failed.failure?.type).toBe('RangeError')
    expect(json(failed.payload)).toMatchObject({
      errorType: 'RangeError',
      errorMessage: 'no such range',
    })
    expect(json(fine.payload)).toBe('fine')
    expect(fine.coldStart).toBe(false)
    expect(cloud.stats()['picky']).toMatchObject({ invokes: 2, failures: 1, coldStarts: 1 })
  })

  it('reports an error at load', async () => {
    await using cloud = await startTinyCloud({
      functions: { broken: { code: `throw new TypeError('not today')` } },
    })
    const { payload, failure } = await cloud.invoke('broken', {})
    expect(failure?.type).toBe('TypeError')
    expect(json(payload)).toMatchObject({ errorType: 'TypeError', errorMessage: 'not today' })
    expect(cloud.pids()).toEqual([])
  })

  it('is killed at its timeout, and the next request starts another', async () => {
    await using cloud = await startTinyCloud({
      functions: {
        sleeper: {
          code: `export const handler = async ({ sleep }) => {
            if (sleep) await new Promise((resolve) => setTimeout(resolve, 60_000))
            return 'awake'
          }`,
          properties: { Timeout: 1 },
        },
      },
    })
    const late = await cloud.invoke('sleeper', { sleep: true })
    expect(json(late.payload)).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${late.requestId} Error: Task timed out after 1.00 seconds`,
    })
    expect(cloud.pids()).toEqual([])
    const next = await cloud.invoke('sleeper', { sleep: false })
    expect([json(next.payload), next.coldStart]).toEqual(['awake', true])
  })

  it('is killed when its buffers outgrow its memory', async () => {
    await using cloud = await startTinyCloud({
      functions: {
        greedy: {
          code: `export const handler = async () => {
            const kept = []
            for (let i = 0; i < 40; i++) {
              kept.push(Buffer.alloc(16 * 1024 * 1024, 1))
              await new Promise((resolve) => setTimeout(resolve, 5))
            }
            return kept.length
          }`,
          properties: { MemorySize: 192 },
        },
      },
    })
    const end = await cloud.invoke('greedy', {})
    expect(json(end.payload)).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${end.requestId} Error: Runtime exited with error: signal: killed`,
    })
    expect(end.maxMemoryBytes).toBeGreaterThan(192 * 1024 * 1024)
    expect(cloud.pids()).toEqual([])
  })

  it('that exits by itself is an error of its request', async () => {
    await using cloud = await startTinyCloud({
      functions: { quitter: { code: `export const handler = async () => process.exit(3)` } },
    })
    const end = await cloud.invoke('quitter', {})
    expect(json(end.payload)).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${end.requestId} Error: Runtime exited with error: exit status 3`,
    })
  })

  it('hands on what it prints', async () => {
    await using cloud = await startTinyCloud({
      functions: {
        talker: {
          code: `export const handler = async () => { console.warn('look', 7) }`,
          properties: { LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'WARN' } },
        },
      },
    })
    const { requestId } = await cloud.invoke('talker', {})
    await until(() => cloud.logs.length > 0)
    expect(cloud.logs).toHaveLength(1)
    expect(JSON.parse(cloud.logs[0]!.replace('talker: ', ''))).toMatchObject({
      level: 'WARN',
      message: 'look 7',
      requestId,
    })
  })

  it('ends when it has had nothing to do for long', async () => {
    await using cloud = await startTinyCloud(
      { functions: { counter: { code: COUNTER } } },
      { idleMs: 50 },
    )
    await cloud.invoke('counter', {})
    const [pid] = cloud.pids()
    await until(() => !alive(pid!))
    expect((await cloud.invoke('counter', {})).coldStart).toBe(true)
  })
})

interface Ticks {
  readonly before: number
  readonly after: number
}
