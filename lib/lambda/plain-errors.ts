/** What a function's log says of an error that was to be expected: its kind and its sentence, without the stack of a bundle. */
import { DomainError } from '#lib/model/errors.ts'

/** Lambda logs name, message and stack of what a handler rejects with; of a bug of ours all of it is wanted. */
export function plainErrors<A extends readonly unknown[], R>(
  handle: (...event: A) => Promise<R>,
): (...event: A) => Promise<R> {
  return async (...event) => {
    try {
      return await handle(...event)
    } catch (error) {
      if (error instanceof DomainError) {
        // The names of classes are gone in a bundle.
        error.name = error.kind
        error.stack = `${error.kind}: ${error.message}`
      }
      throw error
    }
  }
}
