/** Errors of readers that are given garbage. */
import { CorruptError } from '#lib/model/errors.ts'

export function errorOf(read: () => unknown): unknown {
  try {
    read()
    return undefined
  } catch (error) {
    return error
  }
}

export function isCorruptOrNone(error: unknown): boolean {
  return error === undefined || error instanceof CorruptError
}
