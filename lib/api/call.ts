/** One request on its way through a handler: its parameters, read with the errors Prometheus gives. */
import type { Caller } from '#lib/model/caller.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { Form } from './form.ts'
import { badTime, invalidParam, parseDuration, parseInteger, parseTime } from './params.ts'
import type { ApiParts } from './parts.ts'

export interface Call {
  readonly parts: ApiParts
  /** Its body is read already, but for the routes that take it raw. */
  readonly request: Request
  readonly form: Form
  /** The part of the path a route leaves open, still encoded. */
  readonly pathPart: string
  readonly tenant: string
  /** Undefined where there is no door, or the route is open. */
  readonly caller: Caller | undefined
  /** Aborts when the client goes away. */
  readonly client: AbortSignal
}

export function requiredTime({ form }: Call, name: string): number {
  const text = form.get(name)
  const ms = parseTime(text)
  if (ms === undefined) throw invalidParam(name, badTime(text))
  return ms
}

export function optionalTime({ form }: Call, name: string, absent: number): number {
  const text = form.get(name)
  if (text === '') return absent
  const ms = parseTime(text)
  if (ms === undefined) {
    throw invalidParam(name, `invalid time value for '${name}': ${badTime(text)}`)
  }
  return ms
}

/** Milliseconds; undefined when absent. */
export function optionalDuration({ form }: Call, name: string): number | undefined {
  const text = form.get(name)
  if (text === '') return undefined
  return withParam(name, () => parseDuration(text))
}

/** 0 for no limit. */
export function limitParam({ form }: Call): number {
  const text = form.get('limit')
  if (text === '') return 0
  const limit = withParam('limit', () => parseInteger(text))
  if (limit < 0) throw invalidParam('limit', 'limit must be non-negative')
  return limit
}

/** The same error, told with the name of the parameter. */
export function withParam<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DomainError && error.kind === 'invalid') {
      throw invalidParam(name, error.message)
    }
    throw error
  }
}

/** How long a query may take. */
export function timeoutMs(call: Call): number {
  const { timeoutMs: whole, deadlineMs } = call.parts.limits
  const asked = optionalDuration(call, 'timeout') ?? Infinity
  return Math.min(whole, deadlineMs ?? Infinity, asked)
}
