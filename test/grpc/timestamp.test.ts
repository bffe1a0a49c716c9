import { expect, it } from 'vitest'
import { NEVER, parseTimestamp } from '#lib/grpc/timestamp.ts'

it.each([
  ['1970-01-01T00:00:00Z', 0, 0],
  ['2026-11-21T16:17:18.123456789Z', 1_795_277_838, 123_456_789],
  ['2026-11-21T18:17:18.5+02:00', 1_795_277_838, 500_000_000],
  ['2026-11-21T14:47:18-01:30', 1_795_277_838, 0],
  ['1969-12-31T23:59:59.25Z', -1, 250_000_000],
  ['0001-01-01T00:00:00Z', NEVER.seconds, NEVER.nanos],
])('%s', (text, seconds, nanos) => {
  expect(parseTimestamp(text)).toEqual({ seconds, nanos })
})

it.each(['', '2026-11-21', '2026-11-21T16:17:18', '1'])('refuses %j', (text) => {
  expect(() => parseTimestamp(text)).toThrow(`no RFC 3339 time: ${text}`)
})
