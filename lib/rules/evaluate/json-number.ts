/** Numbers in JSON, which knows neither NaN nor the infinities nor -0. */
import { formatFloat } from '#lib/model/go-float.ts'

/** A number, or 'NaN', '+Inf', '-Inf', '-0'. */
export type JsonNumber = number | string

export function toJsonNumber(value: number): JsonNumber {
  return Number.isFinite(value) && !Object.is(value, -0) ? value : formatFloat(value)
}

export function fromJsonNumber(value: JsonNumber): number {
  if (typeof value === 'number') return value
  return Number(value.replace('Inf', 'Infinity'))
}
