import { describe, expect, it } from 'vitest'

import { isLike } from '#test/policies/allowance.ts'
import { allowances, plain, resourceOf, resourcesOf, synthesize } from './synthesized.ts'

const BLOCKS = `BucketMetrics.Arn/${'?'.repeat(26)}`

describe('what each function may do', () => {
  const template = synthesize()

  it('lets store read blocks, and write lookups and spilled answers', () => {
    expect(allowances(template, 'StoreRole')).toEqual([
      'logs:CreateLogStream StoreLog.Arn',
      'logs:PutLogEvents StoreLog.Arn',
      's3:AbortMultipartUpload BucketMetrics.Arn/thaw/spill/*',
      `s3:GetObject ${BLOCKS}/*`,
      's3:GetObject BucketMetrics.Arn/thaw/fresh/*',
      's3:GetObject BucketMetrics.Arn/thaw/lookup/*',
      's3:GetObject BucketMetrics.Arn/thaw/spill/*',
      's3:ListBucket BucketMetrics.Arn',
      's3:PutObject BucketMetrics.Arn/thaw/lookup/*',
      's3:PutObject BucketMetrics.Arn/thaw/spill/*',
    ])
  })

  it('lets query invoke store, read what a slice needs, and keep results', () => {
    expect(allowances(template, 'QueryRole')).toEqual([
      'lambda:InvokeFunction StoreFunction.Arn:*',
      'logs:CreateLogStream QueryLog.Arn',
      'logs:PutLogEvents QueryLog.Arn',
      `s3:GetObject ${BLOCKS}/*`,
      's3:GetObject BucketMetrics.Arn/thaw/backlog.json.gz',
      's3:GetObject BucketMetrics.Arn/thaw/bucket-index/*',
      's3:GetObject BucketMetrics.Arn/thaw/fresh/*',
      's3:GetObject BucketMetrics.Arn/thaw/lookup/*',
      's3:GetObject BucketMetrics.Arn/thaw/results/*',
      's3:GetObject BucketMetrics.Arn/thaw/rule/state.json.gz',
      's3:GetObject BucketMetrics.Arn/thaw/spill/*',
      's3:ListBucket BucketMetrics.Arn',
      's3:PutObject BucketMetrics.Arn/thaw/lookup/*',
      's3:PutObject BucketMetrics.Arn/thaw/results/*',
    ])
  })

  it('lets plan list, read what describes blocks and jobs, write the bucket index, and send jobs', () => {
    expect(allowances(template, 'PlanRole')).toEqual([
      'logs:CreateLogStream PlanLog.Arn',
      'logs:PutLogEvents PlanLog.Arn',
      's3:DeleteObject BucketMetrics.Arn/thaw/bucket-index/*',
      's3:DeleteObject BucketMetrics.Arn/thaw/probe/*',
      `s3:GetObject ${BLOCKS}/*.json`,
      's3:GetObject BucketMetrics.Arn/thaw/backlog.json.gz',
      's3:GetObject BucketMetrics.Arn/thaw/bucket-index/*',
      's3:GetObject BucketMetrics.Arn/thaw/compact/*',
      's3:GetObject BucketMetrics.Arn/thaw/lease/*',
      's3:GetObject BucketMetrics.Arn/thaw/probe/*',
      's3:GetObject BucketMetrics.Arn/thaw/rule/state.json.gz',
      's3:ListBucket BucketMetrics.Arn',
      's3:PutObject BucketMetrics.Arn/thaw/backlog.json.gz',
      's3:PutObject BucketMetrics.Arn/thaw/bucket-index/*',
      's3:PutObject BucketMetrics.Arn/thaw/probe/*',
      'sqs:SendMessage JobsQueue.Arn',
    ])
  })

  it('gives plan no queue where another compactor works', () => {
    const without = synthesize({ compaction: false })
    expect(allowances(without, 'PlanRole').filter((line) => line.startsWith('sqs:'))).toEqual([])
    const { Properties } = resourceOf(without, 'AWS::Lambda::Function', 'PlanFunction')
    const { Variables } = Properties['Environment'] as { Variables: Record<string, unknown> }
    expect(Variables['THAW_QUEUE_URL']).toBe('')
  })

  it('lets compact take jobs, and write and delete what they are about', () => {
    expect(allowances(template, 'CompactRole')).toMatchInlineSnapshot(`
      [
        "logs:CreateLogStream CompactLog.Arn",
        "logs:PutLogEvents CompactLog.Arn",
        "s3:AbortMultipartUpload BucketMetrics.Arn/??????????????????????????/*",
        "s3:AbortMultipartUpload BucketMetrics.Arn/thaw/compact/*",
        "s3:DeleteObject BucketMetrics.Arn/??????????????????????????/*",
        "s3:DeleteObject BucketMetrics.Arn/thaw/compact/*",
        "s3:DeleteObject BucketMetrics.Arn/thaw/fresh/*",
        "s3:DeleteObject BucketMetrics.Arn/thaw/lease/*",
        "s3:DeleteObject BucketMetrics.Arn/thaw/lookup/*",
        "s3:GetObject BucketMetrics.Arn/??????????????????????????/*",
        "s3:GetObject BucketMetrics.Arn/thaw/bucket-index/*",
        "s3:GetObject BucketMetrics.Arn/thaw/compact/*",
        "s3:GetObject BucketMetrics.Arn/thaw/fresh/*",
        "s3:GetObject BucketMetrics.Arn/thaw/lease/*",
        "s3:ListBucket BucketMetrics.Arn",
        "s3:PutObject BucketMetrics.Arn/??????????????????????????/*",
        "s3:PutObject BucketMetrics.Arn/thaw/compact/*",
        "s3:PutObject BucketMetrics.Arn/thaw/fresh/*",
        "s3:PutObject BucketMetrics.Arn/thaw/lease/*",
        "s3:PutObject BucketMetrics.Arn/thaw/lookup/*",
        "sqs:DeleteMessage JobsQueue.Arn",
        "sqs:GetQueueAttributes JobsQueue.Arn",
        "sqs:ReceiveMessage JobsQueue.Arn",
      ]
    `)
  })

  it('lets rule read what queries read, and write results and its state', () => {
    expect(allowances(template, 'RuleRole')).toEqual([
      'logs:CreateLogStream RuleLog.Arn',
      'logs:PutLogEvents RuleLog.Arn',
      's3:DeleteObject BucketMetrics.Arn/thaw/fresh/*',
      's3:DeleteObject BucketMetrics.Arn/thaw/probe/*',
      `s3:GetObject ${BLOCKS}/*`,
      's3:GetObject BucketMetrics.Arn/thaw/bucket-index/*',
      's3:GetObject BucketMetrics.Arn/thaw/fresh/*',
      's3:GetObject BucketMetrics.Arn/thaw/lookup/*',
      's3:GetObject BucketMetrics.Arn/thaw/probe/*',
      's3:GetObject BucketMetrics.Arn/thaw/rule/files/*',
      's3:GetObject BucketMetrics.Arn/thaw/rule/state.json.gz',
      's3:ListBucket BucketMetrics.Arn',
      's3:PutObject BucketMetrics.Arn/thaw/fresh/*',
      's3:PutObject BucketMetrics.Arn/thaw/lookup/*',
      's3:PutObject BucketMetrics.Arn/thaw/probe/*',
      's3:PutObject BucketMetrics.Arn/thaw/rule/broken/*',
      's3:PutObject BucketMetrics.Arn/thaw/rule/state.json.gz',
    ])
  })

  it('lets authorize read the tokens, and nothing else', () => {
    expect(allowances(template, 'AuthorizeRole')).toEqual([
      'logs:CreateLogStream AuthorizeLog.Arn',
      'logs:PutLogEvents AuthorizeLog.Arn',
      's3:GetObject BucketMetrics.Arn/thaw/tokens.json.gz',
    ])
  })

  it('lets the streaming door what it lets query, and read the tokens', () => {
    const open = synthesize({ streamingDoor: true })
    const own = (role: string, log: string) =>
      allowances(open, role).filter((line) => !line.includes(`${log}Log.Arn`))
    expect(own('StreamRole', 'Stream')).toEqual(
      [
        ...own('QueryRole', 'Query'),
        's3:GetObject BucketMetrics.Arn/thaw/tokens.json.gz',
      ].toSorted(),
    )
    expect(own('QueryRole', 'Query')).toEqual(
      allowances(template, 'QueryRole').filter((line) => !line.includes('QueryLog.Arn')),
    )
    // Where IAM says who asks, nobody needs the tokens.
    const signed = synthesize({ streamingDoor: true, authorizer: 'iam' })
    expect(allowances(signed, 'StreamRole').join()).not.toContain('tokens')
  })

  it('lets everybody ask for the URL of the streaming door, which asks for tokens, or nobody whom IAM does not', () => {
    const invokers = (config: Parameters<typeof synthesize>[0]) =>
      Object.values(resourcesOf(synthesize(config), 'AWS::Lambda::Permission'))
        .map(({ Properties }) => plain(Properties) as Record<string, unknown>)
        .filter(({ FunctionName }) => String(FunctionName).startsWith('Stream'))
        .map(({ Principal, Action, FunctionUrlAuthType, InvokedViaFunctionUrl }) => [
          Principal,
          Action,
          FunctionUrlAuthType ?? InvokedViaFunctionUrl,
        ])
    expect(invokers({ streamingDoor: true })).toEqual([
      ['*', 'lambda:InvokeFunctionUrl', 'NONE'],
      ['*', 'lambda:InvokeFunction', true],
    ])
    expect(invokers({ streamingDoor: true, authorizer: 'iam' })).toEqual([])
  })

  it('lets nobody else read the tokens, and nobody write them', () => {
    const tokens = 'BucketMetrics.Arn/thaw/tokens.json.gz'
    const roles = Object.keys(resourcesOf(template, 'AWS::IAM::Role')).map((id) =>
      id.replace(/[0-9A-F]{8}$/, ''),
    )
    const about = roles.flatMap((role) =>
      allowances(template, role)
        .map((line) => line.split(' ') as [string, string])
        .filter(([action, on]) => action !== 's3:ListBucket' && isLike(tokens, on))
        .map(([action]) => `${role} ${action}`),
    )
    expect(about).toEqual(['AuthorizeRole s3:GetObject'])
  })

  it('gives every function a role of its own, with no managed policy', () => {
    const roles = Object.values(resourcesOf(template, 'AWS::Lambda::Function')).map(
      ({ Properties }) => String(plain(Properties['Role'])),
    )
    expect(roles.toSorted()).toEqual([
      'AuthorizeRole.Arn',
      'CompactRole.Arn',
      'PlanRole.Arn',
      'QueryRole.Arn',
      'RuleRole.Arn',
      'StoreRole.Arn',
    ])
    for (const { Properties } of Object.values(resourcesOf(template, 'AWS::IAM::Role'))) {
      expect(Object.keys(Properties).toSorted()).toEqual([
        'AssumeRolePolicyDocument',
        'Description',
      ])
    }
  })

  it('lets only the gateway and the four rules invoke from outside', () => {
    const permissions = Object.values(resourcesOf(template, 'AWS::Lambda::Permission')).map(
      ({ Properties }) => plain(Properties) as Record<string, string>,
    )
    const lines = permissions.map(
      (it) => `${it['Principal']} ${it['Action']} ${it['FunctionName']} from ${it['SourceArn']}`,
    )
    const api = 'arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:HttpApi'
    expect(lines.toSorted()).toEqual([
      `apigateway.amazonaws.com lambda:InvokeFunction AuthorizeLive from ${api}/authorizers/HttpApiTokens`,
      `apigateway.amazonaws.com lambda:InvokeFunction QueryLive from ${api}/*/*`,
      `apigateway.amazonaws.com lambda:InvokeFunction QueryLive from ${api}/*/*/{proxy+}`,
      'events.amazonaws.com lambda:InvokeFunction PlanLive from PlanBlockArrived.Arn',
      'events.amazonaws.com lambda:InvokeFunction PlanLive from PlanEveryFiveMinutes.Arn',
      'events.amazonaws.com lambda:InvokeFunction RuleLive from RuleEveryMinute.Arn',
      'events.amazonaws.com lambda:InvokeFunction RuleLive from RuleFileChanged.Arn',
    ])
  })
})

describe('what each function may do on a bucket that exists', () => {
  it('names that bucket', () => {
    const template = synthesize({ bucket: 'metrics-of-old' })
    const arn = 'arn:<AWS::Partition>:s3:::metrics-of-old'
    expect(allowances(template, 'PlanRole')).toEqual([
      'logs:CreateLogStream PlanLog.Arn',
      'logs:PutLogEvents PlanLog.Arn',
      `s3:DeleteObject ${arn}/thaw/bucket-index/*`,
      `s3:DeleteObject ${arn}/thaw/probe/*`,
      `s3:GetObject ${arn}/${'?'.repeat(26)}/*.json`,
      `s3:GetObject ${arn}/thaw/backlog.json.gz`,
      `s3:GetObject ${arn}/thaw/bucket-index/*`,
      `s3:GetObject ${arn}/thaw/compact/*`,
      `s3:GetObject ${arn}/thaw/lease/*`,
      `s3:GetObject ${arn}/thaw/probe/*`,
      `s3:GetObject ${arn}/thaw/rule/state.json.gz`,
      `s3:ListBucket ${arn}`,
      `s3:PutObject ${arn}/thaw/backlog.json.gz`,
      `s3:PutObject ${arn}/thaw/bucket-index/*`,
      `s3:PutObject ${arn}/thaw/probe/*`,
      'sqs:SendMessage JobsQueue.Arn',
    ])
  })
})
