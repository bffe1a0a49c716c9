/** Fields of what Prometheus's HTTP API answers. What is absent, or of another type, is empty. */
import { parseTimestamp, NEVER, type Timestamp } from '#lib/grpc/timestamp.ts'
import { compareUtf8, type Labels } from '#lib/model/labels.ts'

export type Json = Readonly<Record<string, unknown>>

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function number(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

export function strings(value: unknown): readonly string[] {
  return list(value).filter((item) => typeof item === 'string')
}

/** Sorted, and empty values are kept: annotations have them. */
export function labelSet(value: unknown): Labels {
  const record = object(value)
  const names = Object.keys(record).sort(compareUtf8)
  return names.flatMap((name) => [name, text(record[name])])
}

export function time(value: unknown): Timestamp {
  return value === undefined || value === null || value === '' ? NEVER : parseTimestamp(text(value))
}
