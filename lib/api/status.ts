/** Which HTTP status and errorType each kind of error is answered with. */
import { DomainError, type ErrorKind } from '#lib/model/errors.ts'

export interface ErrorStatus {
  readonly status: number
  readonly errorType: string
}

/**
 * Grafana shows the message of 400, 422 and 503 only, so whatever the reader of a dashboard can do something about
 * is one of these.
 */
const STATUS_OF_KIND: Record<ErrorKind, ErrorStatus> = {
  invalid: { status: 400, errorType: 'bad_data' },
  // An object or the bucket is gone, perhaps for this moment only; 404 would say that the URL is wrong.
  'not-found': { status: 503, errorType: 'unavailable' },
  conflict: { status: 409, errorType: 'conflict' },
  corrupt: { status: 500, errorType: 'internal' },
  limit: { status: 422, errorType: 'execution' },
  timeout: { status: 503, errorType: 'timeout' },
  canceled: { status: 499, errorType: 'canceled' },
  // The bucket refused our credentials, not we the client's; and whoever asks can't correct our configuration.
  unauthorized: { status: 500, errorType: 'internal' },
  misconfigured: { status: 500, errorType: 'internal' },
  unsupported: { status: 422, errorType: 'execution' },
  execution: { status: 422, errorType: 'execution' },
  unavailable: { status: 503, errorType: 'unavailable' },
}

/** What is told about an error that is a bug of ours: nothing of its insides. */
const INTERNAL: ErrorStatus = { status: 500, errorType: 'internal' }

export function errorStatus(error: unknown): ErrorStatus {
  return error instanceof DomainError ? STATUS_OF_KIND[error.kind] : INTERNAL
}

export function errorMessage(error: unknown): string {
  return error instanceof DomainError ? error.message : 'internal error; the log of thaw says more'
}
