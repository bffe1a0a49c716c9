import { readFileSync } from 'node:fs'

import type { Template } from 'aws-cdk-lib/assertions'
import { describe, expect, it } from 'vitest'

import { ASSUMPTIONS } from '#lib/cost/assumptions.ts'

import { metricsOfAlarm, type NamedMetric, problemOf } from './named-metrics.ts'
import { plain, type Resource, resourceOf, resourcesOf, synthesize } from './synthesized.ts'

function alarmsOf(template: Template): Map<string, Resource['Properties']> {
  const alarms = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm'))
  return new Map(
    alarms.map(({ Properties }) => [
      String(Properties['AlarmName']).replace(/^thaw-/, ''),
      Properties,
    ]),
  )
}

function lineOf(properties: Resource['Properties']): string {
  const { Period, Statistic, EvaluationPeriods, Threshold, TreatMissingData } =
    properties as Record<string, string | number | undefined>
  const names = metricsOfAlarm(properties).map(({ namespace, name, dimensions }) => {
    const of = Object.values(dimensions).map((value) => String(plain(value)))
    return [namespace, name, ...of].join(' ')
  })
  const how = Statistic === undefined ? '' : `${Statistic} of ${Period} s: `
  return `${how}${names.join(', ')} >= ${Threshold}, ${EvaluationPeriods} times, missing ${TreatMissingData}`
}

describe('the alarms', () => {
  const template = synthesize()
  const alarms = alarmsOf(template)

  it('have as many metrics as `thaw cost` counts', () => {
    const metrics = [...alarms.values()].flatMap((properties) => metricsOfAlarm(properties))
    expect(metrics).toHaveLength(ASSUMPTIONS['month.alarms'].value)
    const urgent = [...alarmsOf(synthesize({ alarms: 'urgent' })).values()]
    expect(urgent.flatMap(metricsOfAlarm)).toHaveLength(ASSUMPTIONS['month.urgent-alarms'].value)
  })

  it('are these', () => {
    const lines = [...alarms].map(([name, properties]) => `${name}: ${lineOf(properties)}`)
    expect(lines).toMatchInlineSnapshot(`
      [
        "plan-failing: Minimum of 300 s: AWS/Lambda Errors PlanFunction >= 1, 4 times, missing breaching",
        "rule-failing: Minimum of 60 s: AWS/Lambda Errors RuleFunction >= 1, 8 times, missing breaching",
        "rule-slots-missed: Sum of 300 s: thaw MissedSlots >= 1, 1 times, missing notBreaching",
        "alerts-waiting: Maximum of 300 s: thaw WaitingAlerts >= 1, 2 times, missing notBreaching",
        "agent-silent: Maximum of 600 s: thaw SilentWriters >= 1, 1 times, missing notBreaching",
        "dead-jobs: Maximum of 300 s: AWS/SQS ApproximateNumberOfMessagesVisible JobsDeadLetters.QueueName >= 1, 1 times, missing ignore",
        "backlog-old: Maximum of 600 s: thaw OldestJobSeconds >= 21600, 1 times, missing notBreaching",
        "block-set-aside: Maximum of 600 s: thaw SetAside >= 1, 1 times, missing notBreaching",
        "api-errors: AWS/ApiGateway Count HttpApi $default, AWS/ApiGateway 5xx HttpApi $default >= 5, 2 times, missing notBreaching",
        "throttled: Sum of 300 s: AWS/Lambda Throttles >= 10, 3 times, missing notBreaching",
      ]
    `)
  })

  it('are of metrics that there are', () => {
    const problems = [...alarms.values()]
      .flatMap(metricsOfAlarm)
      .map((metric) => problemOf(template, metric))
    expect(problems.length).toBeGreaterThanOrEqual(11)
    expect(problems.filter((problem) => problem !== undefined)).toEqual([])
  })

  it('say what to do, tell one topic of the trouble and of its end', () => {
    for (const [name, properties] of alarms) {
      expect(properties['AlarmDescription']).toMatch(
        new RegExp(`^[A-Z].+\\w\\. What to do: docs/operations\\.md#${name}$`),
      )
      expect(plain(properties['AlarmActions'])).toEqual(['AlarmsTopic'])
      expect(plain(properties['OKActions'])).toEqual(['AlarmsTopic'])
      expect(properties['ComparisonOperator']).toBe('GreaterThanOrEqualToThreshold')
    }
  })

  it.each([
    ['plan-failing', 'PlanEveryFiveMinutes', 300],
    ['rule-failing', 'RuleEveryMinute', 60],
  ])('%s hears of a schedule that died, after some of its turns', (name, schedule, seconds) => {
    const alarm = alarms.get(name)!
    expect(alarm['TreatMissingData']).toBe('breaching')
    const { ScheduleExpression } = resourceOf(template, 'AWS::Events::Rule', schedule).Properties
    expect(ScheduleExpression).toMatch(new RegExp(`^rate\\(${seconds / 60} minutes?\\)$`))
    expect(alarm['Period']).toBe(seconds)
    expect(alarm['EvaluationPeriods']).toBeGreaterThanOrEqual(4)
  })

  it('are quiet without data, but for those', () => {
    const loud = [...alarms].filter(([, { TreatMissingData }]) => TreatMissingData === 'breaching')
    expect(loud.map(([name]) => name)).toEqual(['plan-failing', 'rule-failing'])
  })

  it('are half as many where only urgent ones are wanted', () => {
    const urgent = alarmsOf(synthesize({ alarms: 'urgent', monthlyBudgetUsd: 40 }))
    const { spending, ...few } = Object.fromEntries(urgent)
    expect(Object.keys(few)).toEqual([
      'plan-failing',
      'rule-failing',
      'alerts-waiting',
      'api-errors',
    ])
    expect(spending).toBeDefined()
    expect(Object.values(few).flatMap(metricsOfAlarm)).toHaveLength(5)
  })

  it('wait for no jobs where another compactor does them', () => {
    const names = new Set(alarmsOf(synthesize({ compaction: false })).keys())
    expect([...alarms.keys()].filter((name) => !names.has(name))).toEqual([
      'dead-jobs',
      'backlog-old',
    ])
  })

  it('hold a budget where there is one', () => {
    const own = synthesize({ monthlyBudgetUsd: 40 })
    const { spending, ...rest } = Object.fromEntries(alarmsOf(own))
    expect(Object.keys(rest)).toEqual([...alarms.keys()])
    expect(spending!['Threshold']).toBe(40)
    expect(metricsOfAlarm(spending!).map((metric) => problemOf(own, metric))).toEqual(
      Array.from({ length: 4 }),
    )
  })

  it('have names of the stack, as the metrics of filters have', () => {
    const own = synthesize({ stackName: 'metrics' })
    expect([...alarmsOf(own).keys()].every((name) => name.startsWith('metrics-'))).toBe(true)
    const filters = Object.values(resourcesOf(own, 'AWS::Logs::MetricFilter'))
    expect(filters).toHaveLength(5)
    for (const { Properties } of filters) {
      const [{ MetricNamespace, DefaultValue }] = Properties['MetricTransformations'] as [
        Record<string, unknown>,
      ]
      expect([MetricNamespace, DefaultValue]).toEqual(['metrics', undefined])
    }
  })
})

describe('the comparison of metrics with resources', () => {
  const template = synthesize()
  const of = (namespace: string, name: string, dimensions: NamedMetric['dimensions']) =>
    problemOf(template, { namespace, name, dimensions })

  it('finds what is not there', () => {
    expect(of('AWS/Lambda', 'Error', {})).toBe('AWS/Lambda has no metric Error')
    expect(of('AWS/Lambda', 'Errors', { FunctionName: 'thaw-plan' })).toMatch(/^no function/)
    expect(of('AWS/SQS', 'ApproximateAgeOfOldestMessage', {})).toMatch(/^no queue/)
    expect(of('AWS/ApiGateway', '5XXError', {})).toBe('AWS/ApiGateway has no metric 5XXError')
    expect(of('AWS/ApiGateway', '5xx', { ApiId: 'a', Stage: 'b' })).toMatch(/^no stage/)
    expect(of('AWS/S3', 'BucketSizeBytes', { BucketName: 'b' })).toMatch(/^no bucket/)
    expect(of('thaw', 'Silent', {})).toBe('no filter makes thaw Silent')
    expect(of('thaw', 'SetAside', { Function: 'plan' })).toBe('no filter makes thaw SetAside')
  })
})

describe('the topic of alarms', () => {
  it('may be written to by alarms of this stack alone, over TLS', () => {
    const policy = resourceOf(synthesize(), 'AWS::SNS::TopicPolicy', 'AlarmsTopicPolicy')
    const { PolicyDocument } = plain(policy.Properties) as {
      PolicyDocument: { Statement: Record<string, unknown>[] }
    }
    const common = { Action: 'sns:Publish', Resource: 'AlarmsTopic' }
    expect(PolicyDocument.Statement).toMatchObject([
      {
        ...common,
        Effect: 'Deny',
        Principal: '*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
      {
        ...common,
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: {
          ArnLike: {
            'aws:SourceArn':
              'arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:thaw-*',
          },
          StringEquals: { 'aws:SourceAccount': '<AWS::AccountId>' },
        },
      },
    ])
  })

  it('tells nobody, or who is named', () => {
    expect(resourcesOf(synthesize(), 'AWS::SNS::Subscription')).toEqual({})
    const told = synthesize({ alarmEmail: 'night@example.org' })
    const [subscription] = Object.values(resourcesOf(told, 'AWS::SNS::Subscription'))
    expect(plain(subscription!.Properties)).toEqual({
      Protocol: 'email',
      Endpoint: 'night@example.org',
      TopicArn: 'AlarmsTopic',
    })
  })
})

describe('the runbook', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split(/^## Alarms$/m)
  const [inside = ''] = section.split(/^## /m)
  const entries = inside.split(/^### /m).slice(1)
  const alarms = alarmsOf(synthesize({ monthlyBudgetUsd: 40 }))

  it('has an entry for each alarm, and none for another', () => {
    expect(entries.map((entry) => entry.split('\n')[0])).toEqual([...alarms.keys()])
  })

  it.each(entries.map((entry) => [entry.split('\n')[0]!, entry] as const))(
    '%s tells what it means, what users see, how to look, what to do and when not to',
    (_, entry) => {
      const parts = ['Means', 'Users see', 'Look', 'Mend', 'Ignore']
      const found = [...entry.matchAll(/^\*\*(.+?)\*\*/gm)].map(([, part]) => part)
      expect(found).toEqual(parts)
    },
  )

  it('says what the alarms cost', () => {
    const metrics = [...alarmsOf(synthesize()).values()].flatMap(metricsOfAlarm).length
    const budget = metricsOfAlarm(alarms.get('spending')!).length
    const urgent = [...alarmsOf(synthesize({ alarms: 'urgent' })).values()].flatMap(metricsOfAlarm)
    expect(inside).toContain(`${metrics} metrics at $0.10`)
    expect(inside).toContain(`$${(urgent.length / 10).toFixed(2)} with`)
    expect(inside).toContain(`$${(metrics / 10).toFixed(2)} a month`)
    expect(inside).toContain(`$${(budget / 10).toFixed(2)} more`)
  })
})
