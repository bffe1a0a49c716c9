/** One page of CloudWatch with all that an operator looks at, from the door to the bill. */
/* oxlint-disable no-new -- a construct adds itself to its scope. */
import { Duration } from 'aws-cdk-lib'
import {
  Alarm,
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  GraphWidgetView,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  type Metric,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'

import type { LogMetrics } from './log-metrics.ts'
import { monthlyRate, spendingByPart } from './spending.ts'
import {
  accountMetric,
  apiMetric,
  functionMetric,
  functionsOf,
  isThere,
  queueMetric,
  type Watched,
} from './watched.ts'

export interface DashboardProps {
  readonly watched: Watched
  readonly logMetrics: LogMetrics
  /** Their names. */
  readonly alarms: readonly string[]
}

/** In columns and rows of the page, which is 24 wide. */
const WIDTH = 24
const THIRD = WIDTH / 3
const HALF = WIDTH / 2
const HEIGHT = 6
const MINUTE = Duration.minutes(1)
const FIVE_MINUTES = Duration.minutes(5)
const DAY = Duration.days(1)

export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id)
    const { watched, logMetrics } = props
    // By name: emulators of CloudFormation that know no alarms know no ARN of one either.
    const alarms = props.alarms.map((name) => Alarm.fromAlarmName(this, name, name))
    const { stackName } = watched.config
    new CloudWatchDashboard(this, 'Page', {
      dashboardName: stackName,
      defaultInterval: Duration.hours(12),
      widgets: [
        [new TextWidget({ markdown: introduction(stackName), width: WIDTH, height: 2 })],
        [new AlarmStatusWidget({ title: 'Alarms', alarms, width: WIDTH, height: 4 })],
        doorRow(watched),
        functionRow(watched),
        workRow(watched, logMetrics),
        logRow(watched),
        spendingRow(watched),
      ],
    })
  }
}

function introduction(stackName: string): string {
  return [
    `**${stackName}**: Prometheus metrics in S3. What each alarm means and what to do is in docs/operations.md, settings are in docs/deploy.md.`,
    'Lines that are absent have no data: metrics of trouble have none while all is well.',
  ].join(' ')
}

function doorRow(watched: Watched): IWidget[] {
  const { query, store, authorize, stream } = watched
  const asking = [query, store, authorize, stream].filter(isThere)
  return [
    graph('Requests a minute', [
      named(apiMetric(watched, 'Count', 'Sum', MINUTE), 'all'),
      named(apiMetric(watched, '4xx', 'Sum', MINUTE), '4xx: refused, or wrong'),
      named(apiMetric(watched, '5xx', 'Sum', MINUTE), '5xx: failed'),
    ]),
    graph('Milliseconds until the answer', [
      named(apiMetric(watched, 'Latency', 'p50', FIVE_MINUTES), 'half are faster'),
      named(apiMetric(watched, 'Latency', 'p99', FIVE_MINUTES), '99% are faster'),
      named(apiMetric(watched, 'IntegrationLatency', 'p99', FIVE_MINUTES), '99%, of query alone'),
    ]),
    graph(
      'Calls turned away by Lambda',
      asking.map((one) => named(functionMetric(one, 'Throttles', 'Sum', FIVE_MINUTES), one.name)),
    ),
  ]
}

function functionRow(watched: Watched): IWidget[] {
  const { query, store, compact } = watched
  const functions = functionsOf(watched)
  return [
    graph(
      'Milliseconds of functions, 99% are faster',
      functions.map((one) => named(functionMetric(one, 'Duration', 'p99', FIVE_MINUTES), one.name)),
    ),
    graph(
      'Errors of functions',
      functions.map((one) => named(functionMetric(one, 'Errors', 'Sum', FIVE_MINUTES), one.name)),
    ),
    graph('Running at one time', [
      ...[query, store, compact].map((one) =>
        named(functionMetric(one, 'ConcurrentExecutions', 'Maximum', MINUTE), one.name),
      ),
      named(accountMetric('ConcurrentExecutions', 'Maximum', MINUTE), 'all of the account'),
    ]),
  ]
}

function workRow(watched: Watched, logMetrics: LogMetrics): IWidget[] {
  const { jobs, plan, rule } = watched
  const { missedSlots, waitingAlerts, silentWriters, setAside } = logMetrics
  return [
    graph('Ticks of rules, in five minutes', [
      named(functionMetric(rule, 'Invocations', 'Sum', FIVE_MINUTES), 'ticks'),
      missedSlots.with({ statistic: 'Sum', label: 'evaluations missed' }),
      named(waitingAlerts, 'alerts that wait for an Alertmanager'),
    ]),
    graph('Plans, and what they found', [
      named(functionMetric(plan, 'Invocations', 'Sum', FIVE_MINUTES), 'plans'),
      named(silentWriters, 'agents silent'),
      named(setAside, 'blocks set aside'),
    ]),
    new GraphWidget({
      title: 'Jobs of compaction',
      width: THIRD,
      height: HEIGHT,
      left: [
        named(
          queueMetric(jobs.queue, 'ApproximateNumberOfMessagesVisible', FIVE_MINUTES),
          'waiting',
        ),
        named(
          queueMetric(jobs.queue, 'ApproximateNumberOfMessagesNotVisible', FIVE_MINUTES),
          'being done',
        ),
        named(
          queueMetric(jobs.deadLetters, 'ApproximateNumberOfMessagesVisible', FIVE_MINUTES),
          'dead',
        ),
      ],
      right: [
        named(
          queueMetric(jobs.queue, 'ApproximateAgeOfOldestMessage', FIVE_MINUTES),
          'seconds of the oldest',
        ),
      ],
      leftYAxis: { min: 0 },
      rightYAxis: { min: 0 },
    }),
  ]
}

/** What only the log of `plan` knows: a metric for each agent would cost more than the agent. */
function logRow({ plan }: Watched): IWidget[] {
  const logGroupNames = [plan.logGroup.logGroupName]
  return [
    new LogQueryWidget({
      title: 'Who wrote, and how long ago: the longest first',
      width: HALF,
      height: HEIGHT,
      logGroupNames,
      view: LogQueryVisualizationType.TABLE,
      queryLines: [
        'filter ispresent(message.writers)',
        'fields @timestamp, message.silentWriters as silent, message.lastWrites as writers, message.setAsideNames as setAside',
        'sort @timestamp desc',
        'limit 5',
      ],
    }),
    new LogQueryWidget({
      title: 'Jobs of compaction that are planned, and minutes of work',
      width: HALF,
      height: HEIGHT,
      logGroupNames,
      view: LogQueryVisualizationType.LINE,
      queryLines: [
        'filter ispresent(message.jobs)',
        'stats max(message.jobs) as jobs, max(message.estimateSeconds) / 60 as minutes, max(message.oldestJobSeconds) / 60 as oldestMinutes by bin(5m)',
      ],
    }),
  ]
}

function spendingRow(watched: Watched): IWidget[] {
  return [
    new GraphWidget({
      title: 'Dollars a day, estimated, without requests to S3',
      width: 2 * THIRD,
      height: HEIGHT,
      view: GraphWidgetView.TIME_SERIES,
      stacked: true,
      left: [...spendingByPart(watched, DAY)],
      period: DAY,
      start: '-P14D',
      leftYAxis: { min: 0 },
    }),
    graph('Dollars of a month at the rate of six hours', [monthlyRate(watched, Duration.hours(6))]),
  ]
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, width: THIRD, height: HEIGHT, left, leftYAxis: { min: 0 } })
}

function named(metric: Metric, label: string): Metric {
  return metric.with({ label })
}
