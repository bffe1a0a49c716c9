import {
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda'
import type { InvokeWithResponseStreamResponseEvent } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startTinyCloud, until } from './tiny-stack.ts'
import type { TinyCloud } from './tiny-stack.ts'

const MIB = 1024 * 1024

describe("Lambda's API, called by the AWS SDK", () => {
  let cloud: TinyCloud
  let client: LambdaClient

  beforeAll(async () => {
    cloud = await startTinyCloud(
      {
        functions: {
          echo: {
            code: `export const handler = async (event) => {
              console.log('got', JSON.stringify(event).length)
              return event.size === undefined ? event : 'x'.repeat(event.size - 2)
            }`,
          },
          fails: { code: `export const handler = async () => { throw new Error('no') }` },
          slow: {
            code: `export const handler = async () => {
              await new Promise((resolve) => setTimeout(resolve, 500))
            }`,
            properties: { ReservedConcurrentExecutions: 1 },
          },
          streams: {
            code: `export const handler = awslambda.streamifyResponse(async (event, out) => {
              for (let i = 0; i < event.count; i++) {
                if (!out.write(Buffer.alloc(event.bytes, i))) {
                  await new Promise((resolve) => out.once('drain', resolve))
                }
              }
              if (event.fail) throw new RangeError('half way')
              out.end()
            })`,
          },
        },
      },
      { concurrency: 4 },
    )
    client = new LambdaClient({
      endpoint: cloud.awsUrl,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      maxAttempts: 1,
    })
  })

  afterAll(async () => {
    client.destroy()
    await cloud[Symbol.asyncDispose]()
  })

  const invoke = async (FunctionName: string, event: unknown) => {
    const {
      $metadata: _,
      Payload,
      ...rest
    } = await client.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }))
    return { ...rest, payload: Payload?.transformToString() }
  }

  const stream = async (event: unknown) => {
    const { EventStream } = await client.send(
      new InvokeWithResponseStreamCommand({
        FunctionName: 'streams',
        Payload: Buffer.from(JSON.stringify(event)),
      }),
    )
    const chunks: Uint8Array[] = []
    let complete: InvokeWithResponseStreamResponseEvent['InvokeComplete']
    for await (const { PayloadChunk, InvokeComplete } of EventStream ?? []) {
      if (PayloadChunk?.Payload !== undefined) chunks.push(PayloadChunk.Payload)
      complete ??= InvokeComplete
    }
    return { bytes: Buffer.concat(chunks), complete }
  }

  it('answers by name and by ARN', async () => {
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:echo'
    const expected = { payload: '{"n":1}', StatusCode: 200, ExecutedVersion: '$LATEST' }
    expect(await invoke('echo', { n: 1 })).toEqual(expected)
    expect(await invoke(arn, { n: 1 })).toEqual(expected)
  })

  it('knows what it does not have', async () => {
    await expect(invoke('nothing', {})).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Function not found: nothing',
    })
  })

  it('marks an error of the function', async () => {
    const { FunctionError, payload, StatusCode } = await invoke('fails', {})
    expect([FunctionError, StatusCode]).toEqual(['Unhandled', 200])
    expect(JSON.parse(payload ?? '')).toMatchObject({ errorType: 'Error', errorMessage: 'no' })
  })

  it('hands back the end of the log when asked', async () => {
    const { LogResult } = await client.send(
      new InvokeCommand({ FunctionName: 'echo', Payload: '{}', LogType: 'Tail' }),
    )
    expect(Buffer.from(LogResult ?? '', 'base64').toString()).toMatch(/INFO\tgot 2\n$/)
  })

  it('takes and gives 6 MB, and not a byte more', async () => {
    const text = (bytes: number): string => 'x'.repeat(bytes - 2)
    expect((await invoke('echo', text(6 * MIB))).payload).toBe(JSON.stringify(text(6 * MIB)))
    await expect(invoke('echo', text(6 * MIB + 1))).rejects.toMatchObject({
      name: 'RequestTooLargeException',
      $metadata: { httpStatusCode: 413 },
    })
    expect((await invoke('echo', { size: 6 * MIB + 100 })).payload).toHaveLength(6 * MIB + 100)
    const large = await invoke('echo', { size: 6 * MIB + 101 })
    expect(large.FunctionError).toBe('Unhandled')
    expect(JSON.parse(large.payload ?? '')).toEqual({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    })
  })

  it('refuses what is over the concurrency of a function', async () => {
    const both = await Promise.allSettled([invoke('slow', {}), invoke('slow', {})])
    const refused = both.flatMap((it) => (it.status === 'rejected' ? [it.reason as unknown] : []))
    expect(refused).toHaveLength(1)
    expect(refused[0]).toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ConcurrentInvocationLimitExceeded',
      $metadata: { httpStatusCode: 429 },
    })
  })

  it('refuses what is over the concurrency of the account', async () => {
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => stream({ count: 0 })))
    expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(2)
  })

  it('takes an event and does not wait', async () => {
    const before = cloud.stats()['echo']!.invokes
    const { StatusCode } = await client.send(
      new InvokeCommand({ FunctionName: 'echo', InvocationType: 'Event', Payload: '{}' }),
    )
    expect(StatusCode).toBe(202)
    await until(() => cloud.stats()['echo']!.invokes === before + 1)
  })

  it('streams binary chunks, more than a buffered answer could hold', async () => {
    const { bytes, complete } = await stream({ count: 20, bytes: MIB })
    expect(bytes).toHaveLength(20 * MIB)
    expect(
      bytes.equals(Buffer.concat(Array.from({ length: 20 }, (_, i) => Buffer.alloc(MIB, i)))),
    ).toBe(true)
    expect(complete).toEqual({})
  })

  it('says at the end of a stream that it broke', async () => {
    const { bytes, complete } = await stream({ count: 1, bytes: 3, fail: true })
    expect(bytes).toEqual(Buffer.alloc(3))
    expect(complete?.ErrorCode).toBe('RangeError')
    expect(JSON.parse(complete?.ErrorDetails ?? '')).toMatchObject({ errorMessage: 'half way' })
  })

  it('buffers the answer of a function that streams, for who asks so', async () => {
    const { Payload } = await client.send(
      new InvokeCommand({
        FunctionName: 'streams',
        Payload: JSON.stringify({ count: 2, bytes: 2 }),
      }),
    )
    expect(Buffer.from(Payload ?? [])).toEqual(Buffer.from([0, 0, 1, 1]))
  })
})
