/**
 * Metrics of our own: what functions log, seen by metric filters. A filter matches trouble alone and has no default value, and CloudWatch
 * charges a metric for the hours in which it has data: an installation that is well pays nothing for them.
 */
import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'

import type { ThawFunction } from './thaw-function.ts'
import type { Watched } from './watched.ts'

/** A job that was planned so long ago, and still is to be done, will hardly be done by itself. */
export const OLD_JOB_SECONDS = 6 * 3600

export class LogMetrics extends Construct {
  /** Of each run of `plan`: who wrote in the last day, and stopped. */
  readonly silentWriters: Metric
  /** Of each run of `plan`: blocks that can't be read, and fresh ones. */
  readonly setAside: Metric
  /** Of each run of `plan` where the oldest job is older than OLD_JOB_SECONDS: how old. */
  readonly oldestJobSeconds: Metric
  /** Of each tick: evaluations that will never be made. */
  readonly missedSlots: Metric
  /** Of each tick: alerts that no Alertmanager has taken. */
  readonly waitingAlerts: Metric

  readonly #namespace: string

  constructor(scope: Construct, id: string, { config, plan, rule }: Watched) {
    super(scope, id)
    this.#namespace = config.stackName
    this.silentWriters = this.#filter(plan, 'SilentWriters', 'silentWriters')
    this.setAside = this.#filter(plan, 'SetAside', 'setAside')
    this.oldestJobSeconds = this.#filter(
      plan,
      'OldestJobSeconds',
      'oldestJobSeconds',
      OLD_JOB_SECONDS,
    )
    this.missedSlots = this.#filter(rule, 'MissedSlots', 'missed')
    this.waitingAlerts = this.#filter(rule, 'WaitingAlerts', 'alertsWaiting')
  }

  /** Lambda puts what `console.log` is given under `message`. */
  #filter({ logGroup }: ThawFunction, metricName: string, field: string, above = 0): Metric {
    const path = `$.message.${field}`
    const filter = new MetricFilter(this, metricName, {
      logGroup,
      filterPattern: FilterPattern.numberValue(path, '>', above),
      metricNamespace: this.#namespace,
      metricName,
      metricValue: path,
    })
    return filter.metric({ statistic: 'Maximum', period: Duration.minutes(5) })
  }
}
