/** Values of flags, with errors that name the flag. */
import { parseDuration } from '#lib/api/params.ts'
import { DomainError } from '#lib/model/errors.ts'

/** Where flags of queries come from. */
export const VARIABLE = 'THAW_QUERY_FLAGS'

export function durationOrZero(name: string, value: string): number {
  const ms = Math.floor(wrong(name, () => parseDuration(value)))
  if (ms < 0) throw bad(name, value, 'a duration such as 5m, or 0')
  return ms
}

export function numberOrZero(name: string, value: string): number {
  return Number(value) === 0 ? 0 : wholeNumber(name, value)
}

export function wholeNumber(name: string, value: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number <= 0) throw bad(name, value, 'a positive integer')
  return number
}

export function wrong<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new DomainError('invalid', `${VARIABLE}: --${name}: ${(error as Error).message}`)
  }
}

export function bad(name: string, value: string, want: string): DomainError {
  return new DomainError(
    'invalid',
    `${VARIABLE}: --${name} is ${JSON.stringify(value)}, want ${want}`,
  )
}
