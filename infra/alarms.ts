/**
 * What somebody is woken for. Each alarm is something that does not mend itself and costs users data, answers or alerts, or the operator
 * money. Its name is a heading of docs/operations.md. CloudWatch charges each metric of each alarm, so what is mended in the same way has one.
 *
 * What missing data means is chosen for each: an installation that nobody uses has none and is quiet; a schedule that died has none either,
 * and is not.
 */
import { Duration } from 'aws-cdk-lib'
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Construct } from 'constructs'

import { AlarmTopic } from './alarm-topic.ts'
import { type LogMetrics, OLD_JOB_SECONDS } from './log-metrics.ts'
import { monthlyRate } from './spending.ts'
import { accountMetric, apiMetric, functionMetric, queueMetric, type Watched } from './watched.ts'

interface AlarmSpec {
  readonly name: string
  /** A sentence for who reads it at night. */
  readonly means: string
  readonly metric: IMetric
  /** Reached, or passed, in so many periods one after the other. */
  readonly threshold: number
  readonly periods: number
  readonly missing: TreatMissingData
  /** Answers or alerts are missing until somebody has mended it. */
  readonly isUrgent?: boolean
}

const { BREACHING, NOT_BREACHING, IGNORE } = TreatMissingData
const MINUTE = Duration.minutes(1)
const FIVE_MINUTES = Duration.minutes(5)
/** Two runs of `plan`, so that there is one in each. */
const TEN_MINUTES = Duration.minutes(10)
const SIX_HOURS = Duration.hours(6)

/** In five minutes: fewer say nothing, whatever share they are. */
const MIN_ERRORS = 3
const MAX_ERROR_PERCENT = 5

export interface AlarmsProps {
  readonly watched: Watched
  readonly logMetrics: LogMetrics
}

export class Alarms extends Construct {
  readonly names: readonly string[]

  constructor(scope: Construct, id: string, { watched, logMetrics }: AlarmsProps) {
    super(scope, id)
    const { config } = watched
    const { topic } = new AlarmTopic(this, 'Topic', config)
    const action = new SnsAction(topic)
    const specs = [
      ...scheduleAlarms(watched),
      ...ruleAlarms(logMetrics),
      ...dataAlarms(watched, logMetrics),
      ...apiAlarms(watched),
    ].filter(({ isUrgent }) => isUrgent || config.alarms === 'all')
    this.names = [...specs, ...spendingAlarms(watched)].map((spec) => {
      const { name, means, metric, threshold, periods, missing } = spec
      const alarmName = `${config.stackName}-${name}`
      const alarm = new Alarm(this, name, {
        alarmName,
        alarmDescription: `${means} What to do: docs/operations.md#${name}`,
        metric,
        threshold,
        evaluationPeriods: periods,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: missing,
      })
      alarm.addAlarmAction(action)
      alarm.addOkAction(action)
      return alarmName
    })
  }
}

/**
 * A run counts 1 or 0 errors, so the least of a period is 1 where all of them failed, and missing where there was none: one metric for both.
 */
function scheduleAlarms({ plan, rule }: Watched): AlarmSpec[] {
  return [
    {
      name: 'plan-failing',
      means: 'For 20 minutes no run of plan has succeeded: new blocks are not found.',
      metric: functionMetric(plan, 'Errors', 'Minimum', FIVE_MINUTES),
      threshold: 1,
      periods: 4,
      missing: BREACHING,
      isUrgent: true,
    },
    {
      name: 'rule-failing',
      means:
        'For 8 minutes no tick of rule has succeeded: rules are not evaluated, no alerts are sent.',
      metric: functionMetric(rule, 'Errors', 'Minimum', MINUTE),
      threshold: 1,
      periods: 8,
      missing: BREACHING,
      isUrgent: true,
    },
  ]
}

function ruleAlarms({ missedSlots, waitingAlerts }: LogMetrics): AlarmSpec[] {
  return [
    {
      name: 'rule-slots-missed',
      means: 'Evaluations of rules were too late and will never be made.',
      metric: missedSlots.with({ statistic: 'Sum', period: FIVE_MINUTES }),
      threshold: 1,
      periods: 1,
      missing: NOT_BREACHING,
    },
    {
      name: 'alerts-waiting',
      means: 'For 10 minutes alerts have waited that no Alertmanager takes.',
      metric: waitingAlerts.with({ period: FIVE_MINUTES }),
      threshold: 1,
      periods: 2,
      missing: NOT_BREACHING,
      isUrgent: true,
    },
  ]
}

function dataAlarms(watched: Watched, logMetrics: LogMetrics): AlarmSpec[] {
  const { silentWriters, setAside } = logMetrics
  return [
    {
      name: 'agent-silent',
      means: 'An agent that wrote to the bucket in the last day has stopped.',
      metric: silentWriters.with({ period: TEN_MINUTES }),
      threshold: 1,
      periods: 1,
      missing: NOT_BREACHING,
    },
    ...(watched.config.compaction ? jobAlarms(watched, logMetrics) : []),
    {
      name: 'block-set-aside',
      means: 'A block, or a fresh one, can not be read, and nothing is done with it any more.',
      metric: setAside.with({ period: TEN_MINUTES }),
      threshold: 1,
      periods: 1,
      missing: NOT_BREACHING,
    },
  ]
}

function jobAlarms({ jobs }: Watched, { oldestJobSeconds }: LogMetrics): AlarmSpec[] {
  return [
    {
      name: 'dead-jobs',
      means: 'A job of compaction failed three times and is put aside.',
      metric: queueMetric(jobs.deadLetters, 'ApproximateNumberOfMessagesVisible', FIVE_MINUTES),
      threshold: 1,
      periods: 1,
      // SQS has no numbers of a queue that nobody touched for hours, whatever is in it.
      missing: IGNORE,
    },
    {
      name: 'backlog-old',
      means: `A job of compaction is not done ${OLD_JOB_SECONDS / 3600} hours after it was planned.`,
      metric: oldestJobSeconds.with({ period: TEN_MINUTES }),
      threshold: OLD_JOB_SECONDS,
      periods: 1,
      missing: NOT_BREACHING,
    },
  ]
}

function apiAlarms(watched: Watched): AlarmSpec[] {
  const share = new MathExpression({
    expression: `IF(FILL(errors, 0) >= ${MIN_ERRORS}, 100 * FILL(errors, 0) / requests, 0)`,
    usingMetrics: {
      requests: apiMetric(watched, 'Count', 'Sum', FIVE_MINUTES),
      errors: apiMetric(watched, '5xx', 'Sum', FIVE_MINUTES),
    },
    period: FIVE_MINUTES,
  })
  return [
    {
      name: 'api-errors',
      means: `For 10 minutes ${MAX_ERROR_PERCENT}% of the requests or more have been answered with 5xx.`,
      metric: share,
      threshold: MAX_ERROR_PERCENT,
      periods: 2,
      missing: NOT_BREACHING,
      isUrgent: true,
    },
    {
      name: 'throttled',
      means:
        'For 15 minutes Lambda has turned calls away: the concurrency of the account is used up.',
      metric: accountMetric('Throttles', 'Sum', FIVE_MINUTES),
      threshold: 10,
      periods: 3,
      missing: NOT_BREACHING,
    },
  ]
}

function spendingAlarms(watched: Watched): AlarmSpec[] {
  const { monthlyBudgetUsd } = watched.config
  if (monthlyBudgetUsd === 0) return []
  return [
    {
      name: 'spending',
      means: `Functions run at a rate that takes more than the budget of ${monthlyBudgetUsd} dollars in a month.`,
      metric: monthlyRate(watched, SIX_HOURS),
      threshold: monthlyBudgetUsd,
      periods: 1,
      missing: NOT_BREACHING,
    },
  ]
}
