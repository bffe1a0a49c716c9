/** The embedded cloud, each function in its role, and the metrics that the filters of its template make of what its functions log. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cloud } from '#localstack/cloud/embedded-cloud.ts'
import { OPEN_DOOR } from '#localstack/open-door.ts'
import { filterPattern, valueAt } from '#test/infra/filter-pattern.ts'
import type { CloudStore } from './cloud-bucket.ts'
import type { Assembly } from './local-cloud.ts'
import { startRoleCloud } from './role-cloud.ts'

interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
}

/** As the template has it. */
export interface LogFilter {
  readonly metric: string
  /** Whose log. */
  readonly functionName: string
  readonly pattern: string
  /** `$.…` */
  readonly value: string
}

export interface WatchedCloud {
  readonly cloud: Cloud
  /** All lines of a function since the last time somebody asked for metrics. */
  lines(functionName: string): readonly string[]
  /** What the filters made of the lines since the last time, by metric; those without data are not there. */
  metrics(): Record<string, number[]>
  /** Of the queues, as `now` goes on by itself. */
  passTime(ms: number): void
  stop(): Promise<void>
}

export interface WatchedOptions {
  readonly assembly: Assembly
  readonly bucket: CloudStore
  /** Undefined: there is no queue, as another compactor works on the bucket. */
  readonly compactFlags: string | undefined
  readonly ruleFlags: string
}

export async function startWatchedCloud(options: WatchedOptions): Promise<WatchedCloud> {
  const { assembly, bucket, compactFlags, ruleFlags } = options
  const filters = await readFilters(assembly.dir)
  let log: { readonly source: string; readonly line: string }[] = []
  let passedMs = 0
  const started = await startRoleCloud({
    assembly,
    bucket,
    concurrency: 12,
    openWith: OPEN_DOOR,
    environment: {
      ...(compactFlags === undefined
        ? { THAW_QUEUE_URL: '' }
        : { THAW_COMPACT_FLAGS: compactFlags }),
      THAW_RULE_FLAGS: ruleFlags,
    },
    log: (source, line) => void log.push({ source, line }),
    now: () => Date.now() + passedMs,
  })
  const { cloud } = started
  const linesOf = (name: string): string[] =>
    log.filter(({ source }) => source === name).map(({ line }) => line)
  return {
    cloud,
    lines: linesOf,
    metrics() {
      const seen = filters.map((filter): [string, number[]] => {
        const matches = filterPattern(filter.pattern)
        const found = linesOf(filter.functionName).filter((line) => matches(line))
        return [filter.metric, found.map((line) => valueAt(filter.value, line) as number)]
      })
      log = []
      return Object.fromEntries(seen.filter(([, values]) => values.length > 0))
    },
    passTime(ms) {
      passedMs += ms
    },
    stop: () => started.stop(),
  }
}

export async function readResources(dir: string): Promise<Record<string, Resource>> {
  const text = await readFile(join(dir, 'thaw.template.json'), 'utf8')
  return (JSON.parse(text) as { Resources: Record<string, Resource> }).Resources
}

async function readFilters(dir: string): Promise<LogFilter[]> {
  const resources = await readResources(dir)
  return Object.values(resources)
    .filter(({ Type }) => Type === 'AWS::Logs::MetricFilter')
    .map(({ Properties }) => {
      const { Ref } = Properties['LogGroupName'] as { Ref: string }
      const [{ MetricName, MetricValue }] = Properties['MetricTransformations'] as [
        { MetricName: string; MetricValue: string },
      ]
      return {
        metric: MetricName,
        functionName: String(resources[Ref]!.Properties['LogGroupName']).replace(
          '/aws/lambda/',
          '',
        ),
        pattern: String(Properties['FilterPattern']),
        value: MetricValue,
      }
    })
}
