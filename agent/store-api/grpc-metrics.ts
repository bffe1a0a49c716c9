/** Counters of gRPC calls, under the names that Go's servers have. */
import { Counter, Histogram, type Registry } from 'prom-client'
import type { GrpcObserver, MethodName } from '#lib/grpc/observer.ts'
import type { Logger } from '../logger.ts'

const LABELS = ['grpc_type', 'grpc_service', 'grpc_method'] as const
const BUCKETS = [0.001, 0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120]

export function grpcObserver(registry: Registry, logger: Logger, now: () => number): GrpcObserver {
  const registers = [registry]
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames: LABELS, registers })
  const started = counter('grpc_server_started_total', 'Calls that began')
  const received = counter('grpc_server_msg_received_total', 'Messages received')
  const sent = counter('grpc_server_msg_sent_total', 'Messages sent')
  const handled = new Counter({
    name: 'grpc_server_handled_total',
    help: 'Calls that ended, by their code',
    labelNames: [...LABELS, 'grpc_code'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'grpc_server_handling_seconds',
    help: 'How long calls took',
    labelNames: LABELS,
    buckets: BUCKETS,
    registers,
  })
  return {
    serves(method) {
      const labels = labelsOf(method)
      for (const each of [started, received, sent]) each.inc(labels, 0)
      handled.inc({ ...labels, grpc_code: 'OK' }, 0)
    },
    started(method) {
      const labels = labelsOf(method)
      const startMs = now()
      started.inc(labels)
      return {
        received: () => received.inc(labels),
        sent: () => sent.inc(labels),
        handled(code) {
          handled.inc({ ...labels, grpc_code: code })
          seconds.observe(labels, (now() - startMs) / 1000)
        },
      }
    },
    failed(method, error) {
      logger.error({ err: error, ...method }, 'gRPC call ended by a bug')
    },
    credentials(error) {
      if (error === undefined) logger.info({}, 'certificates of the gRPC server read again')
      else logger.error({ err: error }, 'certificates of the gRPC server not changed')
    },
  }
}

function labelsOf({ type, service, method }: MethodName): Record<(typeof LABELS)[number], string> {
  return { grpc_type: type, grpc_service: service, grpc_method: method }
}
