/** What an action writes: pointers are followed, nothing at all is `<no value>`. */
import type { Value } from '../value/value.ts'
import { sprint } from './sprintf.ts'

export function printedText(value: Value | undefined): string {
  return value === undefined ? '<no value>' : sprint([printable(value)])
}

/** The value behind a pointer, unless only the pointer knows how to show it. */
export function printable(value: Value): Value {
  if (value.type.kind !== 'pointer' || value.data === undefined) return value
  const target = value.data as Value
  return target.type.show === undefined && value.type.show !== undefined ? value : target
}
