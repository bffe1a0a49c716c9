import { describe, expect, it, onTestFinished } from 'vitest'
import { describeProtoFiles } from '../../proto/descriptors.ts'
import type { Client } from '@grpc/grpc-js'
import { DESCRIPTORS } from '#lib/grpc/descriptors.ts'
import type { FrameSink, GrpcCall } from '#lib/grpc/calls.ts'
import {
  reflectionRequest,
  reflectionResponse,
  type ReflectionRequest,
  type ReflectionResponse,
} from '#lib/grpc/reflection-messages.ts'
import { reflectionServices } from '#lib/grpc/reflection.ts'
import { method, SERVICE_NAMES } from '#lib/grpc/services.ts'
import { connect, echoService, startServer } from './running-server.ts'

it('has the descriptors of proto/*.proto; `npm run descriptors` makes them anew', () => {
  const described = [...describeProtoFiles()].map(([name, bytes]) => [
    name,
    Buffer.from(bytes).toString('base64'),
  ])
  expect(Object.entries(DESCRIPTORS)).toEqual(described)
})

/** Answers to the questions, in order, over one stream. */
async function reflect(
  client: Client,
  version: string,
  questions: readonly Partial<ReflectionRequest>[],
): Promise<ReflectionResponse[]> {
  const { path, requestSerialize, responseDeserialize } = method(
    `grpc.reflection.${version}.ServerReflection`,
    'ServerReflectionInfo',
    true,
    true,
  )
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  onTestFinished(() => call.cancel())
  for (const question of questions) call.write(reflectionRequest.encode(question))
  call.end()
  const answers: ReflectionResponse[] = []
  for await (const answer of call) answers.push(reflectionResponse.decode(answer as Uint8Array))
  return answers
}

/** Field 1 of a file descriptor. */
function fileName(descriptor: Uint8Array): string {
  return Buffer.from(descriptor.subarray(2, 2 + descriptor[1]!)).toString()
}

describe.each(['v1', 'v1alpha'])('%s', (version) => {
  it('answers questions one after the other', async () => {
    const { port } = await startServer([echoService((request) => Promise.resolve(request))])
    const [listed, byName, bySymbol, missing, extension] = await reflect(connect(port), version, [
      { listServices: '' },
      { fileByFilename: 'google/protobuf/any.proto', host: 'me' },
      { fileContainingSymbol: 'thanos.Store.Series' },
      { fileContainingSymbol: 'no.Such' },
      { allExtensionNumbersOfType: 'thanos.Series' },
    ])
    expect(listed!.listServicesResponse!.service.map(({ name }) => name)).toEqual([
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'test.Echo',
    ])
    expect(byName!.validHost).toBe('me')
    expect(byName!.originalRequest).toEqual(
      reflectionRequest.decode(
        reflectionRequest.encode({ fileByFilename: 'google/protobuf/any.proto', host: 'me' }),
      ),
    )
    expect(byName!.fileDescriptorResponse!.fileDescriptorProto.map(fileName)).toEqual([
      'google/protobuf/any.proto',
    ])
    expect(bySymbol!.fileDescriptorResponse!.fileDescriptorProto.map(fileName)).toEqual([
      'thaw/store.proto',
      'google/protobuf/any.proto',
      'thaw/types.proto',
    ])
    expect(missing!.errorResponse).toEqual({ errorCode: 5, errorMessage: 'not found: no.Such' })
    expect(extension!.errorResponse).toEqual({ errorCode: 5, errorMessage: 'not found: extension' })
  })
})

it('knows the file of every service', async () => {
  const [{ methods }] = reflectionServices([]) as [ReturnType<typeof reflectionServices>[0]]
  const [handler] = methods
  const answers: ReflectionResponse[] = []
  const sink: FrameSink = {
    write: (frame) => {
      answers.push(reflectionResponse.decode(frame))
      return Promise.resolve()
    },
  }
  const names = Object.values(SERVICE_NAMES)
  async function* questions(): AsyncIterable<Uint8Array> {
    for (const name of names) yield reflectionRequest.encode({ fileContainingSymbol: name })
  }
  if (handler?.kind !== 'bidi_stream') throw new Error('reflection is no stream')
  await handler.handle(questions(), {} as GrpcCall, sink)
  expect(
    answers.map(({ fileDescriptorResponse }) =>
      fileName(fileDescriptorResponse!.fileDescriptorProto[0]!),
    ),
  ).toEqual([
    'thaw/store.proto',
    'thaw/info.proto',
    'thaw/rules.proto',
    'thaw/targets.proto',
    'thaw/metadata.proto',
    'thaw/exemplars.proto',
    'thaw/status.proto',
  ])
})
