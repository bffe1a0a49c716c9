/** What functions are made with. */
import type { Callable, Called, GoType, Value } from '../value/value.ts'

export function fn(
  params: readonly GoType[],
  call: (...args: Value[]) => Called,
  more: Partial<Callable> = {},
): Callable {
  // Whoever calls has given each parameter a value of its type, so that only `any` may be nil.
  return { params, call: call as Callable['call'], ...more }
}

export function text(value: Value): string {
  return value.data as string
}
