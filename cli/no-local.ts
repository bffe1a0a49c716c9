/** In a bundle in place of what `thaw local` starts: that needs the sources of the stack. */
import { DomainError } from '#lib/model/errors.ts'

export function runLocal(): Promise<never> {
  const message = 'thaw local runs from a clone of the repository, here is thaw serve'
  return Promise.reject(new DomainError('unsupported', message))
}
