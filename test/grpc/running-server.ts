/** Servers and clients of a test; all end with it. */
import { Client, credentials, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js'
import { onTestFinished } from 'vitest'
import type { FrameSink, GrpcCall, GrpcMethod, GrpcService } from '#lib/grpc/calls.ts'
import type { CallObserver, GrpcObserver, MethodName } from '#lib/grpc/observer.ts'
import { startGrpcServer, type GrpcServer, type GrpcServerOptions } from '#lib/grpc/server.ts'
import { method, type BytesMethod } from '#lib/grpc/services.ts'

export const ECHO = method('test.Echo', 'Once', false)
export const COUNT = method('test.Echo', 'Count', true)

export type Unary = (request: Uint8Array, call: GrpcCall) => Promise<Uint8Array>
export type Stream = (request: Uint8Array, call: GrpcCall, sink: FrameSink) => Promise<void>

/** A service with two methods, whose work the test gives. */
export function echoService(once: Unary, count: Stream = () => Promise.resolve()): GrpcService {
  const methods: GrpcMethod[] = [
    { kind: 'unary', definition: ECHO, handle: once },
    { kind: 'server_stream', definition: COUNT, handle: count },
  ]
  return { name: 'test.Echo', methods }
}

export async function startServer(
  services: readonly GrpcService[],
  options: Partial<GrpcServerOptions> = {},
): Promise<GrpcServer> {
  const server = await startGrpcServer({ address: '127.0.0.1:0', ...options }, services)
  onTestFinished(() => server.stop(0))
  return server
}

export function connect(
  port: number,
  channel: ChannelCredentials = credentials.createInsecure(),
): Client {
  const client = new Client(`127.0.0.1:${port}`, channel, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  })
  onTestFinished(() => client.close())
  return client
}

/** Rejects with grpc-js's error, whose message is `<code> <NAME>: <details>`. */
export function ask(
  client: Client,
  definition: BytesMethod,
  request: Uint8Array,
  deadlineMs = 10_000,
): Promise<Uint8Array> {
  const { path, requestSerialize, responseDeserialize } = definition
  const options = { deadline: Date.now() + deadlineMs }
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      options,
      (error: ServiceError | null, response) => (error ? reject(error) : resolve(response!)),
    )
  })
}

export function open(
  client: Client,
  definition: BytesMethod,
  request: Uint8Array,
): ReturnType<typeof client.makeServerStreamRequest<Uint8Array, Uint8Array>> {
  const { path, requestSerialize, responseDeserialize } = definition
  return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request)
}

/** Every frame of a stream, to its end. */
export async function all(
  client: Client,
  definition: BytesMethod,
  request: Uint8Array,
): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  for await (const frame of open(client, definition, request)) frames.push(frame as Uint8Array)
  return frames
}

/** Writes down what it is told, as `name(method…)`. */
export class RecordingObserver implements GrpcObserver {
  readonly events: string[] = []
  readonly failures: unknown[] = []

  serves({ type, service, method }: MethodName): void {
    this.events.push(`serves ${type} ${service}/${method}`)
  }

  started({ method }: MethodName): CallObserver {
    this.events.push(`started ${method}`)
    return {
      received: () => this.events.push(`received ${method}`),
      sent: () => this.events.push(`sent ${method}`),
      handled: (code) => this.events.push(`handled ${method} ${code}`),
    }
  }

  failed(_: MethodName, error: unknown): void {
    this.failures.push(error)
  }

  credentials(error?: unknown): void {
    this.events.push(error instanceof Error ? `credentials: ${error.message}` : 'new credentials')
  }
}
