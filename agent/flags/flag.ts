/** What a flag is: its default, how its text becomes a value, and what it is for. One table of them feeds the command line, the configuration file, and the docs. */
import { DomainError } from '#lib/model/errors.ts'
import { type TimeOrOffset, durationMs, parseTimeOrOffset } from '../duration.ts'

export interface Flag<T> {
  readonly kind: 'text' | 'toggle' | 'list'
  /** A letter that may stand for the name. */
  readonly short?: string | undefined
  /** What stands behind the name in --help; '' for a toggle. */
  readonly placeholder: string
  /** As it would be written; '' for none. */
  readonly default: string
  /** Shown by --help and in docs/agent.md. */
  readonly help: string
  /** Throws DomainError `invalid` with what should be written. */
  readonly parse: (text: string) => T
}

export type Flags = Readonly<Record<string, Flag<unknown>>>

/** `list` flags are given several times, and their value is an array. */
export type FlagValues<T extends Flags> = {
  readonly [K in keyof T]: T[K] extends Flag<infer V> ? V : never
}

export function text(standard: string, help: string, placeholder = 'text'): Flag<string> {
  return { kind: 'text', placeholder, default: standard, help, parse: (value) => value }
}

export function path(standard: string, help: string): Flag<string> {
  return text(standard, help, 'path')
}

export function address(standard: string, help: string): Flag<string> {
  return text(standard, help, 'host:port')
}

export function toggle(help: string, standard: 'true' | 'false' = 'false'): Flag<boolean> {
  return { kind: 'toggle', placeholder: '', default: standard, help, parse: parseToggle }
}

export function list(placeholder: string, help: string): Flag<readonly string[]> {
  return {
    kind: 'list',
    placeholder,
    default: '',
    help,
    parse: (value) => (value === '' ? [] : [value]),
  }
}

/** Milliseconds. */
export function duration(standard: string, help: string): Flag<number> {
  return { kind: 'text', placeholder: 'duration', default: standard, help, parse: parseDuration }
}

export function count(standard: string, help: string): Flag<number> {
  return { kind: 'text', placeholder: 'n', default: standard, help, parse: parseCount }
}

/** Bytes; `10MB` is 10,000,000 and `10MiB` is 10,485,760. */
export function bytes(standard: string, help: string): Flag<number> {
  return { kind: 'text', placeholder: 'bytes', default: standard, help, parse: parseBytes }
}

export function choice<T extends string>(
  choices: readonly T[],
  standard: T,
  help: string,
): Flag<T> {
  return {
    kind: 'text',
    placeholder: 'name',
    default: standard,
    help,
    parse(value) {
      const found = choices.find((one) => one === value)
      if (found !== undefined) return found
      const names = choices.map((one) => (one === '' ? '""' : one)).join(', ')
      throw new DomainError('invalid', `write one of ${names}`)
    },
  }
}

export function time(standard: string, help: string): Flag<TimeOrOffset> {
  return { kind: 'text', placeholder: 'time', default: standard, help, parse: parseTime }
}

export function fileName(standard: string, help: string): Flag<string> {
  return { kind: 'text', placeholder: 'name', default: standard, help, parse: parseFileName }
}

function parseToggle(value: string): boolean {
  if (value === 'true') return true
  if (value === 'false') return false
  throw new DomainError('invalid', 'write true or false')
}

function parseDuration(value: string): number {
  const ms = durationMs(value)
  if (ms !== undefined) return ms
  throw new DomainError('invalid', 'write a duration such as 30s, 5m or 2h')
}

function parseCount(value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw new DomainError('invalid', 'write a whole number')
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
}

function parseBytes(value: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s?([KMG]?i?B?)$/i.exec(value)
  const unit = BYTE_UNITS[(match?.[2] ?? '?').toUpperCase()]
  if (match !== null && unit !== undefined) return Math.round(Number(match[1]) * unit)
  throw new DomainError('invalid', 'write a number of bytes such as 5MB or 512KiB')
}

function parseTime(value: string): TimeOrOffset {
  const time = parseTimeOrOffset(value)
  if (time !== undefined) return time
  throw new DomainError('invalid', 'write a time such as 2026-01-31T00:00:00Z, or -30d')
}

function parseFileName(value: string): string {
  if (value !== '' && !value.includes('/') && value !== '.' && value !== '..') return value
  throw new DomainError('invalid', 'write a file name, without directories')
}
