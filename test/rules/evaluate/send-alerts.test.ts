import { describe, expect, it } from 'vitest'
import type { AlertState } from '#lib/rules/evaluate/group-state.ts'
import {
  checkQueryTemplate,
  DEFAULT_QUERY_TEMPLATE,
  generatorUrlOf,
  sendAlerts,
} from '#lib/rules/evaluate/send-alerts.ts'

const FIRING: AlertState = {
  state: 'firing',
  labels: {},
  annotations: {},
  value: 1,
  activeAtMs: 0,
  firedAtMs: 0,
}

/** At which of the times 0, 1, … it is sent. */
function sentAt(resendDelayMs: number, resolvedAtMs?: number): number[] {
  let alerts: readonly AlertState[] = [FIRING]
  const times: number[] = []
  for (let timeMs = 0; timeMs < 10; timeMs++) {
    if (timeMs === resolvedAtMs) alerts = [{ ...alerts[0]!, state: 'inactive', resolvedAtMs }]
    const sent = sendAlerts(alerts, '', { timeMs, intervalMs: 1, resendDelayMs })
    alerts = sent.alerts
    if (sent.outgoing.length > 0) times.push(timeMs)
  }
  return times
}

describe('sendAlerts', () => {
  it('sends again when more than the delay is over, and at once what is resolved', () => {
    expect(sentAt(3)).toEqual([0, 4, 8])
    expect(sentAt(3, 5)).toEqual([0, 4, 5, 9])
  })

  it('sends nothing that is pending', () => {
    const alerts: AlertState[] = [{ ...FIRING, state: 'pending' }]
    expect(sendAlerts(alerts, '', { timeMs: 9, intervalMs: 1, resendDelayMs: 1 }).outgoing).toEqual(
      [],
    )
  })
})

describe('generatorUrlOf', () => {
  it("escapes as Go's url.QueryEscape does", () => {
    const url = generatorUrlOf('http://x/p', DEFAULT_QUERY_TEMPLATE, `a{b="c*'()!~ü$&"} > 1 % 2`)
    expect(url).toBe(
      'http://x/p/graph?g0.expr=a%7Bb%3D%22c%2A%27%28%29%21~%C3%BC%24%26%22%7D+%3E+1+%25+2&g0.tab=1',
    )
  })

  it('takes another template, which may have the expression and nothing else', () => {
    checkQueryTemplate('/explore?q={{ .Expr }}')
    expect(generatorUrlOf('', '/explore?q={{ .Expr }}', 'up == 0')).toBe('/explore?q=up+%3D%3D+0')
    expect(() => checkQueryTemplate('{{.Expr | urlquery}}')).toThrow('nothing else')
  })
})
