import { describe, expect, it, vi } from 'vitest'

import { matchesPattern } from '#localstack/cloud/pattern.ts'
import { parseRate } from '#localstack/cloud/schedule.ts'

import { startTinyCloud, until } from './tiny-stack.ts'
import type { TinyStack } from './tiny-stack.ts'

const NOW = Date.UTC(2026, 10, 21, 7, 0, 0)

const PLAN: TinyStack = {
  functions: {
    plan: {
      code: `export const handler = async (event) => { console.log(JSON.stringify(event)); return event }`,
    },
  },
  resources: {
    Metrics: { Type: 'AWS::S3::Bucket', Properties: {} },
    Every: {
      Type: 'AWS::Events::Rule',
      Properties: {
        Name: 'every',
        ScheduleExpression: 'rate(5 minutes)',
        Targets: [{ Id: '0', Arn: { 'Fn::GetAtt': ['plan', 'Arn'] } }],
      },
    },
    Arrived: {
      Type: 'AWS::Events::Rule',
      Properties: {
        Name: 'arrived',
        EventPattern: {
          source: ['aws.s3'],
          'detail-type': ['Object Created'],
          detail: {
            bucket: { name: [{ Ref: 'Metrics' }] },
            object: { key: [{ suffix: '/meta.json' }] },
          },
        },
        Targets: [{ Id: '0', Arn: { 'Fn::GetAtt': ['plan', 'Arn'] } }],
      },
    },
  },
}

describe('rules', () => {
  it('run at once when asked, with the event of the clock', async () => {
    await using cloud = await startTinyCloud(PLAN, { now: () => NOW })
    const [result] = await cloud.runSchedule('every')
    expect(JSON.parse(result!.payload.toString())).toEqual({
      version: '0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '000000000000',
      time: '2026-11-21T07:00:00Z',
      region: 'us-east-1',
      resources: ['arn:aws:events:us-east-1:000000000000:rule/every'],
      detail: {},
    })
    await expect(cloud.runSchedule('arrived')).rejects.toThrow('no schedule arrived')
  })

  it('wake a function when a meta.json arrives, and for nothing else', async () => {
    await using cloud = await startTinyCloud(PLAN, { now: () => NOW })
    expect(cloud.objectCreated('01JD/index', 10)).toEqual([])
    expect(cloud.objectCreated('01JD/meta.json', 900)).toEqual(['arrived'])
    await until(() => cloud.logs.length > 0)
    const line = cloud.logs[0]!
    expect(JSON.parse(line.slice(line.indexOf('{')))).toMatchObject({
      source: 'aws.s3',
      detail: { bucket: { name: 'metrics' }, object: { key: '01JD/meta.json', size: 900 } },
    })
    await until(() => cloud.stats()['plan']?.invokes === 1)
  })

  it('run by the clock when it is on, not before their first period has passed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      await using cloud = await startTinyCloud(PLAN, { clock: true })
      vi.advanceTimersByTime(299_999)
      expect(cloud.logs).toEqual([])
      vi.advanceTimersByTime(1)
      await until(() => cloud.stats()['plan']?.invokes === 1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('read rates, and no other schedules', () => {
    expect([
      parseRate('rate(1 minute)'),
      parseRate('rate(5 minutes)'),
      parseRate('rate(2 hours)'),
    ]).toEqual([60_000, 300_000, 7_200_000])
    expect(() => parseRate('cron(0 12 * * ? *)')).toThrow(
      'schedule cron(0 12 * * ? *) is not a rate',
    )
  })
})

describe('an event pattern', () => {
  const event = { source: 'aws.s3', detail: { key: 'a/meta.json', tags: ['x', 'y'], size: 3 } }

  it.each([
    [{ source: ['aws.s3'] }, true],
    [{ source: ['aws.ec2', 'aws.s3'] }, true],
    [{ source: ['aws.ec2'] }, false],
    [{ detail: { key: [{ prefix: 'a/' }] } }, true],
    [{ detail: { key: [{ suffix: '/index' }] } }, false],
    [{ detail: { tags: ['y'] } }, true],
    [{ detail: { size: [3] } }, true],
    [{ detail: { size: ['3'] } }, false],
    [{ detail: { reason: [{ exists: false }] } }, true],
    [{ detail: { reason: [{ exists: true }] } }, false],
    [{ detail: { key: [{ 'anything-but': ['a/meta.json'] }] } }, false],
    [{ source: ['aws.s3'], other: { deep: ['x'] } }, false],
  ])('%j is %s', (pattern, matches) => {
    expect(matchesPattern(pattern, event)).toBe(matches)
  })

  it('of a kind that is not known is an error', () => {
    expect(() => matchesPattern({ source: [{ wildcard: 'a*' }] }, event)).toThrow(
      'event pattern wildcard is not known here',
    )
  })
})

const QUEUES: TinyStack = {
  functions: {
    compact: {
      code: `export const handler = async ({ Records }) => {
        console.log(Records.map(({ body, attributes }) => body + attributes.ApproximateReceiveCount).join())
        if (Records.some(({ body }) => body === 'throw')) throw new Error('no')
        return {
          batchItemFailures: Records.filter(({ body }) => body === 'bad').map(({ messageId }) => ({
            itemIdentifier: messageId,
          })),
        }
      }`,
    },
  },
  resources: {
    Jobs: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        QueueName: 'jobs',
        VisibilityTimeout: 1,
        RedrivePolicy: {
          deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] },
          maxReceiveCount: 2,
        },
      },
    },
    Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'dead' } },
    Source: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: { 'Fn::GetAtt': ['Jobs', 'Arn'] },
        FunctionName: { Ref: 'compact' },
        BatchSize: 1,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 2 },
      },
    },
  },
}

describe('a queue', () => {
  it('brings a message to its function, and forgets it when that went well', async () => {
    await using cloud = await startTinyCloud(QUEUES)
    cloud.queue('jobs').send('good')
    await until(() => cloud.queue('jobs').size === 0)
    expect(cloud.logs.map((line) => line.split('\t').at(-1))).toEqual(['good1'])
    expect(cloud.queue('dead').size).toBe(0)
  })

  it.each(['bad', 'throw'])('brings back %s, and puts it aside in the end', async (body) => {
    await using cloud = await startTinyCloud(QUEUES)
    cloud.queue('jobs').send(body)
    await until(() => cloud.queue('dead').size === 1)
    expect(cloud.queue('jobs').size).toBe(0)
    expect(cloud.queue('dead').bodies()).toEqual([body])
    await until(() => cloud.stats()['compact']?.invokes === 2)
  })

  it('runs no more at one time than its mapping says', async () => {
    await using cloud = await startTinyCloud(QUEUES)
    for (let i = 0; i < 8; i++) cloud.queue('jobs').send(`job${i}`)
    await until(() => cloud.queue('jobs').size === 0)
    expect(cloud.stats()['compact']).toMatchObject({ throttles: 0 })
    expect(cloud.pids().length).toBeLessThanOrEqual(2)
  })

  it('takes messages over HTTP at the URL that Ref gives', async () => {
    await using cloud = await startTinyCloud(QUEUES)
    const response = await fetch(cloud.awsUrl, {
      method: 'POST',
      headers: {
        'x-amz-target': 'AmazonSQS.SendMessageBatch',
        'content-type': 'application/x-amz-json-1.0',
      },
      body: JSON.stringify({
        QueueUrl: `${cloud.awsUrl}/000000000000/dead`,
        Entries: [
          { Id: 'a', MessageBody: 'one' },
          { Id: 'b', MessageBody: 'two' },
        ],
      }),
    })
    expect(await response.json()).toMatchObject({
      Successful: [{ Id: 'a', MD5OfMessageBody: 'f97c5d29941bfb1b2fdab0874906ab82' }, { Id: 'b' }],
      Failed: [],
    })
    expect(cloud.queue('dead').bodies()).toEqual(['one', 'two'])
  })
})
