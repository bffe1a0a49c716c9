import { describe, expect, it } from 'vitest'

import { plain, resourceOf, resourcesOf, synthesize } from './synthesized.ts'

const OBJSTORE =
  'type: S3\nconfig:\n  bucket: BucketMetrics\n' +
  '  endpoint: s3.<AWS::Region>.<AWS::URLSuffix>\n  region: <AWS::Region>\n'

function functionOf(template: ReturnType<typeof synthesize>, id: string): unknown {
  const { Code, Description, ...properties } = resourceOf(
    template,
    'AWS::Lambda::Function',
    id,
  ).Properties
  expect(Code).toMatchObject({ S3Key: expect.stringMatching(/^[0-9a-f]{64}\.zip$/) })
  expect(Description).not.toBe('')
  return plain(properties)
}

const RUNTIME = {
  NODE_OPTIONS: '--max-semi-space-size=16',
  MALLOC_MMAP_THRESHOLD_: '262144',
  MALLOC_TRIM_THRESHOLD_: '4194304',
}

const COMMON = {
  Architectures: ['arm64'],
  Runtime: 'nodejs24.x',
  Handler: 'index.handler',
}

function logging(id: string): object {
  return {
    ApplicationLogLevel: 'INFO',
    LogFormat: 'JSON',
    LogGroup: `${id}Log`,
    SystemLogLevel: 'WARN',
  }
}

describe('the functions', () => {
  const template = synthesize()

  it('gives query a whole vCPU and a second less than the gateway waits', () => {
    expect(functionOf(template, 'QueryFunction')).toEqual({
      ...COMMON,
      FunctionName: 'thaw-query',
      MemorySize: 1769,
      Timeout: 29,
      Role: 'QueryRole.Arn',
      LoggingConfig: logging('Query'),
      Environment: {
        Variables: {
          ...RUNTIME,
          THAW_OBJSTORE_CONFIG: OBJSTORE,
          THAW_QUERY_FLAGS: '',
          THAW_STORE_FUNCTION: 'StoreFunctionCurrentVersion',
        },
      },
    })
  })

  it('gives store a whole vCPU and no longer than query lives', () => {
    expect(functionOf(template, 'StoreFunction')).toEqual({
      ...COMMON,
      FunctionName: 'thaw-store',
      MemorySize: 1769,
      Timeout: 29,
      Role: 'StoreRole.Arn',
      LoggingConfig: logging('Store'),
      Environment: { Variables: { ...RUNTIME, THAW_OBJSTORE_CONFIG: OBJSTORE } },
    })
  })

  it('gives plan five minutes', () => {
    expect(functionOf(template, 'PlanFunction')).toEqual({
      ...COMMON,
      FunctionName: 'thaw-plan',
      MemorySize: 1024,
      Timeout: 300,
      // Lambda would take plan and compact for a loop, which each turn of theirs brings nearer to its end.
      RecursiveLoop: 'Allow',
      Role: 'PlanRole.Arn',
      LoggingConfig: logging('Plan'),
      Environment: {
        Variables: {
          ...RUNTIME,
          THAW_COMPACT_FLAGS: '',
          THAW_OBJSTORE_CONFIG: OBJSTORE,
          THAW_QUEUE_URL: 'JobsQueue',
        },
      },
    })
  })

  it('gives compact a whole vCPU and the longest time there is', () => {
    expect(functionOf(template, 'CompactFunction')).toEqual({
      ...COMMON,
      FunctionName: 'thaw-compact',
      MemorySize: 1769,
      Timeout: 900,
      // Lambda would take plan and compact for a loop, which each turn of theirs brings nearer to its end.
      RecursiveLoop: 'Allow',
      Role: 'CompactRole.Arn',
      LoggingConfig: logging('Compact'),
      Environment: {
        Variables: { ...RUNTIME, THAW_COMPACT_FLAGS: '', THAW_OBJSTORE_CONFIG: OBJSTORE },
      },
    })
  })

  it('gives rule a whole vCPU, two minutes, and where the HTTP API is', () => {
    expect(functionOf(template, 'RuleFunction')).toEqual({
      ...COMMON,
      FunctionName: 'thaw-rule',
      MemorySize: 1769,
      Timeout: 120,
      Role: 'RuleRole.Arn',
      LoggingConfig: logging('Rule'),
      Environment: {
        Variables: {
          ...RUNTIME,
          THAW_EXTERNAL_URL: 'https://HttpApi.execute-api.<AWS::Region>.<AWS::URLSuffix>',
          THAW_OBJSTORE_CONFIG: OBJSTORE,
          THAW_RULE_FLAGS: '',
          THAW_RULE_SECRETS: '',
        },
      },
    })
  })

  it('keeps instances for query and store, if it is to', () => {
    const all = ['Query', 'Store', 'Compact', 'Rule', 'Plan', 'Authorize']
    const reserved = synthesize({ queryConcurrency: 5, storeConcurrency: 40 })
    expect(
      all.map(
        (name) =>
          resourceOf(reserved, 'AWS::Lambda::Function', `${name}Function`).Properties[
            'ReservedConcurrentExecutions'
          ],
      ),
    ).toEqual([5, 40, undefined, undefined, undefined, undefined])
  })

  it('gives authorize little, and no longer than a client waits', () => {
    expect(functionOf(template, 'AuthorizeFunction')).toEqual({
      ...COMMON,
      FunctionName: 'thaw-authorize',
      MemorySize: 512,
      Timeout: 10,
      Role: 'AuthorizeRole.Arn',
      LoggingConfig: logging('Authorize'),
      Environment: { Variables: { ...RUNTIME, THAW_OBJSTORE_CONFIG: OBJSTORE } },
    })
  })

  it('has no function that we did not write', () => {
    expect(Object.keys(resourcesOf(template, 'AWS::Lambda::Function'))).toHaveLength(6)
  })

  it('keeps logs for two weeks, and removes them with the stack', () => {
    const groups = Object.values(resourcesOf(template, 'AWS::Logs::LogGroup'))
    expect(
      groups
        .map(({ Properties, DeletionPolicy }) => ({ ...Properties, DeletionPolicy }))
        .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    ).toEqual([
      { LogGroupName: '/aws/apigateway/thaw', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-authorize', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-compact', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-plan', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-query', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-rule', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-store', RetentionInDays: 14, DeletionPolicy: 'Delete' },
    ])
  })
})

describe('what wakes compact', () => {
  const template = synthesize()

  it('is a job in the queue, one at a time in each of ten', () => {
    const [mapping] = Object.values(resourcesOf(template, 'AWS::Lambda::EventSourceMapping'))
    expect(plain(mapping!.Properties)).toEqual({
      BatchSize: 1,
      EventSourceArn: 'JobsQueue.Arn',
      FunctionName: '<6 of CompactLive>:live',
      ScalingConfig: { MaximumConcurrency: 10 },
    })
  })

  it('is not a job that failed three times: that is kept for people', () => {
    expect(plain(resourceOf(template, 'AWS::SQS::Queue', 'JobsQueue').Properties)).toEqual({
      QueueName: 'thaw-jobs',
      MessageRetentionPeriod: 86_400,
      VisibilityTimeout: 960,
      SqsManagedSseEnabled: true,
      RedrivePolicy: { deadLetterTargetArn: 'JobsDeadLetters.Arn', maxReceiveCount: 3 },
    })
    expect(plain(resourceOf(template, 'AWS::SQS::Queue', 'JobsDeadLetters').Properties)).toEqual({
      QueueName: 'thaw-dead-jobs',
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
    })
  })
})

describe('what wakes rule', () => {
  it('is the clock, every minute, and what was lost comes again with the next', () => {
    const rule = resourceOf(synthesize(), 'AWS::Events::Rule', 'RuleEveryMinute')
    expect(plain(rule.Properties)).toEqual({
      Name: 'thaw-rule',
      Description: 'A tick of the ruler',
      ScheduleExpression: 'rate(1 minute)',
      State: 'ENABLED',
      Targets: [
        {
          Arn: 'RuleLive',
          Id: 'Target0',
          RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 },
        },
      ],
    })
  })

  it('is a rule file that came, changed or went', () => {
    const rule = resourceOf(synthesize(), 'AWS::Events::Rule', 'RuleFileChanged')
    expect(plain(rule.Properties)).toMatchObject({
      Name: 'thaw-rule-file',
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created', 'Object Deleted'],
        detail: {
          bucket: { name: ['BucketMetrics'] },
          object: { key: [{ prefix: 'thaw/rule/files/' }] },
        },
      },
      Targets: [{ Arn: 'RuleLive' }],
    })
  })
})

describe('what wakes plan', () => {
  const template = synthesize()
  const target = {
    Arn: 'PlanLive',
    Id: 'Target0',
    RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 1 },
  }

  it('is the clock, every five minutes', () => {
    const rule = resourceOf(template, 'AWS::Events::Rule', 'PlanEveryFiveMinutes')
    expect(plain(rule.Properties)).toEqual({
      Name: 'thaw-plan',
      Description: 'Finds what no event told of',
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
      Targets: [target],
    })
  })

  it('is the arrival of a meta.json', () => {
    const rule = resourceOf(template, 'AWS::Events::Rule', 'PlanBlockArrived')
    expect(plain(rule.Properties)).toEqual({
      Name: 'thaw-block-arrived',
      Description: 'meta.json is the last object of a block',
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: {
          bucket: { name: ['BucketMetrics'] },
          object: { key: [{ suffix: '/meta.json' }] },
        },
      },
      State: 'ENABLED',
      Targets: [target],
    })
  })
})
