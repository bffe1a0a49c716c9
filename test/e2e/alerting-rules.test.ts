/** Prometheus's promtool takes the alerting rules of packaging/prometheus, and their unit tests pass with it. */
import { describe, expect, it } from 'vitest'
import { command } from '#test/peer/cache.ts'
import { findPrometheus } from '#test/peer/prometheus.ts'
import { needPeer } from '#test/peer/skip-report.ts'

describe('the alerting rules', () => {
  it('are good rules, and ring when they should, to promtool', async (context) => {
    const { promtool } = needPeer(context, await findPrometheus())
    const checked = await command(promtool, [
      'check',
      'rules',
      'packaging/prometheus/thaw-alerts.yml',
    ])
    expect(checked).toContain('SUCCESS: 11 rules found')
    const tested = await command(promtool, ['test', 'rules', 'test/packaging/thaw-alerts.test.yml'])
    expect(tested).toContain('SUCCESS')
  })
})
