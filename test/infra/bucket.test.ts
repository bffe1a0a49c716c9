import { describe, expect, it } from 'vitest'

import { plain, resourceOf, resourcesOf, synthesize } from './synthesized.ts'

const ONCE_ONLY = {
  Sid: 'BlocksAreWrittenOnce',
  Effect: 'Deny',
  Action: 's3:PutObject',
  Principal: { AWS: '*' },
  Resource: `BucketMetrics.Arn/${'?'.repeat(26)}/meta.json`,
  // Without the header; parts of an upload can't have it.
  Condition: {
    Null: { 's3:if-none-match': 'true' },
    Bool: { 's3:ObjectCreationOperation': 'true' },
  },
}

describe('the bucket', () => {
  const template = synthesize()
  const bucket = resourceOf(template, 'AWS::S3::Bucket', 'BucketMetrics')

  it('stays when the stack goes', () => {
    expect(bucket.DeletionPolicy).toBe('Retain')
    expect(bucket.UpdateReplacePolicy).toBe('Retain')
  })

  it('is private, encrypted, owned by the account and tidied', () => {
    expect(bucket.Properties).toEqual({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
        ],
      },
      LifecycleConfiguration: {
        Rules: [
          {
            Id: 'unfinished-uploads',
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            Status: 'Enabled',
          },
          { Id: 'spilled-answers', Prefix: 'thaw/spill/', ExpirationInDays: 1, Status: 'Enabled' },
          { Id: 'cached-results', Prefix: 'thaw/results/', ExpirationInDays: 7, Status: 'Enabled' },
        ],
      },
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    })
  })

  it('refuses plain HTTP, TLS below 1.2 and a second meta.json of a block, and allows nobody anything', () => {
    const [policy, ...others] = Object.values(resourcesOf(template, 'AWS::S3::BucketPolicy'))
    expect(others).toEqual([])
    const everywhere = ['BucketMetrics.Arn', 'BucketMetrics.Arn/*']
    expect(plain(policy?.Properties)).toEqual({
      Bucket: 'BucketMetrics',
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Deny',
            Action: 's3:*',
            Principal: { AWS: '*' },
            Resource: everywhere,
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
          {
            Effect: 'Deny',
            Action: 's3:*',
            Principal: { AWS: '*' },
            Resource: everywhere,
            Condition: { NumericLessThan: { 's3:TlsVersion': 1.2 } },
          },
          ONCE_ONLY,
        ],
      },
    })
  })

  it("lets Thanos's programs write, if they are to", () => {
    const open = synthesize({ writeOnceBlocks: false })
    const [policy] = Object.values(resourcesOf(open, 'AWS::S3::BucketPolicy'))
    const { Statement } = policy!.Properties['PolicyDocument'] as { Statement: unknown[] }
    expect(Statement).toHaveLength(2)
    expect(JSON.stringify(Statement)).not.toContain('if-none-match')
  })

  it('is left alone when it is not ours', () => {
    const other = synthesize({ bucket: 'metrics-of-old' })
    expect(resourcesOf(other, 'AWS::S3::Bucket')).toEqual({})
    expect(resourcesOf(other, 'AWS::S3::BucketPolicy')).toEqual({})
    // Nor is its notification set by a function of ours: its owner is told how to.
    expect(Object.keys(resourcesOf(other, 'AWS::Lambda::Function'))).toHaveLength(6)
    expect(other.findOutputs('TellOfBlocks')).toEqual({
      TellOfBlocks: {
        Description:
          'Has metrics-of-old tell of new blocks and rule files at once; replaces notifications that it has',
        Value: `aws s3api put-bucket-notification-configuration --bucket metrics-of-old --notification-configuration '{"EventBridgeConfiguration":{}}'`,
      },
    })
    expect(template.findOutputs('TellOfBlocks')).toEqual({})
  })
})
