/* oxlint-disable no-new -- a construct adds itself to its scope. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import { App } from 'aws-cdk-lib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { DEFAULT_STACK_CONFIG } from '#infra/stack-config.ts'
import { ThawStack } from '#infra/thaw-stack.ts'
import { functionNameOf } from '#localstack/cloud/function-name.ts'
import { startCloud } from '#localstack/cloud/embedded-cloud.ts'
import type { Cloud } from '#localstack/cloud/embedded-cloud.ts'

import { until } from './tiny-stack.ts'

/** Stand-ins that do what the real ones do with the cloud, and nothing else. */
const FUNCTIONS = {
  query: `
    import { InvokeWithResponseStreamCommand, LambdaClient } from '@aws-sdk/client-lambda'
    export const handler = async (event: { rawPath: string }) => {
      const client = new LambdaClient({ maxAttempts: 1 })
      const { EventStream } = await client.send(
        new InvokeWithResponseStreamCommand({
          FunctionName: process.env['THAW_STORE_FUNCTION'],
          Payload: Buffer.from(JSON.stringify({ path: event.rawPath })),
        }),
      )
      const chunks: Uint8Array[] = []
      for await (const { PayloadChunk } of EventStream!) {
        if (PayloadChunk?.Payload) chunks.push(PayloadChunk.Payload)
      }
      return { statusCode: 200, body: Buffer.concat(chunks).toString() }
    }`,
  store: `
    declare const awslambda: any
    export const handler = awslambda.streamifyResponse(async (event: { path: string }, out: any) => {
      out.end(event.path + ' of ' + process.env['THAW_OBJSTORE_CONFIG'])
    })`,
  plan: `
    import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
    export const handler = async (event: { source: string }) => {
      const message = { QueueUrl: process.env['THAW_QUEUE_URL'], MessageBody: event.source }
      await new SQSClient({}).send(new SendMessageCommand(message))
      return event.source
    }`,
  compact: `export const handler = async (event: { Records: unknown[] }) => event.Records.length`,
  rule: `export const handler = async () => {}`,
  authorize: `export const handler = async (event: { identitySource: string[] }) => ({
    isAuthorized: event.identitySource[0] === 'Bearer good', context: { token: 't' },
  })`,
}

describe('the synthesized stack in the embedded cloud', () => {
  const directory = mkdtempSync(join(tmpdir(), 'thaw-assembly-test-'))
  const logs: string[] = []
  let cloud: Cloud

  beforeAll(async () => {
    const packages = fileURLToPath(new URL('../../node_modules', import.meta.url))
    symlinkSync(packages, join(directory, 'node_modules'))
    for (const [name, code] of Object.entries(FUNCTIONS)) {
      writeFileSync(join(directory, `${name}.ts`), code)
    }
    const app = new App({ outdir: join(directory, 'cdk.out') })
    new ThawStack(app, 'thaw', {
      config: { ...DEFAULT_STACK_CONFIG, functionsDir: directory, bucket: 'metrics-of-old' },
    })
    app.synth()
    cloud = await startCloud({
      // Functions run elsewhere, so a path from here must not stay one.
      assemblyDir: relative(process.cwd(), join(directory, 'cdk.out')),
      log: (name, line) => logs.push(`${name}: ${line}`),
    })
    // Bundling takes long where a machine has much else to do.
  }, 60_000)

  afterAll(async () => {
    await cloud.stop()
    rmSync(directory, { recursive: true })
  })

  it('has the functions with the limits of the template', () => {
    expect(
      cloud.assembly.functions.map(({ name, memoryMb, timeoutMs, logFormat }) => ({
        name,
        memoryMb,
        timeoutMs,
        logFormat,
      })),
    ).toEqual([
      { name: 'thaw-store', memoryMb: 1769, timeoutMs: 29_000, logFormat: 'JSON' },
      { name: 'thaw-query', memoryMb: 1769, timeoutMs: 29_000, logFormat: 'JSON' },
      { name: 'thaw-plan', memoryMb: 1024, timeoutMs: 300_000, logFormat: 'JSON' },
      { name: 'thaw-compact', memoryMb: 1769, timeoutMs: 900_000, logFormat: 'JSON' },
      { name: 'thaw-authorize', memoryMb: 512, timeoutMs: 10_000, logFormat: 'JSON' },
      { name: 'thaw-rule', memoryMb: 1769, timeoutMs: 120_000, logFormat: 'JSON' },
    ])
  })

  it('leads a request through query to store and back', async () => {
    const ask = (authorization: string) =>
      fetch(`${cloud.httpUrl}/api/v1/query?query=up`, { headers: { authorization } })
    expect((await ask('Bearer bad')).status).toBe(403)
    const response = await ask('Bearer good')
    expect(await response.text()).toBe(
      '/api/v1/query of type: S3\nconfig:\n  bucket: metrics-of-old\n' +
        '  endpoint: s3.us-east-1.amazonaws.com\n  region: us-east-1\n',
    )
    expect(cloud.stats()).toMatchObject({
      'thaw-authorize': { invokes: 2, coldStarts: 1 },
      'thaw-query': { invokes: 1, coldStarts: 1 },
      'thaw-store': { invokes: 1, coldStarts: 1 },
    })
  })

  it('wakes plan by its schedule and by a block, and compact by what plan sends', async () => {
    const [result] = await cloud.runSchedule('thaw-plan')
    expect(JSON.parse(result!.payload.toString())).toBe('aws.events')
    expect(cloud.stats()['thaw-plan']?.invokes).toBe(1)
    expect(cloud.assembly.rules.map(({ name }) => name)).toEqual([
      'thaw-plan',
      'thaw-block-arrived',
      'thaw-rule',
      'thaw-rule-file',
    ])
    const events = cloud.objectCreated('01JD0000000000000000000000/meta.json', 900)
    expect(events).toEqual(['thaw-block-arrived'])
    await until(() => cloud.stats()['thaw-compact']?.invokes === 2)
    expect(cloud.stats()['thaw-plan']?.invokes).toBe(2)
    expect(cloud.queue('thaw-jobs').size).toBe(0)
    expect(logs).toEqual([])
  })
})

describe('the name of a function', () => {
  it.each([
    ['thaw-store', 'thaw-store'],
    ['thaw-store:live', 'thaw-store'],
    ['arn:aws:lambda:us-east-1:000000000000:function:thaw-store', 'thaw-store'],
    ['arn:aws:lambda:us-east-1:000000000000:function:thaw-store:$LATEST', 'thaw-store'],
    ['000000000000:function:thaw-store', 'thaw-store'],
  ])('%s is %s', (reference, name) => {
    expect(functionNameOf(reference)).toBe(name)
  })
})
