/** What a server tells of its calls; who counts them is outside of lib. */

export interface GrpcObserver {
  /** For each method at the start, so that its counters are there with 0. */
  serves(method: MethodName): void
  started(method: MethodName): CallObserver
  /** An error that nobody expected: a bug. The client hears `internal error`. */
  failed(method: MethodName, error: unknown): void
  /** Certificates were read again, or could not be. */
  credentials(error?: unknown): void
}

export interface CallObserver {
  received(): void
  sent(): void
  /** As gRPC spells codes: `OK`, `ResourceExhausted`. */
  handled(code: string): void
}

export interface MethodName {
  readonly type: 'unary' | 'server_stream' | 'bidi_stream'
  readonly service: string
  readonly method: string
}

export const NO_OBSERVER: GrpcObserver = {
  serves: () => undefined,
  started: () => ({ received: () => undefined, sent: () => undefined, handled: () => undefined }),
  failed: () => undefined,
  credentials: () => undefined,
}
