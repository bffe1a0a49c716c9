/** A gRPC server: services behind an address, with TLS, health checks and reflection. */
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { DomainError } from '#lib/model/errors.ts'
import { addService } from './add-service.ts'
import type { GrpcService } from './calls.ts'
import { Health } from './health.ts'
import { NO_OBSERVER, type GrpcObserver } from './observer.ts'
import { reflectionServices } from './reflection.ts'
import { FileCredentials, type TlsFiles } from './tls.ts'

export interface GrpcServerOptions {
  /** `host:port`; `:port` for every address of the machine, port 0 for a free one. */
  readonly address: string
  readonly tls?: TlsFiles
  /** After that a client must connect again, so that load spreads; its running calls end first. */
  readonly maxConnectionAgeMs?: number
  /** Larger requests are refused. Answers have no bound. */
  readonly maxRequestBytes?: number
  /** How often files of certificates are looked at. */
  readonly tlsRefreshMs?: number
  readonly observer?: GrpcObserver
}

export interface GrpcServer {
  readonly port: number
  /** What health checks say; false until it is set. */
  isServing: boolean
  /** Takes no more calls, lets those that run end for `graceMs`, and then ends them. */
  stop(graceMs: number): Promise<void>
}

const MAX_REQUEST_BYTES = 32 * 1024 * 1024

/** Clients that went away without a word are found by pings; theirs are answered as often as they come. */
const KEEPALIVE_MS = 60_000
const KEEPALIVE_TIMEOUT_MS = 20_000

/** Throws `invalid` for credentials that can't be used, `unavailable` for an address that is taken. */
export async function startGrpcServer(
  options: GrpcServerOptions,
  services: readonly GrpcService[],
): Promise<GrpcServer> {
  const { maxConnectionAgeMs, observer = NO_OBSERVER } = options
  const server = new Server({
    'grpc.max_receive_message_length': options.maxRequestBytes ?? MAX_REQUEST_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    ...(maxConnectionAgeMs && { 'grpc.max_connection_age_ms': maxConnectionAgeMs }),
  })
  const names = services.map(({ name }) => name)
  const health = new Health(names)
  const all = [...services, health.service, ...reflectionServices([...names, health.service.name])]
  for (const service of all) addService(server, service, observer)

  const credentials = options.tls && (await FileCredentials.read(options.tls))
  const port = await bind(
    server,
    options.address,
    credentials ?? ServerCredentials.createInsecure(),
  )
  const refreshing = credentials && keepFresh(credentials, observer, options.tlsRefreshMs ?? 1000)

  return {
    port,
    get isServing() {
      return health.isServing
    },
    set isServing(isServing) {
      health.isServing = isServing
    },
    async stop(graceMs) {
      clearInterval(refreshing)
      health.end()
      await stop(server, graceMs)
    },
  }
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  const target = address.startsWith(':') ? `[::]${address}` : address
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (cause, port) => {
      if (cause === null) return resolve(port)
      reject(new DomainError('unavailable', `gRPC on ${address}: ${cause.message}`, { cause }))
    })
  })
}

function keepFresh(
  credentials: FileCredentials,
  observer: GrpcObserver,
  everyMs: number,
): NodeJS.Timeout {
  const timer = setInterval(() => {
    credentials.refresh().then(
      (isNew) => isNew && observer.credentials(),
      (error: unknown) => observer.credentials(error),
    )
  }, everyMs)
  return timer.unref()
}

function stop(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, graceMs)
    server.tryShutdown(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
