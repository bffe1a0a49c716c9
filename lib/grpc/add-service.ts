/** A service in @grpc/grpc-js's server: its calls from the first byte to the last. */
import type {
  sendUnaryData,
  Server,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { DomainError } from '#lib/model/errors.ts'
import { CallSink } from './call-sink.ts'
import type { GrpcCall, GrpcMethod, GrpcService, UnaryMethod } from './calls.ts'
import type { CallObserver, GrpcObserver, MethodName } from './observer.ts'
import type { BytesMethod } from './services.ts'
import { codeName, statusOf } from './status.ts'

type Handler = UntypedServiceImplementation[string]
type UnaryCall = ServerUnaryCall<Uint8Array, Uint8Array>
type StreamCall = ServerWritableStream<Uint8Array, Uint8Array>
type DuplexCall = ServerDuplexStream<Uint8Array, Uint8Array>

export function addService(server: Server, service: GrpcService, observer: GrpcObserver): void {
  const definition: Record<string, BytesMethod> = {}
  const implementation: UntypedServiceImplementation = {}
  for (const method of service.methods) {
    const name: MethodName = {
      type: method.kind,
      service: service.name,
      method: method.definition.originalName!,
    }
    observer.serves(name)
    definition[name.method] = method.definition
    implementation[name.method] =
      method.kind === 'unary'
        ? unaryHandler(method, name, observer)
        : streamHandler(method, name, observer)
  }
  server.addService(definition, implementation)
}

function unaryHandler(method: UnaryMethod, name: MethodName, observer: GrpcObserver): Handler {
  return (call: UnaryCall, done: sendUnaryData<Uint8Array>) => {
    const run = async (parts: GrpcCall, seen: CallObserver): Promise<void> => {
      seen.received()
      const response = await method.handle(call.request, parts)
      seen.sent()
      done(null, response)
    }
    watch(call, name, observer, run, (status) => done(status))
  }
}

function streamHandler(
  method: Exclude<GrpcMethod, UnaryMethod>,
  name: MethodName,
  observer: GrpcObserver,
): Handler {
  return (call: StreamCall | DuplexCall) => {
    const run = async (parts: GrpcCall, seen: CallObserver): Promise<void> => {
      const sink = new CallSink(call, parts.signal, () => seen.sent())
      if (method.kind === 'bidi_stream') {
        await method.handle(received(call as DuplexCall, seen), parts, sink)
      } else {
        seen.received()
        await method.handle((call as StreamCall).request, parts, sink)
      }
      call.end()
    }
    watch(call, name, observer, run, (status) => call.emit('error', status))
  }
}

async function* received(call: DuplexCall, seen: CallObserver): AsyncIterable<Uint8Array> {
  for await (const message of call) {
    seen.received()
    yield message as Uint8Array
  }
}

/** What the kinds of call have in common. */
interface AnyCall {
  on(event: 'cancelled', listener: () => void): unknown
  getPeer(): string
  readonly metadata: { get(key: string): readonly (string | Buffer)[] }
}

interface Status {
  readonly code: number
  readonly details: string
}

/** Runs a call and says how it ended, to the client and to the observer. A client that has gone is told nothing. */
function watch(
  call: AnyCall,
  name: MethodName,
  observer: GrpcObserver,
  run: (parts: GrpcCall, seen: CallObserver) => Promise<void>,
  fail: (status: Status) => unknown,
): void {
  const seen = observer.started(name)
  const controller = new AbortController()
  const { signal } = controller
  call.on('cancelled', () => controller.abort(new DomainError('canceled', 'the client has gone')))
  const parts: GrpcCall = {
    signal,
    peer: call.getPeer(),
    header: (key) => String(call.metadata.get(key)[0] ?? ''),
  }
  run(parts, seen).then(
    () => seen.handled('OK'),
    (error: unknown) => {
      if (!signal.aborted && !(error instanceof DomainError)) observer.failed(name, error)
      const status = statusOf(signal.aborted ? signal.reason : error)
      seen.handled(codeName(status.code))
      if (!signal.aborted) fail(status)
    },
  )
}
