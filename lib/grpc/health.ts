/** gRPC's health checks: proto/health.proto. */
import { DomainError } from '#lib/model/errors.ts'
import { serverStream, unary, type FrameSink, type GrpcCall, type GrpcService } from './calls.ts'
import * as proto from './message.ts'
import { method } from './services.ts'

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const

interface CheckRequest {
  readonly service: string
}

interface CheckResponse {
  readonly status: (typeof STATUSES)[number]
}

const checkRequest = proto.message<CheckRequest>('HealthCheckRequest', { service: proto.string(1) })

const checkResponse = proto.message<CheckResponse>('HealthCheckResponse', {
  status: proto.enumeration(1, STATUSES),
})

export const healthMessages = { checkRequest, checkResponse }

const NAME = 'grpc.health.v1.Health'

export const healthService = {
  check: method(NAME, 'Check', false),
  watch: method(NAME, 'Watch', true),
}

/** All services of a server are ready or none is. */
export class Health {
  readonly service: GrpcService
  readonly #names: ReadonlySet<string>
  readonly #watchers = new Set<() => void>()
  #isServing = false
  #hasEnded = false

  /** `names`: the services there are, next to `''`, which is all of them. */
  constructor(names: readonly string[]) {
    this.#names = new Set(['', ...names])
    this.service = {
      name: NAME,
      methods: [
        unary(healthService.check, checkRequest, checkResponse, ({ service }) =>
          Promise.resolve(this.#check(service)),
        ),
        serverStream(healthService.watch, checkRequest, (request, call, sink) =>
          this.#watch(request.service, call, sink),
        ),
      ],
    }
  }

  get isServing(): boolean {
    return this.#isServing
  }

  set isServing(isServing: boolean) {
    if (isServing === this.#isServing) return
    this.#isServing = isServing
    for (const changed of this.#watchers) changed()
  }

  /** Says for the last time that nothing is served, so that watchers do not hold up the end of the server. */
  end(): void {
    this.#isServing = false
    this.#hasEnded = true
    for (const changed of this.#watchers) changed()
  }

  #check(service: string): CheckResponse {
    if (!this.#names.has(service)) throw new DomainError('not-found', 'unknown service')
    return { status: this.#isServing ? 'SERVING' : 'NOT_SERVING' }
  }

  async #watch(service: string, { signal }: GrpcCall, sink: FrameSink): Promise<void> {
    const isKnown = this.#names.has(service)
    while (!signal.aborted) {
      const response: CheckResponse = isKnown ? this.#check(service) : { status: 'SERVICE_UNKNOWN' }
      const changed = this.#change(signal)
      await sink.write(checkResponse.encode(response))
      if (this.#hasEnded) return
      await changed
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#watchers.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#watchers.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
