import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { connectS3 } from '#lib/aws/s3-client.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { DomainError } from '#lib/model/errors.ts'

describe('openBucket', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'thaw-open-bucket-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('opens a directory under its prefix', async () => {
    const bucket = await openBucket({ type: 'FILESYSTEM', directory, prefix: 'a/b', ignored: [] })
    await bucket.put('c', new Uint8Array([1]))
    expect(bucket.name).toBe(`file://${directory}/a/b`)
    const whole = await openBucket({ type: 'FILESYSTEM', directory, prefix: '', ignored: [] })
    expect((await whole.get('a/b/c')).body).toEqual(new Uint8Array([1]))
  })

  it('puts a wrapper of the caller next to the store', async () => {
    const counting: ReturnType<typeof countingBucket>[] = []
    const bucket = await openBucket(
      { type: 'FILESYSTEM', directory, prefix: '', ignored: [] },
      { wrap: (store) => (counting[0] = countingBucket(store)).bucket },
    )
    await bucket.put('a', new Uint8Array(3))
    expect(counting[0]?.counts).toMatchObject({ puts: 1, bytesWritten: 3 })
  })

  it('loads the SDK for S3 and not for a directory', () => {
    const path = fileURLToPath(new URL('../../lib/aws/open-bucket.ts', import.meta.url))
    const loads = (config: string): string =>
      execFileSync(
        process.execPath,
        [
          '--input-type=module',
          '--eval',
          `
        import { registerHooks } from 'node:module'
        let sdk = false
        registerHooks({ resolve(name, context, next) { sdk ||= name.includes('@aws-sdk/'); return next(name, context) } })
        const { openBucket } = await import(${JSON.stringify(path)})
        await openBucket(${config})
        process.stdout.write(String(sdk))`,
        ],
        { encoding: 'utf8' },
      )
    expect(loads(`{ type: 'FILESYSTEM', directory: '/tmp', prefix: '', ignored: [] }`)).toBe(
      'false',
    )
    expect(
      loads(`{ type: 'S3', s3: { bucket: 'b', region: 'us-east-1' }, prefix: '', ignored: [] }`),
    ).toBe('true')
  })
})

describe('connectS3', () => {
  async function facts(config: Partial<S3Config>): Promise<unknown> {
    const { client, store } = connectS3({ bucket: 'b', accessKey: 'a', secretKey: 's', ...config })
    const { forcePathStyle, requestChecksumCalculation } = client.config
    const endpoint = await client.config.endpoint?.()
    return {
      store,
      region: await client.config.region(),
      endpoint: endpoint && `${endpoint.protocol}//${endpoint.hostname}`,
      pathStyle: forcePathStyle,
      checksums: await requestChecksumCalculation(),
    }
  }

  it("leaves AWS's own endpoints to the SDK and reads the region from them", async () => {
    const aws = {
      store: 's3://b',
      endpoint: undefined,
      pathStyle: false,
      checksums: 'WHEN_SUPPORTED',
    }
    expect(await facts({ endpoint: 's3.eu-central-1.amazonaws.com' })).toEqual({
      ...aws,
      region: 'eu-central-1',
    })
    expect(await facts({ endpoint: 's3-eu-west-1.amazonaws.com' })).toEqual({
      ...aws,
      region: 'eu-west-1',
    })
    expect(await facts({ endpoint: 's3.dualstack.us-west-2.amazonaws.com' })).toEqual({
      ...aws,
      region: 'us-west-2',
    })
    expect(await facts({ endpoint: 's3.amazonaws.com' })).toEqual({ ...aws, region: 'us-east-1' })
    expect(await facts({ endpoint: 's3.us-gov-west-1.amazonaws.com' })).toEqual({
      ...aws,
      region: 'us-gov-west-1',
    })
    expect(await facts({ endpoint: 's3.amazonaws.com', region: 'ap-south-1' })).toEqual({
      ...aws,
      region: 'ap-south-1',
    })
    expect(await facts({ region: 'ap-south-1' })).toEqual({ ...aws, region: 'ap-south-1' })
  })

  it('addresses other stores by path, unless told otherwise', async () => {
    const minio = {
      store: 's3://b at https://minio',
      endpoint: 'https://minio',
      region: 'us-east-1',
      pathStyle: true,
      checksums: 'WHEN_REQUIRED',
    }
    expect(await facts({ endpoint: 'minio' })).toEqual(minio)
    expect(await facts({ endpoint: 'https://minio' })).toEqual(minio)
    expect(await facts({ endpoint: 'minio', lookup: 'virtual-hosted' })).toEqual({
      ...minio,
      pathStyle: false,
    })
    expect(await facts({ endpoint: 'minio', insecure: true })).toEqual({
      ...minio,
      store: 's3://b at http://minio',
      endpoint: 'http://minio',
    })
  })

  it.each([
    ['minio/path', ': write minio alone'],
    ['http://minio:9001/browser', ': write minio:9001 alone'],
    ['user:pass@minio', ': write minio alone'],
    ['a b', ''],
  ])('refuses the endpoint %j', (endpoint, next) => {
    expect(() => connectS3({ bucket: 'b', endpoint })).toThrow(
      new DomainError('invalid', `endpoint is not a host or host:port${next}`),
    )
  })

  it('names a certificate file that cannot be read', () => {
    expect(() => connectS3({ bucket: 'b', http: { caFile: '/nowhere/ca.pem' } })).toThrow(
      'http_config.tls_config.ca_file: /nowhere/ca.pem cannot be read (ENOENT)',
    )
  })
})
