import { describe, expect, it } from 'vitest'
import { readRuleFlags, RULE_FLAGS } from '#lib/lambda/rule-flags.ts'

describe('the flags of the ruler', () => {
  it('have defaults', () => {
    const { tick, engine, ...settings } = readRuleFlags('')
    expect(tick).toEqual({
      evalIntervalMs: 60_000,
      queryOffsetMs: 60_000,
      catchUpMs: 600_000,
      groupConcurrency: 8,
      ruleConcurrency: 8,
      resendDelayMs: 60_000,
      forGracePeriodMs: 600_000,
      forOutageToleranceMs: 3_600_000,
      restoreIgnoredLabels: ['ruler'],
      externalLabels: ['ruler', 'thaw'],
      externalUrl: '',
      alertQueryTemplate: '/graph?g0.expr={{.Expr}}&g0.tab=1',
      watchdog: '',
    })
    expect(engine).toMatchObject({ lookbackMs: 300_000, maxSamples: 50_000_000 })
    expect(settings).toMatchObject({
      queryTimeoutMs: 30_000,
      sendTimeoutMs: 10_000,
      endpoints: undefined,
    })
    expect(Object.keys(settings.flags)).toEqual(Object.keys(RULE_FLAGS))
  })

  it('are read as Thanos reads them', () => {
    const settings = readRuleFlags(
      `--label='cluster="eu, west"' --label=replica=a --eval-interval=15s --rule-query-offset=0s --alert.label-drop=replica ` +
        '--alertmanagers.url=http://a:9093 --alertmanagers.url=dns+http://b:9093 --alert.query-url=https://thaw.example/ --rule.watchdog=Alive',
    )
    expect(settings.tick).toMatchObject({
      externalLabels: ['cluster', 'eu, west', 'replica', 'a'],
      restoreIgnoredLabels: ['cluster', 'replica'],
      evalIntervalMs: 15_000,
      queryOffsetMs: 0,
      externalUrl: 'https://thaw.example',
      watchdog: 'Alive',
    })
    expect(settings.alertmanagerUrls).toEqual(['http://a:9093', 'dns+http://b:9093'])
    expect(settings.labelDrop).toEqual(['replica'])
  })

  it.each([
    ['--eval-interval=0s', '--eval-interval'],
    ['--rule.catch-up=-5m', '--rule.catch-up'],
    [`--label='a b'`, 'want name="value"'],
    [`--label=''`, 'at least one'],
    ['--rule.concurrent-groups=0', '--rule.concurrent-groups'],
    ['--alertmanagers.url=http://a --alertmanagers.config=x', 'not both'],
    ['--remote-write.config=a --remote-write.config-file=b', 'not both'],
    ['--query=http://querier', '--query'],
  ])('that are wrong are named: %s', (line, message) => {
    expect(() => readRuleFlags(line)).toThrow('THAW_RULE_FLAGS: ')
    expect(() => readRuleFlags(line)).toThrow(message)
  })
})
