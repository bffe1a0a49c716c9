/** Typed arrays that grow. */
type Column = Uint32Array | Int32Array | Float64Array | Uint16Array

/** An array of at least `length` entries that begins with those of `array`; itself where it is long enough. */
export function grownTo<T extends Column>(array: T, length: number): T {
  if (length <= array.length) return array
  const make = array.constructor as new (length: number) => T
  const bigger = new make(Math.max(length, array.length + (array.length >>> 1) + 16))
  bigger.set(array)
  return bigger
}
