/** Kinds of expected errors ↔ gRPC's codes, as Thanos uses them. */
import { status, type ServiceError } from '@grpc/grpc-js'
import { DomainError, type ErrorKind } from '#lib/model/errors.ts'

const CODES: Readonly<Record<ErrorKind, number>> = {
  invalid: status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  conflict: status.ABORTED,
  corrupt: status.DATA_LOSS,
  limit: status.RESOURCE_EXHAUSTED,
  timeout: status.DEADLINE_EXCEEDED,
  canceled: status.CANCELLED,
  unauthorized: status.PERMISSION_DENIED,
  misconfigured: status.FAILED_PRECONDITION,
  unsupported: status.UNIMPLEMENTED,
  execution: status.ABORTED,
  unavailable: status.UNAVAILABLE,
}

/** What goes over the wire for an error; one that nobody expected says no more than that. */
export function statusOf(error: unknown): { readonly code: number; readonly details: string } {
  if (error instanceof DomainError) return { code: CODES[error.kind], details: error.message }
  return { code: status.INTERNAL, details: 'internal error' }
}

const KINDS: Readonly<Record<number, ErrorKind>> = {
  [status.CANCELLED]: 'canceled',
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.OUT_OF_RANGE]: 'invalid',
  [status.DEADLINE_EXCEEDED]: 'timeout',
  [status.NOT_FOUND]: 'not-found',
  [status.PERMISSION_DENIED]: 'unauthorized',
  [status.UNAUTHENTICATED]: 'unauthorized',
  [status.UNIMPLEMENTED]: 'unsupported',
  [status.DATA_LOSS]: 'corrupt',
  [status.RESOURCE_EXHAUSTED]: 'limit',
}

/** An error of grpc-js as one of ours; who is to say whose it is. What is not said otherwise is worth another try: 'unavailable'. */
export function errorFromStatus(error: ServiceError): DomainError {
  const message = error.details === '' ? status[error.code] : withoutFrame(error.details)
  return new DomainError(KINDS[error.code] ?? 'unavailable', message, { cause: error })
}

/** grpc-js tells why it has no connection in the midst of words of its own. */
function withoutFrame(details: string): string {
  const [, reason] =
    /^No connection established\. Last error: (?:Error: )?(.+?)\. Resolution note: /.exec(
      details,
    ) ?? []
  return reason ?? details
}

/** By number, as Go spells them and so metrics have them. */
const CODE_NAMES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const

export function codeName(code: number): string {
  return CODE_NAMES[code] ?? 'Unknown'
}
