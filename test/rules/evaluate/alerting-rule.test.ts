import { describe, expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import { nextAlerts } from '#lib/rules/evaluate/alerting-rule.ts'
import type { AlertState } from '#lib/rules/evaluate/group-state.ts'
import { alerting, MINUTE } from './group-fixture.ts'

const CANDIDATE = { labels: labelsFrom({ alertname: 'A' }), annotations: {}, value: 1 }

/** The state at each minute in which the element is there (x) or not (-). */
function life(pattern: string, forMinutes: number, keepMinutes: number): string {
  const rule = alerting('A', 'x', {
    forMs: forMinutes * MINUTE,
    keepFiringForMs: keepMinutes * MINUTE,
  })
  let alerts: readonly AlertState[] = []
  return [...pattern]
    .map((there, minute) => {
      alerts = nextAlerts(rule, alerts, there === 'x' ? [CANDIDATE] : [], minute * MINUTE)
      return alerts[0]?.state[0] ?? '.'
    })
    .join('')
}

describe('nextAlerts', () => {
  it.each([
    ['fires at once', 'xx-x', 0, 0, 'ffif'],
    ['waits for `for`', 'xxxx', 2, 0, 'ppff'],
    ['begins anew when the element was gone', 'xx-xxx', 2, 0, 'pp.ppf'],
    ['keeps firing, then is over', 'x----', 0, 3, 'ffffi'],
    ['keeps firing anew after each return', 'x-x---', 0, 2, 'fffffi'],
    [
      'is forgotten 15 minutes after it was resolved',
      `x${'-'.repeat(18)}`,
      0,
      0,
      `f${'i'.repeat(16)}..`,
    ],
  ])('%s', (_, pattern, forMinutes, keepMinutes, states) => {
    expect(life(pattern, forMinutes, keepMinutes)).toBe(states)
  })

  it('is pending again when the rule has got a longer `for`', () => {
    const short = alerting('A', 'x', { forMs: 0 })
    const long = alerting('A', 'x', { forMs: 5 * MINUTE })
    const firing = nextAlerts(short, [], [CANDIDATE], 0)
    expect(firing).toMatchObject([{ state: 'firing', firedAtMs: 0 }])
    const sent = firing.map((alert) => ({ ...alert, lastSentAtMs: 0 }))
    const [alert] = nextAlerts(long, sent, [CANDIDATE], MINUTE)
    expect(alert).toMatchObject({ state: 'pending', activeAtMs: 0, firedAtMs: undefined })
    expect(alert!.lastSentAtMs).toBeUndefined()
  })
})
