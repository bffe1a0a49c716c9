/** Whether alerts leave the ruler, and whether an Alertmanager has them. */
import { countText, spanText } from '#lib/compact/plan/plan-text.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { type Finding, type Known, some, verdicts } from './finding.ts'

const WAITS_MS = 300_000

export function judgeOutbox(state: Known<RulerState | undefined>, nowMs: number): Finding {
  const { ok, warning, wrong, unchecked } = verdicts('alerts', 'sending')
  if ('failed' in state) return unchecked("the state of the ruler can't be read")
  const ruler = state.value
  if (ruler === undefined) return unchecked('no ruler ever ran')
  const { outbox, alertmanagers, counters, groups } = ruler
  const alerting = groups.some(({ config }) => config.rules.some(({ type }) => type === 'alerting'))
  if (!alerting && outbox.alerts.length === 0) return unchecked('there is no alerting rule')
  if (alertmanagers.active.length === 0) {
    return wrong('there are alerting rules, and no Alertmanager gets their alerts', {
      next: 'name one in the flags of the ruler: context ruleFlags, or thaw rule, with --alertmanagers.url=https://alertmanager.example.com',
    })
  }
  const oldestMs = outbox.alerts.reduce((least, one) => Math.min(least, one.startsAtMs), nowMs)
  if (outbox.alerts.length > 0 && nowMs - oldestMs > WAITS_MS) {
    const errors = Object.entries(counters.alertmanagers).map(
      ([url, { sent, errors: failed }]) => `${url}: ${failed} errors, ${sent} sent`,
    )
    return wrong(
      `no Alertmanager takes ${countText(outbox.alerts.length, 'alert')}, the oldest for ${spanText(nowMs - oldestMs)}`,
      {
        seen: some(errors),
        next: 'is it up, and may the ruler reach it (a function without a VPC reaches public addresses alone); the log of the ruler has its words',
      },
    )
  }
  if (counters.alertsDropped > 0) {
    return warning(
      `given up since the ruler began: ${countText(counters.alertsDropped, 'alert')}`,
      {
        next: 'Alertmanagers refused them, or were away for long: the log of the ruler has their words',
      },
    )
  }
  return ok(
    `alerts go to ${alertmanagers.active.length === 1 ? 'one Alertmanager' : `${alertmanagers.active.length} Alertmanagers`}`,
    [...alertmanagers.active],
  )
}

export interface AlertmanagerFacts {
  readonly url: string
  /** Names of the alerts that it has now. */
  readonly alerts: Known<readonly string[]>
  readonly watchdog: string
}

export function judgeAlertmanager(
  { url, alerts, watchdog }: AlertmanagerFacts,
  ruler: RulerState | undefined,
): Finding {
  const { ok, warning, wrong } = verdicts('alerts', `alertmanager ${url}`)
  if ('failed' in alerts) {
    return wrong(`Alertmanager does not answer: ${alerts.failed}`, {
      next: 'start it, or correct --alertmanager.url',
    })
  }
  const known = ruler?.alertmanagers.active ?? []
  const isKnown = known.some((one) => originOf(one) === originOf(url))
  if (alerts.value.includes(watchdog)) {
    return ok(`Alertmanager has ${watchdog}, the alert that always fires: the way is open`)
  }
  if (ruler && known.length > 0 && !isKnown) {
    return warning('the ruler sends its alerts elsewhere', {
      seen: some(known),
      next: 'correct --alertmanager.url here, or --alertmanagers.url of the ruler',
    })
  }
  return warning(`Alertmanager has no alert ${watchdog}`, {
    seen: [`it has ${countText(alerts.value.length, 'alert')}`],
    next: `let the ruler send one that always fires, so that its end is noticed: --rule.watchdog=${watchdog} (--watchdog here names another)`,
  })
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url
}
