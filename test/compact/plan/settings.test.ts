import { describe, expect, it } from 'vitest'
import { spanText, timeText } from '#lib/compact/plan/plan-text.ts'
import {
  checkSettings,
  type CompactSettings,
  DEFAULT_COMPACT_SETTINGS,
  retentionOf,
} from '#lib/compact/plan/settings.ts'
import { DAY_MS, HOUR_MS } from './sample-record.ts'

function check(over: Partial<CompactSettings>): () => void {
  return () => checkSettings({ ...DEFAULT_COMPACT_SETTINGS, ...over })
}

function kept(raw: number, fiveMinutes = 0, downsampling = true): () => void {
  return check({ retentionMs: { raw, fiveMinutes, oneHour: 0 }, downsampling })
}

describe('checkSettings', () => {
  it('refuses what would be deleted before it is downsampled, as Thanos does', () => {
    expect(kept(40 * HOUR_MS - 1)).toThrow('--retention.resolution-raw of 40h: blocks would be')
    expect(kept(0, 10 * DAY_MS - 1)).toThrow('--retention.resolution-5m')
    for (const good of [kept(0), kept(40 * HOUR_MS, 10 * DAY_MS), kept(HOUR_MS, HOUR_MS, false)]) {
      expect(good).not.toThrow()
    }
  })

  it('refuses what makes no sense', () => {
    expect(kept(-1, 0, false)).toThrow('negative')
    expect(check({ dedup: { func: '', replicaLabels: [] } })).toThrow('names of replica labels')
    expect(check({ rangesMs: [] })).toThrow('ascend')
    expect(check({ rangesMs: [2, 3] })).toThrow('ascend')
  })
})

describe('retentionOf', () => {
  it('is for ever where there is none, and for resolutions nobody knows', () => {
    const retention = { raw: 1, fiveMinutes: 2, oneHour: 0 }
    expect([0, 300_000, 3_600_000, 60_000].map((ms) => retentionOf(retention, ms))).toEqual([
      1,
      2,
      Infinity,
      Infinity,
    ])
  })
})

describe('texts', () => {
  it('say times as people do', () => {
    expect([0, 59_999, 7_200_000, 36 * HOUR_MS, 60 * HOUR_MS, 14 * DAY_MS].map(spanText)).toEqual([
      '0s',
      '1m',
      '2h',
      '36h',
      '2d12h',
      '14d',
    ])
    expect(timeText(Date.UTC(2026, 10, 21, 14, 5))).toBe('2026-11-21 14:05')
    expect(timeText(Infinity)).toBe('Infinity')
  })
})
