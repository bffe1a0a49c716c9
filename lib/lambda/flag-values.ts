/** Values of flags, with errors that name the flag. */
import { parseDuration } from '#lib/api/params.ts'
import { DomainError } from '#lib/model/errors.ts'

export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly default: string
  /** Shown in docs/flags.md. */
  readonly help: string
}

export function text(value: string, help: string): Flag {
  return { type: 'string', default: value, help }
}

export function toggle(value: boolean, help: string): Flag {
  return { type: 'boolean', default: String(value), help }
}

/** Of what is separated by commas. */
export function listOf(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

export function positiveDuration(name: string, value: string): number {
  const ms = Math.floor(wrong(name, () => parseDuration(value)))
  if (ms <= 0) throw bad(name, value, 'a duration such as 5m')
  return ms
}

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
    throw new DomainError('invalid', `--${name}: ${(error as Error).message}`)
  }
}

export function bad(name: string, value: string, want: string): DomainError {
  return new DomainError('invalid', `--${name} is ${JSON.stringify(value)}, want ${want}`)
}
