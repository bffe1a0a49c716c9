/** What every object written carries: encryption, storage class, metadata. */
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import type { ObjectCannedACL, PutObjectCommandInput, StorageClass } from '@aws-sdk/client-s3'
import { DomainError } from '#lib/model/errors.ts'
import { readConfiguredFile } from './s3-client.ts'

/** The key of SSE-C goes with every request that touches bytes. */
export interface CustomerKey {
  readonly SSECustomerAlgorithm?: 'AES256'
  readonly SSECustomerKey?: string
}

export type WriteSettings = Pick<
  PutObjectCommandInput,
  | 'ServerSideEncryption'
  | 'SSEKMSKeyId'
  | 'SSEKMSEncryptionContext'
  | 'StorageClass'
  | 'ACL'
  | 'Metadata'
>

export function customerKey({ sse }: S3Config): CustomerKey {
  if (sse?.type !== 'SSE-C') return {}
  const bytes = readConfiguredFile('sse_config.encryption_key', sse.encryptionKeyFile)
  if (bytes.length !== 32) {
    throw new DomainError(
      'invalid',
      `sse_config.encryption_key: ${sse.encryptionKeyFile} has ${bytes.length} bytes, a key has 32`,
    )
  }
  // The SDK takes base64 of 32 bytes for the key itself and adds its digest.
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: bytes.toString('base64') }
}

export function writeSettings(config: S3Config): WriteSettings {
  return { ...encryption(config), ...metadata(config) }
}

function encryption({ sse }: S3Config): WriteSettings {
  switch (sse?.type) {
    case 'SSE-S3':
      return { ServerSideEncryption: 'AES256' }
    case 'SSE-KMS': {
      const context = sse.kmsEncryptionContext
      return {
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: sse.kmsKeyId,
        ...(Object.keys(context).length === 0
          ? {}
          : { SSEKMSEncryptionContext: Buffer.from(JSON.stringify(context)).toString('base64') }),
      }
    }
    case 'SSE-C':
    case undefined:
      return {}
  }
}

/** As Thanos: two Amazon headers have a meaning, everything else becomes user metadata. */
function metadata({ putUserMetadata = {} }: S3Config): WriteSettings {
  const settings: WriteSettings = {}
  const user: Record<string, string> = {}
  for (const [name, value] of Object.entries(putUserMetadata)) {
    const lower = name.toLowerCase()
    if (lower === 'x-amz-storage-class') settings.StorageClass = value as StorageClass
    else if (lower === 'x-amz-acl') settings.ACL = value as ObjectCannedACL
    else if (lower.startsWith('x-amz-meta-')) user[lower.slice('x-amz-meta-'.length)] = value
    else if (lower.startsWith('x-amz-')) {
      throw new DomainError('unsupported', `put_user_metadata: ${name} is not supported`)
    } else user[lower] = value
  }
  if (Object.keys(user).length > 0) settings.Metadata = user
  return settings
}
