/** Rules that are not evaluated, and alerts that reach nobody. */
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from 'vitest'
import { type Ailment, itFinds } from './ailment.ts'
import { HOUR, type Installation, putRules, serve } from './installation.ts'

const rulesOf =
  (change: Parameters<typeof putRules>[2]) =>
  ({ bucket, nowMs, flags }: Installation) =>
    putRules(bucket, { nowMs, alertmanager: flags['alertmanager.url']! }, change)

const AILMENTS: readonly Ailment[] = [
  {
    name: 'a ruler that never ran',
    ail: ({ bucket }) => bucket.delete('thaw/rule/state.json.gz'),
    level: 'wrong',
    found: /^rules ruler: no ruler ever ran, for 1 rule file/,
    next: /rule function; without functions: thaw rule/,
    also: ['alerts sending'],
  },
  {
    name: 'a ruler that has stopped',
    ail: rulesOf(({ updatedMs }) => ({ updatedMs: updatedMs - HOUR })),
    level: 'wrong',
    found: /^rules ruler: the last tick was 1h(\d+s)? ago, and one is due each minute/,
    next: /rule function/,
  },
  {
    name: 'a state of the ruler that is broken',
    ail: async ({ bucket }) =>
      void (await bucket.put('thaw/rule/state.json.gz', new Uint8Array(9))),
    level: 'wrong',
    found: /^rules ruler: the state of the ruler can't be read/,
    next: /thaw\/rule\/broken/,
    also: ['alerts sending'],
  },
  {
    name: 'a rule file that was pushed and not read',
    ail: async ({ bucket, dir, nowMs }) => {
      const old = (nowMs - HOUR) / 1000
      for (const name of ['new', 'newest']) {
        await bucket.put(`thaw/rule/files/${name}.yaml`, new Uint8Array(3))
      }
      await utimes(join(dir, 'bucket/thaw/rule/files/new.yaml'), old, old)
    },
    level: 'wrong',
    found: /^rules rule files: the ruler has not read the rule files that are there now/,
    seen: /^new.yaml$/,
    next: /rule function/,
  },
  {
    name: 'a rule file that is bad',
    ail: rulesOf(({ files }) => ({ files: files.map((file) => ({ ...file, error: 'no YAML' })) })),
    level: 'wrong',
    found: /^rules rule files: a rule file can't be used, its last good groups go on/,
    seen: /^f.yaml: no YAML$/,
    next: /thaw rules check/,
  },
  {
    name: 'a rule that fails',
    ail: rulesOf(({ groups: [group, ...rest] }) => {
      const failed = { health: 'err', lastError: 'many-to-many matching not allowed' } as const
      const rules = group!.state.rules.map((rule) => ({ ...rule, ...failed }))
      return { groups: [{ ...group!, state: { ...group!.state, rules } }, ...rest] }
    }),
    level: 'wrong',
    found: /^rules evaluations: a rule fails/,
    seen: /^f.yaml, group a, one: many-to-many matching not allowed$/,
    next: /thaw query/,
  },
  {
    name: 'evaluations that were missed',
    ail: rulesOf(({ groups: [group, ...rest] }) => ({
      groups: [{ ...group!, missed: 7 }, ...rest],
    })),
    level: 'warning',
    found: /^rules missed evaluations: evaluations were missed/,
    seen: /^f.yaml, group a: 7$/,
    next: /--rule.catch-up/,
  },
  {
    name: 'no Alertmanager for alerts',
    ail: rulesOf(() => ({ alertmanagers: { active: [], dropped: [] } })),
    level: 'wrong',
    found: /^alerts sending: there are alerting rules, and no Alertmanager gets their alerts/,
    next: /--alertmanagers.url/,
  },
  {
    name: 'alerts that wait',
    ail: rulesOf(({ updatedMs, outbox, counters, alertmanagers }) => {
      const alert = { labels: {}, annotations: {}, endsAtMs: updatedMs, generatorUrl: '' }
      const counts = { sent: 0, errors: 9, dropped: 0, requests: 9, latencySeconds: 1 }
      return {
        outbox: { ...outbox, alerts: [{ ...alert, startsAtMs: updatedMs - HOUR }] },
        counters: { ...counters, alertmanagers: { [alertmanagers.active[0]!]: counts } },
      }
    }),
    level: 'wrong',
    found: /^alerts sending: no Alertmanager takes 1 alert, the oldest for 1h(\d+s)?$/,
    seen: /^http.*: 9 errors, 0 sent$/,
    next: /may the ruler reach it/,
  },
  {
    name: 'alerts that were given up',
    ail: rulesOf(({ counters }) => ({ counters: { ...counters, alertsDropped: 3 } })),
    level: 'warning',
    found: /^alerts sending: given up since the ruler began: 3 alerts/,
    next: /the log of the ruler/,
  },
  {
    name: 'an Alertmanager that is down',
    ail: async () => ({ 'alertmanager.url': 'http://127.0.0.1:1' }),
    level: 'wrong',
    found: /^alerts alertmanager .*: Alertmanager does not answer/,
    next: /correct --alertmanager.url/,
  },
  {
    name: 'an Alertmanager without the alert that always fires',
    ail: async ({ alertmanager }) => {
      alertmanager['/api/v2/alerts'] = '[]'
    },
    level: 'warning',
    found: /^alerts alertmanager .*: Alertmanager has no alert Watchdog/,
    next: /--rule.watchdog=Watchdog/,
  },
  {
    name: 'an Alertmanager that the ruler does not know',
    ail: async ({ ends }) => ({
      'alertmanager.url': await serve({ '/api/v2/alerts': '[]' }, ends),
    }),
    level: 'warning',
    found: /^alerts alertmanager .*: the ruler sends its alerts elsewhere/,
    next: /--alertmanagers.url of the ruler/,
  },
]

describe('thaw doctor', () => {
  itFinds(AILMENTS)
})
