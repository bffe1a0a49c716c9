import { rmSync } from 'node:fs'

import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { afterEach, describe, expect, it } from 'vitest'

import type { UpdateStep } from '#localstack/cloud/deployed-stack.ts'
import { deploymentOrder } from '#localstack/cloud/deployment-order.ts'

import {
  startTinyCloud,
  type TinyCloud,
  type TinyStack,
  until,
  writeAssembly,
} from './tiny-stack.ts'

/** `front` says its own release and that of the `back` it was deployed with. */
const FRONT = (release: string): string => `
  const pause = (ms) => new Promise((end) => setTimeout(end, ms))
  export const handler = async ({ ms = 0 } = {}) => {
    await pause(ms)
    const answer = await fetch(
      process.env.AWS_ENDPOINT_URL_LAMBDA + '/2015-03-31/functions/' +
        encodeURIComponent(process.env.BACK) + '/invocations',
      { method: 'POST', body: '{}' },
    )
    const version = answer.headers.get('x-amz-executed-version')
    return {
      front: '${release}', of: process.env.AWS_LAMBDA_FUNCTION_VERSION,
      back: await answer.json(), backVersion: version,
    }
  }`

const BACK = (release: string): string => `
  export const handler = async (event) => {
    if (event.Records) console.log('took ' + event.Records.map(({ body }) => body) + ' ${release}')
    return '${release}'
  }`

/** A version's logical id has a hash of what it is of, as CDK's. */
function stack(release: string, { front = release, back = release } = {}): TinyStack {
  const version = (name: string, hash: string): TinyStack['resources'] => ({
    [`${name}Version${hash}`]: {
      Type: 'AWS::Lambda::Version',
      Properties: { FunctionName: { Ref: name } },
    },
    [`${name}Live`]: {
      Type: 'AWS::Lambda::Alias',
      Properties: {
        FunctionName: { Ref: name },
        FunctionVersion: { 'Fn::GetAtt': [`${name}Version${hash}`, 'Version'] },
        Name: 'live',
      },
    },
  })
  return {
    functions: {
      front: {
        code: FRONT(front),
        properties: { Environment: { Variables: { BACK: { Ref: `backVersion${back}` } } } },
      },
      back: { code: BACK(back) },
    },
    resources: {
      ...version('front', `${front}${back}`),
      ...version('back', back),
      Jobs: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'jobs' } },
      Source: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          EventSourceArn: { 'Fn::GetAtt': ['Jobs', 'Arn'] },
          FunctionName: { Ref: 'backLive' },
        },
      },
      Every: {
        Type: 'AWS::Events::Rule',
        Properties: {
          Name: `every-${release}`,
          ScheduleExpression: 'rate(5 minutes)',
          Targets: [{ Id: '0', Arn: { Ref: 'backLive' } }],
        },
      },
    },
  }
}

const directories: string[] = []

function assembly(of: TinyStack): string {
  const directory = writeAssembly(of)
  directories.push(directory)
  return directory
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

async function ask(cloud: TinyCloud, event: unknown = {}): Promise<unknown> {
  const { payload } = await cloud.invoke('front:live', event)
  return JSON.parse(payload.toString())
}

const OLD = { front: 'a', of: '1', back: 'a', backVersion: '1' }
const NEW = { front: 'b', of: '2', back: 'b', backVersion: '2' }

describe('an update', () => {
  it('brings new versions, and a front never meets a back that it was not deployed with', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    expect(await ask(cloud)).toEqual(OLD)
    const seen: (readonly [string, unknown])[] = []
    const between = async ({ what }: UpdateStep): Promise<void> => {
      seen.push([what, await ask(cloud)])
    }
    await cloud.update(assembly(stack('b')), { between })
    expect(seen).toEqual([
      ['back', OLD],
      ['back:2', OLD],
      ['front', OLD],
      ['front:2', OLD],
      ['front:live is 2', NEW],
      ['back:live is 2', NEW],
      ['rule every-b', NEW],
    ])
    expect(await ask(cloud)).toEqual(NEW)
  })

  it('does so in every order that the dependencies allow', async () => {
    const sides = { first: 0, last: -1 }
    for (const side of Object.values(sides)) {
      await using cloud = await startTinyCloud(stack('a'))
      const answers: unknown[] = []
      await cloud.update(assembly(stack('b')), {
        choose: (ready) => ready.at(side)!,
        between: async () => void answers.push(await ask(cloud)),
      })
      const text = answers.map((answer) => JSON.stringify(answer))
      expect(new Set(text)).toEqual(new Set([OLD, NEW].map((it) => JSON.stringify(it))))
      expect(text.at(-1)).toBe(JSON.stringify(NEW))
    }
  })

  it('changes nothing where nothing is other', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    await ask(cloud)
    const pids = cloud.pids()
    const steps: string[] = []
    await cloud.update(assembly(stack('a')), { between: ({ what }) => void steps.push(what) })
    expect(steps).toEqual([])
    expect(cloud.pids()).toEqual(pids)
  })

  it('leaves what did not change as it is', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    await cloud.update(assembly(stack('a', { front: 'b', back: 'a' })))
    expect(await ask(cloud)).toEqual({ front: 'b', of: '2', back: 'a', backVersion: '1' })
  })

  it('lets requests of the former versions end, and then their environments', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    await ask(cloud)
    const before = cloud.pids()
    const slow = ask(cloud, { ms: 500 })
    await cloud.update(assembly(stack('b')))
    expect(await ask(cloud)).toEqual(NEW)
    // It asks a version of `back` that no alias has any more.
    expect(await slow).toEqual(OLD)
    await until(() => cloud.pids().every((pid) => !before.includes(pid)))
    await until(() => cloud.pids().length === 2)
  })

  it('goes back: the same code is another version', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    await cloud.update(assembly(stack('b')))
    await cloud.update(assembly(stack('a')))
    expect(await ask(cloud)).toEqual({ front: 'a', of: '3', back: 'a', backVersion: '3' })
  })

  it('goes back by the alias alone, and what it called then comes with it', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    await cloud.update(assembly(stack('b')))
    cloud.updateAlias('front', 'live', '1')
    expect(await ask(cloud)).toEqual(OLD)
    expect(() => cloud.updateAlias('front', 'live', '9')).toThrow(
      'Function not found: arn:aws:lambda:us-east-1:000000000000:function:front:9',
    )
    expect(() => cloud.updateAlias('other', 'live', '1')).toThrow('no function other')
  })

  it('that fails is taken back, and can be tried again', async () => {
    for (const at of ['back:2', 'front:2', 'front:live is 2', 'rule every-b']) {
      await using cloud = await startTinyCloud(stack('a'))
      const failing = cloud.update(assembly(stack('b')), {
        between: ({ what }) => {
          if (what === at) throw new Error('no more of these')
        },
      })
      await expect(failing).rejects.toThrow('no more of these')
      expect(await ask(cloud)).toEqual(OLD)
      await expect(cloud.invoke('back:2', {})).rejects.toThrow('no function back:2')
      await expect(cloud.runSchedule('every-b')).rejects.toThrow('no schedule every-b')
      // The code that was published is published again: the version that had it is gone.
      await cloud.update(assembly(stack('b')))
      const of = at === 'back:2' ? '2' : '3'
      expect(await ask(cloud)).toEqual({ front: 'b', of, back: 'b', backVersion: '3' })
    }
  })

  it('keeps the messages of a queue, and hands them to the new version', async () => {
    const quiet = stack('a')
    const { Source: _, ...resources } = quiet.resources!
    await using cloud = await startTinyCloud({ ...quiet, resources })
    cloud.queue('jobs').send('one')
    await cloud.update(assembly(stack('b')))
    await until(() => cloud.queue('jobs').size === 0)
    expect(cloud.logs.filter((line) => line.includes('took one b'))).toHaveLength(1)
  })

  it('replaces schedules', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    await cloud.update(assembly(stack('b')))
    const [result] = await cloud.runSchedule('every-b')
    expect(JSON.parse(result!.payload.toString())).toBe('b')
    await expect(cloud.runSchedule('every-a')).rejects.toThrow('no schedule every-a')
  })

  it('takes away what is not there any more', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    await ask(cloud)
    const { functions } = stack('b')
    await cloud.update(assembly({ functions: { back: functions['back']! } }))
    await expect(cloud.invoke('front:live', {})).rejects.toThrow('no function front:live')
    await expect(cloud.invoke('back:live', {})).rejects.toThrow('no function back:live')
    expect(() => cloud.queue('jobs')).toThrow('no queue jobs')
    // Versions stay: the alias went, not they.
    expect((await cloud.invoke('back:1', {})).payload.toString()).toBe('"a"')
    await until(() => cloud.pids().length === 0)
  })

  it('publishes nothing that is published: CloudFormation fails there too', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    const renamed = stack('a')
    const { backVersiona: version, ...resources } = renamed.resources!
    const text = JSON.stringify({ ...renamed, resources: { ...resources, other: version } })
    const other = JSON.parse(text.replaceAll('"backVersiona"', '"other"')) as TinyStack
    await expect(cloud.update(assembly(other))).rejects.toThrow(
      'A version for this Lambda function exists ( 1 ).',
    )
  })
})

describe('a version or an alias, in the AWS SDK', () => {
  it('is asked for in the name or beside it, and one that is not there is not found', async () => {
    await using cloud = await startTinyCloud(stack('a'))
    await cloud.update(assembly(stack('b')))
    const client = new LambdaClient({
      endpoint: cloud.awsUrl,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    })
    const invoked = async (FunctionName: string, Qualifier?: string): Promise<unknown> => {
      const command = new InvokeCommand({ FunctionName, ...(Qualifier && { Qualifier }) })
      const { Payload, ExecutedVersion } = await client.send(command)
      return [ExecutedVersion, JSON.parse(Buffer.from(Payload!).toString())]
    }
    expect(await invoked('back')).toEqual(['$LATEST', 'b'])
    expect(await invoked('back:1')).toEqual(['1', 'a'])
    expect(await invoked('back', 'live')).toEqual(['2', 'b'])
    expect(await invoked('arn:aws:lambda:us-east-1:000000000000:function:back:2')).toEqual([
      '2',
      'b',
    ])
    await expect(invoked('back', '3')).rejects.toThrow('Function not found: back:3')
    client.destroy()
  })
})

describe('the order of a deployment', () => {
  const needs = (of: Record<string, string[]>): Map<string, Set<string>> =>
    new Map(Object.entries(of).map(([id, others]) => [id, new Set(others)]))

  it('has each after what it needs, and is chosen where it is free', () => {
    const diamond = needs({ end: ['left', 'right'], left: ['start'], right: ['start'], start: [] })
    expect(deploymentOrder(diamond)).toEqual(['start', 'left', 'right', 'end'])
    expect(deploymentOrder(diamond, (ready) => ready.at(-1)!)).toEqual([
      'start',
      'right',
      'left',
      'end',
    ])
  })

  it('is none in a circle', () => {
    expect(() => deploymentOrder(needs({ a: ['b'], b: ['a'], c: [] }))).toThrow(
      'a cycle among a, b',
    )
  })
})
