import { expect, it } from 'vitest'
import { formatTimestamp, NEVER, parseTimestamp } from '#lib/grpc/timestamp.ts'

it.each([
  ['1970-01-01T00:00:00Z', 0, 0, '1970-01-01T00:00:00Z'],
  ['2026-11-21T16:17:18.123456789Z', 1_795_277_838, 123_456_789, '2026-11-21T16:17:18.123456789Z'],
  ['2026-11-21T18:17:18.5+02:00', 1_795_277_838, 500_000_000, '2026-11-21T16:17:18.5Z'],
  ['2026-11-21T14:47:18-01:30', 1_795_277_838, 0, '2026-11-21T16:17:18Z'],
  ['1969-12-31T23:59:59.25Z', -1, 250_000_000, '1969-12-31T23:59:59.25Z'],
  ['0001-01-01T00:00:00Z', NEVER.seconds, NEVER.nanos, '0001-01-01T00:00:00Z'],
])('%s', (text, seconds, nanos, formatted) => {
  const timestamp = parseTimestamp(text)
  expect(timestamp).toEqual({ seconds, nanos })
  expect(formatTimestamp(timestamp)).toBe(formatted)
})

it.each(['', '2026-11-21', '2026-11-21T16:17:18', '1'])('refuses %j', (text) => {
  expect(() => parseTimestamp(text)).toThrow(`no RFC 3339 time: ${text}`)
})
