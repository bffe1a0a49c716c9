/** Calls of one gRPC server, or of several that are alike: bytes there and back, with deadlines and backpressure. */
import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { DomainError, isKind } from '#lib/model/errors.ts'
import type { BytesMethod } from './services.ts'
import { errorFromStatus } from './status.ts'

export interface CallRequest {
  readonly body: Uint8Array
  /** How long it may take until the next message comes, the last included; 0 for any time. */
  readonly timeoutMs: number
  /** Sent before the message. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

/** Both reject with a DomainError that says what happened, not who did not answer. */
export interface GrpcClient {
  unary(method: BytesMethod, request: CallRequest): Promise<Uint8Array>
  /** Messages one by one: the next comes over the wire when this one was taken. Leaving the loop ends the call. */
  stream(method: BytesMethod, request: CallRequest): AsyncIterable<Uint8Array>
  close(): void
}

export interface Connecting {
  readonly credentials: ChannelCredentials
  /** The name that the server's certificate must have, where it isn't the address. */
  readonly serverName?: string | undefined
}

/** Ping as Thanos does, and come back soon to one that was away: whoever asks has a clock of his own. */
const CHANNEL: ClientOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.initial_reconnect_backoff_ms': 500,
  'grpc.max_reconnect_backoff_ms': 5000,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.enable_retries': 0,
  // Two clients of one address may have different certificates.
  'grpc.use_local_subchannel_pool': 1,
}

/** Connects when it is first called. `address` is host:port. */
export function grpcClient(address: string, { credentials, serverName }: Connecting): GrpcClient {
  const client = new Client(address, credentials, {
    ...CHANNEL,
    ...(serverName !== undefined && { 'grpc.ssl_target_name_override': serverName }),
  })
  return {
    unary: (method, request) => unary(client, method, request),
    stream: (method, request) => stream(client, method, request),
    close: () => client.close(),
  }
}

function unary(client: Client, method: BytesMethod, request: CallRequest): Promise<Uint8Array> {
  const { body, timeoutMs, signal } = request
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(reasonOf(signal))
    let isLate = false
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      body,
      metadataOf(request),
      (error, answer) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', cancel)
        if (!error) resolve(answer!)
        else if (signal?.aborted) reject(reasonOf(signal))
        else reject(isLate ? late(timeoutMs) : errorFromStatus(error))
      },
    )
    const cancel = (): void => call.cancel()
    const expire = (): void => {
      isLate = true
      call.cancel()
    }
    const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined
    signal?.addEventListener('abort', cancel)
  })
}

async function* stream(
  client: Client,
  method: BytesMethod,
  request: CallRequest,
): AsyncGenerator<Uint8Array> {
  const { body, timeoutMs, signal } = request
  if (signal?.aborted) throw reasonOf(signal)
  const call: ClientReadableStream<Uint8Array> = client.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    body,
    metadataOf(request),
  )
  let isLate = false
  const cancel = (): void => call.cancel()
  const expire = (): void => {
    isLate = true
    call.cancel()
  }
  const wait = () => (timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined)
  signal?.addEventListener('abort', cancel)
  let timer = wait()
  try {
    for await (const message of call) {
      clearTimeout(timer)
      yield message as Uint8Array
      timer = wait()
    }
  } catch (error) {
    if (signal?.aborted) throw reasonOf(signal)
    if (isLate) throw late(timeoutMs)
    throw isServiceError(error) ? errorFromStatus(error) : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    // The iterator may have ended it already; a call that is over does not mind.
    call.on('error', () => undefined)
    call.cancel()
  }
}

function metadataOf({ metadata = {} }: CallRequest): Metadata {
  const sent = new Metadata()
  for (const [key, value] of Object.entries(metadata)) sent.set(key, value)
  return sent
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error
}

function late(timeoutMs: number): DomainError {
  return new DomainError('timeout', `no answer for ${timeoutMs} ms`)
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new DomainError('canceled', 'canceled')
}

/** Tries of a call whose server is away. */
const GROUP_TRIES = 3

/** Servers that all have the same: each call asks the next one, and another where that is away. */
export function groupClient(clients: readonly GrpcClient[]): GrpcClient {
  let turn = 0
  const tries = Math.min(GROUP_TRIES, clients.length)
  const next = (): GrpcClient => clients[turn++ % clients.length]!
  return {
    async unary(method, request) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await next().unary(method, request)
        } catch (error) {
          if (attempt >= tries || !isKind(error, 'unavailable')) throw error
        }
      }
    },
    async *stream(method, request) {
      for (let attempt = 1; ; attempt++) {
        let begun = false
        try {
          for await (const message of next().stream(method, request)) {
            begun = true
            yield message
          }
          return
        } catch (error) {
          if (begun || attempt >= tries || !isKind(error, 'unavailable')) throw error
        }
      }
    },
    close() {
      for (const client of clients) client.close()
    },
  }
}
