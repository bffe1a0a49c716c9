import { describe, expect, it } from 'vitest'
import { DEFAULT_COMPACT_SETTINGS } from '#lib/compact/plan/settings.ts'
import { COMPACT_FLAGS, readCompactFlags } from '#lib/lambda/compact-flags.ts'

const DAY_MS = 86_400_000

describe('the flags of the compactor', () => {
  it('are Thanos’s defaults', () => {
    expect(readCompactFlags('')).toEqual(DEFAULT_COMPACT_SETTINGS)
    const named = Object.entries(COMPACT_FLAGS).flatMap(([name, { type, default: value }]) =>
      type === 'boolean' || value === '' ? [] : [`--${name}=${value}`],
    )
    expect(readCompactFlags(named.join(' '))).toEqual(DEFAULT_COMPACT_SETTINGS)
  })

  it('are read as Thanos reads them', () => {
    expect(
      readCompactFlags(
        '--retention.resolution-raw=90d --retention.resolution-5m=1y --delete-delay=0s ' +
          '--consistency-delay=5m --downsampling.disable --deduplication.func=penalty ' +
          '--deduplication.replica-label=replica,rule_replica --deduplication.replica-label=zone ' +
          '--compact.block-max-index-size=10MB --fresh.merge-delay=1h',
      ),
    ).toEqual({
      ...DEFAULT_COMPACT_SETTINGS,
      retentionMs: { raw: 90 * DAY_MS, fiveMinutes: 365 * DAY_MS, oneHour: 0 },
      deleteDelayMs: 0,
      consistencyDelayMs: 300_000,
      downsampling: false,
      dedup: { func: 'penalty', replicaLabels: ['replica', 'rule_replica', 'zone'] },
      maxIndexBytes: 10 * 1024 * 1024,
      freshDelayMs: 3_600_000,
    })
  })

  it.each([
    ['--retention.resolution-raw=1h', '--retention.resolution-raw'],
    ['--delete-delay=x', '--delete-delay'],
    ['--deduplication.func=best', '--deduplication.func is "best", want penalty'],
    ['--deduplication.func=penalty', '--deduplication.replica-label'],
    ['--compact.block-max-index-size=much', '--compact.block-max-index-size'],
    ['--what', '--what'],
  ])('that are wrong are named: %s', (line, message) => {
    expect(() => readCompactFlags(line)).toThrow(`THAW_COMPACT_FLAGS: `)
    expect(() => readCompactFlags(line)).toThrow(message)
  })
})
