/**
 * Handlers of calls, without the library that carries them: bytes in and bytes out, a signal that says when nobody waits any more, and a sink
 * that says when to go on.
 */
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import type { Message } from './message.ts'
import type { BytesMethod } from './services.ts'

export interface GrpcCall {
  /** Aborts when the client has gone, or its deadline has come, with a DomainError. */
  readonly signal: AbortSignal
  /** Address of the client. */
  readonly peer: string
  /** '' where the client sent none. */
  header(name: string): string
}

export interface FrameSink {
  /**
   * Resolves when the next frame is wanted: what waits for the client is bounded, and other calls had their turn. Rejects with the signal's
   * reason. The frame is not the caller's any more.
   */
  write(frame: Uint8Array): Promise<void>
}

export type GrpcMethod = UnaryMethod | StreamMethod | DuplexMethod

export interface UnaryMethod {
  readonly kind: 'unary'
  readonly definition: BytesMethod
  handle(request: Uint8Array, call: GrpcCall): Promise<Uint8Array>
}

export interface StreamMethod {
  readonly kind: 'server_stream'
  readonly definition: BytesMethod
  handle(request: Uint8Array, call: GrpcCall, sink: FrameSink): Promise<void>
}

export interface DuplexMethod {
  readonly kind: 'bidi_stream'
  readonly definition: BytesMethod
  handle(requests: AsyncIterable<Uint8Array>, call: GrpcCall, sink: FrameSink): Promise<void>
}

export interface GrpcService {
  /** As in `thanos.Store`. */
  readonly name: string
  readonly methods: readonly GrpcMethod[]
}

export function unary<Request, Response>(
  definition: BytesMethod,
  request: Message<Request>,
  response: Message<Response>,
  handle: (request: Request, call: GrpcCall) => Promise<Partial<Response>>,
): UnaryMethod {
  return {
    kind: 'unary',
    definition,
    handle: async (bytes, call) => response.encode(await handle(readRequest(request, bytes), call)),
  }
}

export function serverStream<Request>(
  definition: BytesMethod,
  request: Message<Request>,
  handle: (request: Request, call: GrpcCall, sink: FrameSink) => Promise<void>,
): StreamMethod {
  return {
    kind: 'server_stream',
    definition,
    handle: async (bytes, call, sink) => handle(readRequest(request, bytes), call, sink),
  }
}

/** Bytes that are no message are the client's fault: `invalid`. */
export function readRequest<Request>(codec: Message<Request>, bytes: Uint8Array): Request {
  try {
    return codec.decode(bytes)
  } catch (cause) {
    throw cause instanceof CorruptError
      ? new DomainError('invalid', cause.message, { cause })
      : cause
  }
}
