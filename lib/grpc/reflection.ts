/** Server reflection, under its name of today and that of older clients: what tools such as grpcurl ask. */
import { status } from '@grpc/grpc-js'
import { ProtoReader } from '#lib/bytes/protobuf.ts'
import { readRequest, type FrameSink, type GrpcService } from './calls.ts'
import { DESCRIPTORS } from './descriptors.ts'
import {
  reflectionRequest,
  reflectionResponse,
  type ReflectionRequest,
  type ReflectionResponse,
} from './reflection-messages.ts'
import { method } from './services.ts'

const NAMES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection']

/** `names`: all services of the server but these. */
export function reflectionServices(names: readonly string[]): GrpcService[] {
  const all = [...names, ...NAMES].sort()
  let files: Descriptors | undefined
  return NAMES.map((name) => ({
    name,
    methods: [
      {
        kind: 'bidi_stream',
        definition: method(name, 'ServerReflectionInfo', true, true),
        async handle(requests: AsyncIterable<Uint8Array>, _: unknown, sink: FrameSink) {
          files ??= readDescriptors()
          for await (const bytes of requests) {
            const request = readRequest(reflectionRequest, bytes)
            const answer = answerTo(request, files, all)
            const response = { validHost: request.host, originalRequest: request, ...answer }
            await sink.write(reflectionResponse.encode(response))
          }
        },
      },
    ],
  }))
}

function answerTo(
  request: ReflectionRequest,
  files: Descriptors,
  services: readonly string[],
): Partial<ReflectionResponse> {
  const { fileByFilename, fileContainingSymbol, listServices } = request
  if (listServices !== undefined) {
    return { listServicesResponse: { service: services.map((name) => ({ name })) } }
  }
  if (fileByFilename !== undefined) return fileAnswer(files, fileByFilename, fileByFilename)
  if (fileContainingSymbol !== undefined) {
    return fileAnswer(files, fileOf(files, fileContainingSymbol), fileContainingSymbol)
  }
  // No file of ours has extensions.
  return notFound('extension')
}

/** The file, and after it all that it needs. */
function fileAnswer(
  files: Descriptors,
  name: string | undefined,
  wanted: string,
): Partial<ReflectionResponse> {
  if (name === undefined || !files.has(name)) return notFound(wanted)
  const names = new Set([name])
  // The set grows while it is gone over.
  for (const file of names) for (const needed of files.get(file)!.dependencies) names.add(needed)
  const fileDescriptorProto = [...names].map((file) => files.get(file)!.bytes)
  return { fileDescriptorResponse: { fileDescriptorProto } }
}

function notFound(what: string): Partial<ReflectionResponse> {
  return { errorResponse: { errorCode: status.NOT_FOUND, errorMessage: `not found: ${what}` } }
}

/** A symbol may be a method or a field, and then is that of what it is in. */
function fileOf(files: Descriptors, symbol: string): string | undefined {
  for (let name = symbol; name !== ''; name = name.slice(0, Math.max(name.lastIndexOf('.'), 0))) {
    for (const [file, { symbols }] of files) if (symbols.has(name)) return file
  }
  return undefined
}

interface Descriptor {
  readonly bytes: Uint8Array
  readonly dependencies: readonly string[]
  /** Full names of its messages, enums and services. */
  readonly symbols: ReadonlySet<string>
}

type Descriptors = ReadonlyMap<string, Descriptor>

function readDescriptors(): Descriptors {
  return new Map(
    Object.entries(DESCRIPTORS).map(([name, text]) => [
      name,
      readDescriptor(Buffer.from(text, 'base64')),
    ]),
  )
}

/** Of `FileDescriptorProto`: 2 package, 3 dependency, 4 messages, 5 enums, 6 services; each of those has its name in field 1. */
function readDescriptor(bytes: Uint8Array): Descriptor {
  const dependencies: string[] = []
  const symbols = new Set<string>()
  let packageName = ''
  const reader = new ProtoReader(bytes)
  while (reader.next()) {
    if (reader.field === 2) packageName = reader.string()
    else if (reader.field === 3) dependencies.push(reader.string())
    else if (reader.field >= 4 && reader.field <= 6) {
      symbols.add(`${packageName}.${nameIn(reader.message())}`)
    } else reader.skip()
  }
  return { bytes, dependencies, symbols }
}

function nameIn(reader: ProtoReader): string {
  while (reader.next()) {
    if (reader.field === 1) return reader.string()
    reader.skip()
  }
  return ''
}
