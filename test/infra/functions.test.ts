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
          THAW_STORE_FUNCTION: 'StoreFunction',
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
      Role: 'PlanRole.Arn',
      LoggingConfig: logging('Plan'),
      Environment: { Variables: { ...RUNTIME, THAW_OBJSTORE_CONFIG: OBJSTORE } },
    })
  })

  it('has no function that we did not write', () => {
    expect(Object.keys(resourcesOf(template, 'AWS::Lambda::Function'))).toHaveLength(3)
  })

  it('keeps logs for two weeks, and removes them with the stack', () => {
    const groups = Object.values(resourcesOf(template, 'AWS::Logs::LogGroup'))
    expect(
      groups
        .map(({ Properties, DeletionPolicy }) => ({ ...Properties, DeletionPolicy }))
        .toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    ).toEqual([
      { LogGroupName: '/aws/apigateway/thaw', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-plan', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-query', RetentionInDays: 14, DeletionPolicy: 'Delete' },
      { LogGroupName: '/aws/lambda/thaw-store', RetentionInDays: 14, DeletionPolicy: 'Delete' },
    ])
  })
})

describe('what wakes plan', () => {
  const template = synthesize()
  const target = {
    Arn: 'PlanFunction.Arn',
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
