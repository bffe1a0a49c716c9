import { describe, expect, it } from 'vitest'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { DomainError } from '#lib/model/errors.ts'

describe('parseObjstoreConfig', () => {
  it('reads a directory', () => {
    const yaml = 'type: FILESYSTEM\nconfig:\n  directory: /var/lib/thaw\nprefix: eu\n'
    expect(parseObjstoreConfig(yaml, {})).toEqual({
      type: 'FILESYSTEM',
      directory: '/var/lib/thaw',
      prefix: 'eu',
      ignored: [],
    })
  })

  it('reads the least that S3 needs', () => {
    expect(
      parseObjstoreConfig(
        'type: S3\nconfig: {bucket: b, endpoint: "s3.eu-central-1.amazonaws.com"}',
        {},
      ),
    ).toEqual({
      type: 'S3',
      s3: {
        bucket: 'b',
        endpoint: 's3.eu-central-1.amazonaws.com',
        region: undefined,
        accessKey: undefined,
        secretKey: undefined,
        sessionToken: undefined,
        insecure: false,
        lookup: 'auto',
        dualstack: undefined,
        sse: undefined,
        putUserMetadata: undefined,
        partSize: undefined,
        maxRetries: undefined,
        http: undefined,
      },
      prefix: '',
      ignored: [],
    })
  })

  it("reads every key of Thanos's S3 provider", () => {
    const yaml = `
type: S3
prefix: a/b
hedging_config: {enabled: true, up_to: 3, quantile: 0.9}
config:
  bucket: b
  endpoint: minio:9000
  region: eu-west-1
  disable_dualstack: true
  aws_sdk_auth: false
  access_key: 0012345
  insecure: yes
  signature_version2: false
  secret_key: "$(SECRET)"
  session_token: token
  put_user_metadata:
    X-Amz-Storage-Class: STANDARD_IA
  http_config:
    idle_conn_timeout: 1m30s
    response_header_timeout: 2m
    insecure_skip_verify: false
    tls_handshake_timeout: 10s
    expect_continue_timeout: 1s
    max_idle_conns: 100
    max_idle_conns_per_host: 100
    max_conns_per_host: 50
    tls_config:
      ca_file: /ca.pem
      cert_file: /cert.pem
      key_file: /key.pem
      server_name: minio
      insecure_skip_verify: true
    disable_compression: false
  trace: {enable: true}
  list_objects_version: v2
  bucket_lookup_type: virtual-hosted
  send_content_md5: true
  disable_multipart: false
  part_size: 16777216
  sse_config:
    type: SSE-KMS
    kms_key_id: key
    kms_encryption_context: {team: metrics}
    encryption_key: ''
  sts_endpoint: https://sts.example.com
  max_retries: 7
`
    expect(parseObjstoreConfig(yaml, { SECRET: 'from env' })).toEqual({
      type: 'S3',
      prefix: 'a/b',
      s3: {
        bucket: 'b',
        endpoint: 'minio:9000',
        region: 'eu-west-1',
        accessKey: '0012345',
        secretKey: 'from env',
        sessionToken: 'token',
        insecure: true,
        lookup: 'virtual-hosted',
        dualstack: false,
        sse: { type: 'SSE-KMS', kmsKeyId: 'key', kmsEncryptionContext: { team: 'metrics' } },
        putUserMetadata: { 'X-Amz-Storage-Class': 'STANDARD_IA' },
        partSize: 16777216,
        maxRetries: 7,
        http: {
          responseTimeoutMs: 120_000,
          maxConnections: 50,
          insecureSkipVerify: true,
          caFile: '/ca.pem',
          certFile: '/cert.pem',
          keyFile: '/key.pem',
          serverName: 'minio',
        },
      },
      ignored: [
        'hedging_config.enabled',
        'hedging_config.up_to',
        'hedging_config.quantile',
        'config.trace.enable',
        'config.send_content_md5',
        'config.sts_endpoint',
        'config.http_config.idle_conn_timeout',
        'config.http_config.tls_handshake_timeout',
        'config.http_config.expect_continue_timeout',
        'config.http_config.max_idle_conns',
        'config.http_config.max_idle_conns_per_host',
        'config.http_config.disable_compression',
      ],
    })
  })

  it('reads only the first document', () => {
    const yaml = 'type: FILESYSTEM\nconfig: {directory: /a}\n---\ntype: nonsense\n'
    expect(parseObjstoreConfig(yaml, {})).toMatchObject({ directory: '/a' })
  })

  it('takes an expanded value as it is, whatever is in it', () => {
    const yaml = 'type: S3\nconfig: {bucket: b, access_key: $(KEY), secret_key: $(SECRET)}'
    const env = { KEY: 'a: b # c', SECRET: '"}\n$(KEY)' }
    expect(parseObjstoreConfig(yaml, env)).toMatchObject({
      s3: { accessKey: 'a: b # c', secretKey: '"}\n$(KEY)' },
    })
  })

  const s3 = 'type: S3\nconfig:\n  bucket: b\n'
  const rejected: readonly (readonly [yaml: string, kind: string, message: string])[] = [
    ['', 'invalid', 'object storage configuration is empty'],
    ['# nothing', 'invalid', 'object storage configuration is empty'],
    ['- a', 'invalid', 'object storage configuration is not a yaml mapping'],
    ['just text', 'invalid', 'object storage configuration is not a yaml mapping'],
    [
      'type: S3\nconfig: [\n',
      'invalid',
      'object storage configuration, line 3: bad yaml (bad indent)',
    ],
    [
      'type: S3\ntype: S3',
      'invalid',
      'object storage configuration, line 2: bad yaml (duplicate key)',
    ],
    [
      'config: {}',
      'invalid',
      'object storage configuration, line 1: type is missing (S3 or FILESYSTEM)',
    ],
    [
      'type: S4\nconfig: {}',
      'invalid',
      'object storage configuration, line 1: type "S4" is not S3 or FILESYSTEM',
    ],
    [
      'type: GCS\nconfig: {}',
      'unsupported',
      'object storage configuration, line 1: type GCS is not S3 or FILESYSTEM',
    ],
    ['type: S3', 'invalid', 'object storage configuration, line 1: config is missing'],
    [
      'type: S3\nconfig: text',
      'invalid',
      'object storage configuration, line 2: config is not a mapping',
    ],
    [
      'type: FILESYSTEM\nconfig: {}',
      'invalid',
      'object storage configuration, line 2: config.directory is missing',
    ],
    [
      'type: S3\nconfig:\n  region: x',
      'invalid',
      'object storage configuration, line 3: config.bucket is missing',
    ],
    [
      `${s3}  acess_key: x`,
      'invalid',
      'object storage configuration, line 4: unknown key config.acess_key',
    ],
    [`${s3}prefx: x`, 'invalid', 'object storage configuration, line 4: unknown key prefx'],
    [
      `${s3}  sse_config:\n    tipe: x`,
      'invalid',
      'object storage configuration, line 5: unknown key config.sse_config.tipe',
    ],
    [
      `${s3}  access_key: x`,
      'invalid',
      'object storage configuration, line 3: config.secret_key is missing beside access_key',
    ],
    [
      `${s3}  insecure: maybe`,
      'invalid',
      'object storage configuration, line 4: config.insecure is not true or false',
    ],
    [
      `${s3}  part_size: big`,
      'invalid',
      'object storage configuration, line 4: config.part_size is not a whole number',
    ],
    [
      `${s3}  part_size: 1`,
      'invalid',
      'object storage configuration, line 4: config.part_size 1 is not in 5242880..5368709120',
    ],
    [
      `${s3}  bucket_lookup_type: dns`,
      'invalid',
      'object storage configuration, line 4: config.bucket_lookup_type "dns" is not auto, virtual-hosted or path',
    ],
    [
      `${s3}  signature_version2: true`,
      'unsupported',
      'object storage configuration, line 4: config.signature_version2 is not supported: requests are signed with version 4',
    ],
    [
      `${s3}  disable_multipart: true`,
      'unsupported',
      'object storage configuration, line 4: config.disable_multipart is not supported: blocks are written as streams',
    ],
    [
      `${s3}  list_objects_version: v1`,
      'unsupported',
      'object storage configuration, line 4: config.list_objects_version v1 is not supported',
    ],
    [
      `${s3}  sse_config: {type: SSE-X}`,
      'invalid',
      'object storage configuration, line 4: config.sse_config.type "SSE-X" is not SSE-S3, SSE-KMS or SSE-C',
    ],
    [
      `${s3}  sse_config: {type: SSE-C}`,
      'invalid',
      'object storage configuration, line 4: config.sse_config.encryption_key is missing for SSE-C',
    ],
    [
      `${s3}  region: $(NOWHERE)`,
      'invalid',
      'object storage configuration, line 4: config.region names the environment variable NOWHERE, which is not set',
    ],
    [
      `${s3}  http_config: {response_header_timeout: soon}`,
      'invalid',
      'object storage configuration, line 4: config.http_config.response_header_timeout is not a duration like 90s',
    ],
    [
      `${s3}prefix: a/../b`,
      'invalid',
      'object storage configuration, line 4: prefix has a segment . or ..',
    ],
  ]

  it.each(rejected)('rejects %j', (yaml, kind, message) => {
    expect(errorOf(yaml)).toEqual([kind, message])
  })

  it('repeats no secret in any error', () => {
    const secret = 'wJalrXUtnFEMI'
    const faults = [
      `${s3}  secret_key: ${secret}`,
      `${s3}  access_key: a\n  secret_key: [${secret}]`,
      `${s3}  secret_key: "${secret}`,
      `${s3}  secret_key: ${secret}: ${secret}`,
      `${s3}  secret_key: *${secret}`,
      `${s3}  secret_key: ${secret}\n bad indent`,
      `${s3}  insecure: ${secret}`,
      `${s3}  part_size: ${secret}`,
      `${s3}  session_token: {a: ${secret}}`,
    ]
    for (const yaml of faults) {
      const [kind, message] = errorOf(yaml)
      expect(kind).toBe('invalid')
      expect(message).not.toContain(secret)
    }
  })
})

function errorOf(yaml: string): [kind: string, message: string] {
  try {
    parseObjstoreConfig(yaml, {})
  } catch (error) {
    if (error instanceof DomainError) return [error.kind, error.message]
    throw error
  }
  throw new Error('accepted')
}
