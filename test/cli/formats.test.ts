/** The small formats of the command line. */
import { describe, expect, it } from 'vitest'
import { durationMs, formatGoDuration } from '#agent/duration.ts'
import { type LogFormat, createLogger } from '#agent/logger.ts'
import { caretUnder } from '#cli/query-error.ts'
import { sparkline } from '#cli/sparkline.ts'
import { parseTime } from '#cli/time-argument.ts'
import { DomainError } from '#lib/model/errors.ts'
import { NOW, thaw } from './cli-fixture.ts'

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['1d12h', 129_600_000],
    ['250ms', 250],
    ['0', 0],
    ['', undefined],
    ['5', undefined],
    ['5 m', undefined],
    ['-5m', undefined],
    ['5x', undefined],
  ])('%j is %j ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms)
  })

  it.each([
    [0, '0s'],
    [7_200_000, '2h0m0s'],
    [300_000, '5m0s'],
    [1500, '1.5s'],
    [20, '20ms'],
    [-3_600_000, '-1h0m0s'],
  ])('%i ms is %s in Go', (ms, text) => {
    expect(formatGoDuration(ms)).toBe(text)
  })
})

describe('times', () => {
  it.each([
    ['now', NOW],
    ['-1h', NOW - 3_600_000],
    ['now-90m', NOW - 5_400_000],
    ['1769860800.5', 1_769_860_800_500],
    ['-5', -5000],
    ['2026-01-31', Date.UTC(2026, 0, 31)],
    ['2026-01-31T12:00:00+02:00', NOW - 7_200_000],
  ])('%s is %i', (text, ms) => {
    expect(parseTime(text, NOW)).toBe(ms)
  })

  it.each(['', 'soon', '12:00', '-1x'])('refuses %j', (text) => {
    expect(() => parseTime(text, NOW)).toThrow(/write a time/)
  })
})

describe('sparkline', () => {
  it.each([
    [[1, 2, 3, 4, 5, 6, 7, 8], '▁▂▃▄▅▆▇█'],
    [[5, 5, 5], '▄▄▄'],
    [[0, NaN, 1], '▁ █'],
    [[NaN, Infinity], '  '],
    [[], ''],
  ])('of %j is "%s"', (values, line) => {
    expect(sparkline(values)).toBe(line)
  })

  it('shows the mean where values share a character', () => {
    expect(sparkline([0, 0, 4, 4, 8, 8], 3)).toBe('▁▅█')
  })
})

describe('the caret', () => {
  it.each([
    ['sum(up', '1:7: parse error: unclosed', '  sum(up\n        ^'],
    ['up', 'invalid parameter "query": 1:1: parse error: x', '  up\n  ^'],
    ['up', '7:1: parse error: x', undefined],
    ['up', '1:99: parse error: x', undefined],
    ['up', 'query timed out', undefined],
  ])('in %j for %j', (expression, error, shown) => {
    expect(caretUnder(expression, error)).toBe(shown)
  })
})

describe('log lines', () => {
  function logged(format: LogFormat): string {
    let text = ''
    const logger = createLogger({ level: 'info', format, write: (line) => void (text += line) })
    logger.debug({}, 'not this')
    const cause = new Error('socket closed')
    const err = new DomainError('unavailable', 'no bucket', { cause })
    logger.warn({ ulid: '01X', bytes: 5, labels: { a: 'b' }, err }, 'upload broke')
    return text
  }

  it('are logfmt as Thanos writes it', () => {
    expect(logged('logfmt')).toMatch(
      /^ts=\d{4}-\S+Z level=warn msg="upload broke" ulid=01X bytes=5 labels="\{\\"a\\":\\"b\\"\}" err="no bucket: socket closed"\n$/,
    )
  })

  it('or the same with the priority that systemd reads', () => {
    expect(logged('journald')).toMatch(/^<4>ts=\S+ level=warn msg="upload broke" .*\n$/)
  })

  it('or JSON', () => {
    expect(JSON.parse(logged('json'))).toEqual({
      ts: expect.any(String) as string,
      level: 'warn',
      msg: 'upload broke',
      ulid: '01X',
      bytes: 5,
      labels: { a: 'b' },
      err: 'no bucket: socket closed',
    })
  })
})

describe('help', () => {
  it.each([
    [['--help'], /First steps:/],
    [['query', '--help'], /Examples:/],
    [['agent', '--help'], /Prometheus needs three things:/],
    [['local', '--help'], /\$ thaw local/],
    [['bucket', 'ls', '--help'], /type: FILESYSTEM/],
    [['bucket', 'inspect', '--help'], /UNTIL-DOWN/],
  ])('of %j teaches', async (argv, text) => {
    const result = await thaw(argv)
    expect(result.code).toBe(0)
    expect(result.out).toMatch(text)
  })

  it('names the command that was meant', async () => {
    const result = await thaw(['qeury', 'up'])
    expect([result.code, result.out]).toEqual([1, ''])
    expect(result.err).toMatch(/Did you mean query\?/)
  })

  it('prints the version', async () => {
    expect((await thaw(['version'])).out).toMatch(/^thaw \d+\.\d+\.\d+ \(node v\d+/)
  })
})
