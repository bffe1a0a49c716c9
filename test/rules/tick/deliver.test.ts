import { describe, expect, it } from 'vitest'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import { filledOutbox } from '#lib/rules/tick/deliver.ts'
import type { RulerCounters } from '#lib/rules/tick/ruler-state.ts'

const COUNTERS: RulerCounters = {
  ticks: 0,
  samples: 0,
  alertsSent: 0,
  alertsDropped: 3,
  parcelsDropped: 0,
  alertmanagers: {},
}

function alert(name: string, startsAtMs = 0, endsAtMs = 10): OutgoingAlert {
  return { labels: { alertname: name }, annotations: {}, startsAtMs, endsAtMs, generatorUrl: '' }
}

function parcel(key: string, megabytes: number) {
  return { key, body: 'A'.repeat(megabytes * 1024 * 1024), samples: 1 }
}

const NONE = { parcels: [], alerts: [] }

describe('the outbox', () => {
  it('keeps an alert that goes on once, with what was said of it last', () => {
    const { outbox } = filledOutbox({ parcels: [], alerts: [alert('a'), alert('b')] }, COUNTERS, {
      parcels: [],
      alerts: [alert('a', 0, 20), alert('b', 15, 30)],
    })
    expect(outbox.alerts).toEqual([alert('b'), alert('a', 0, 20), alert('b', 15, 30)])
  })

  it('has ten thousand alerts at most: the oldest go, counted', () => {
    const old = Array.from({ length: 9_999 }, (_, i) => alert(`old ${i}`))
    const more = [alert('x'), alert('y'), alert('z')]
    const { outbox, counters } = filledOutbox({ parcels: [], alerts: old }, COUNTERS, {
      ...NONE,
      alerts: more,
    })
    expect(outbox.alerts).toHaveLength(10_000)
    expect(outbox.alerts[0]!.labels).toEqual({ alertname: 'old 2' })
    expect(counters.alertsDropped).toBe(5)
  })

  it('has no more results than fit into 32 MB, but what came just now', () => {
    const waiting = [parcel('1', 12), parcel('2', 12), parcel('3', 12)]
    const { outbox, counters } = filledOutbox({ parcels: waiting, alerts: [] }, COUNTERS, {
      ...NONE,
      parcels: [parcel('4', 12)],
    })
    expect(outbox.parcels.map(({ key }) => key)).toEqual(['3', '4'])
    expect(counters.parcelsDropped).toBe(2)
    const large = filledOutbox({ parcels: waiting, alerts: [] }, COUNTERS, {
      ...NONE,
      parcels: [parcel('4', 40)],
    })
    expect(large.outbox.parcels.map(({ key }) => key)).toEqual(['4'])
  })
})
