import { describe, expect, it } from 'vitest'

import { plain, resourceOf, resourcesOf, synthesize } from './synthesized.ts'

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

  it('refuses plain HTTP and TLS below 1.2, and allows nobody anything', () => {
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
        ],
      },
    })
  })

  it('is left alone when it is not ours', () => {
    const other = synthesize({ bucket: 'metrics-of-old' })
    expect(resourcesOf(other, 'AWS::S3::Bucket')).toEqual({})
    expect(resourcesOf(other, 'AWS::S3::BucketPolicy')).toEqual({})
  })
})
