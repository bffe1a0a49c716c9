/** The metrics that alarms and the dashboard of a template name, and whether there is what they are of. */
import type { Template } from 'aws-cdk-lib/assertions'

import { resourcesOf } from './synthesized.ts'

export interface NamedMetric {
  readonly namespace: string
  readonly name: string
  /** Values as the template has them. */
  readonly dimensions: Readonly<Record<string, unknown>>
}

interface AlarmMetric {
  readonly MetricName?: string
  readonly Namespace?: string
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[]
}

interface AlarmProperties extends AlarmMetric {
  readonly Metrics?: readonly { readonly MetricStat?: { readonly Metric: AlarmMetric } }[]
}

/** Of the resource `AWS::CloudWatch::Alarm`: one, or those that its expression is made of. */
export function metricsOfAlarm(properties: Readonly<Record<string, unknown>>): NamedMetric[] {
  const { Metrics, ...own } = properties as AlarmProperties
  const metrics = Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [own]
  return metrics.map(({ MetricName = '', Namespace = '', Dimensions = [] }) => ({
    namespace: Namespace,
    name: MetricName,
    dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value])),
  }))
}

export interface Widget {
  readonly type: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly properties: Readonly<Record<string, unknown>>
}

/** The body of the one dashboard. What is known at deployment only is a string of JSON with the intrinsic function. */
export function widgetsOf(template: Template): Widget[] {
  const [dashboard] = Object.values(resourcesOf(template, 'AWS::CloudWatch::Dashboard'))
  const body = dashboard!.Properties['DashboardBody'] as { 'Fn::Join': [string, unknown[]] }
  const [separator, parts] = body['Fn::Join']
  const text = parts
    .map((part) => (typeof part === 'string' ? part : escaped(JSON.stringify(part))))
    .join(separator)
  return (JSON.parse(text) as { widgets: Widget[] }).widgets
}

/** Within a string of JSON. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** Expressions are left out: what they are made of is beside them. */
export function metricsOfWidget({ properties }: Widget): NamedMetric[] {
  const rows = (properties['metrics'] ?? []) as unknown[][]
  return rows
    .filter(([first]) => typeof first === 'string')
    .map((row) => {
      const [namespace, name, ...pairs] = row.filter((cell) => typeof cell === 'string')
      const dimensions: Record<string, unknown> = {}
      for (let i = 0; i < pairs.length; i += 2) dimensions[pairs[i]!] = resolved(pairs[i + 1]!)
      return { namespace: namespace!, name: name!, dimensions }
    })
}

function resolved(text: string): unknown {
  return text.startsWith('{') ? JSON.parse(text) : text
}

/** As AWS documents them. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'AWS/Lambda': ['Invocations', 'Errors', 'Throttles', 'Duration', 'ConcurrentExecutions'],
  'AWS/ApiGateway': ['Count', '4xx', '5xx', 'Latency', 'IntegrationLatency', 'DataProcessed'],
  'AWS/SQS': [
    'ApproximateNumberOfMessagesVisible',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateAgeOfOldestMessage',
  ],
  'AWS/S3': ['BucketSizeBytes'],
}

/** Why the metric will never have data; undefined where it may. */
export function problemOf(template: Template, metric: NamedMetric): string | undefined {
  const { namespace, name, dimensions } = metric
  const found = JSON.stringify(dimensions)
  const is = (type: string, value: unknown): boolean => isOf(template, type, value)
  const known = NAMES[namespace]
  if (!known) return problemOfOwn(template, metric)
  if (!known.includes(name)) return `${namespace} has no metric ${name}`
  switch (namespace) {
    case 'AWS/Lambda': {
      const { FunctionName: of, ...rest } = dimensions
      const isAccount = Object.keys(dimensions).length === 0
      if (isAccount || (is('AWS::Lambda::Function', of) && Object.keys(rest).length === 0)) return
      return `no function ${found}`
    }
    case 'AWS/SQS':
      return is('AWS::SQS::Queue', dimensions['QueueName']) ? undefined : `no queue ${found}`
    case 'AWS/ApiGateway': {
      const stages = Object.values(resourcesOf(template, 'AWS::ApiGatewayV2::Stage'))
      const isStage = stages.some(
        ({ Properties: { ApiId, StageName } }) =>
          JSON.stringify(ApiId) === JSON.stringify(dimensions['ApiId']) &&
          StageName === dimensions['Stage'],
      )
      return isStage ? undefined : `no stage ${found}`
    }
    default:
      return is('AWS::S3::Bucket', dimensions['BucketName']) ? undefined : `no bucket ${found}`
  }
}

function problemOfOwn(template: Template, metric: NamedMetric): string | undefined {
  const { namespace, name, dimensions } = metric
  const made = Object.values(resourcesOf(template, 'AWS::Logs::MetricFilter')).flatMap(
    ({ Properties }) =>
      Properties['MetricTransformations'] as { MetricName: string; MetricNamespace: string }[],
  )
  const isMade = made.some((it) => it.MetricName === name && it.MetricNamespace === namespace)
  const isPlain = Object.keys(dimensions).length === 0
  return isMade && isPlain ? undefined : `no filter makes ${namespace} ${name}`
}

/** Whether a value is the name of a resource of that type in the template. */
function isOf(template: Template, type: string, value: unknown): boolean {
  const { Ref, 'Fn::GetAtt': attribute } = (value ?? {}) as {
    Ref?: string
    'Fn::GetAtt'?: [string, string]
  }
  const id = Ref ?? (attribute?.[1] === 'QueueName' ? attribute[0] : undefined)
  return id !== undefined && Object.hasOwn(resourcesOf(template, type), id)
}
