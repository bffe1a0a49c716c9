/** What a cold start reads of a bundle: the files that its entry imports at once, and not those that are imported later. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { bundleFunction } from '#infra/bundle.ts'
import { OPEN_DOOR } from '#localstack/open-door.ts'
import { fakeEndpoint } from '#test/endpoints/fake-endpoint.ts'

async function bundle(name: string): Promise<string> {
  const mapsDir = await mkdtemp(join(tmpdir(), 'thaw-maps-'))
  const entry = fileURLToPath(new URL(`../../functions/${name}.ts`, import.meta.url))
  const directory = bundleFunction({ entry, mapsDir })
  onTestFinished(async () => {
    await Promise.all([mapsDir, directory].map((one) => rm(one, { recursive: true })))
  })
  return directory
}

async function readAtOnce(name: string): Promise<string> {
  const directory = await bundle(name)
  const texts = new Map<string, string>()
  const read = async (file: string): Promise<void> => {
    if (texts.has(file)) return
    const text = await readFile(join(directory, file), 'utf8')
    texts.set(file, text)
    for (const [, next] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) await read(next!)
  }
  await read('index.mjs')
  return [...texts.values()].join('\n')
}

it.each(['query', 'stream', 'store', 'plan', 'rule', 'authorize'])(
  '%s loads neither gRPC nor clients of S3 and Secrets Manager before it needs them',
  async (name) => {
    const text = await readAtOnce(name)
    // Names that minifying leaves alone: the environment is read by all functions, the others by what must wait.
    expect(text).toContain('THAW_OBJSTORE_CONFIG')
    expect(text).not.toContain('grpc.max_receive_message_length')
    expect(text).not.toContain('x-amz-checksum-algorithm')
    expect(text).not.toContain('ResourceExistsException')
  },
)

it('query asks the endpoints of its flags, out of the bundle', async () => {
  const { address } = await fakeEndpoint({
    labelNames: async () => ({ names: ['from_the_endpoint'] }),
  })
  const [directory, bucketDir] = [
    await bundle('query'),
    await mkdtemp(join(tmpdir(), 'thaw-none-')),
  ]
  onTestFinished(() => rm(bucketDir, { recursive: true }))
  const event = {
    version: '2.0',
    rawPath: '/api/v1/labels',
    rawQueryString: '',
    headers: { host: 'thaw' },
    requestContext: { domainName: 'thaw', http: { method: 'GET', path: '/api/v1/labels' } },
    isBase64Encoded: false,
  }
  const { requestContext } = event
  const known = {
    ...event,
    requestContext: { ...requestContext, authorizer: { lambda: OPEN_DOOR } },
  }
  const program = `
    const { handler } = await import(${JSON.stringify(join(directory, 'index.mjs'))})
    for (const event of ${JSON.stringify([event, known])}) console.log((await handler(event)).body)
    process.exit()
  `
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program],
    {
      env: {
        ...process.env,
        THAW_OBJSTORE_CONFIG: `type: FILESYSTEM\nconfig: {directory: ${JSON.stringify(bucketDir)}}`,
        THAW_QUERY_FLAGS: `--endpoint=${address}`,
      },
    },
  )
  expect(stdout.trim().split('\n').slice(-2)).toEqual([
    // An event that no authorizer has seen.
    '{"status":"error","errorType":"unauthorized","error":"credentials are missing or not valid"}',
    '{"status":"success","data":["from_the_endpoint"]}',
  ])
})
