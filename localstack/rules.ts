/** Rules over the sample data, and ticks of the deployed ruler. */
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { listRuleFiles, putRuleFile, RULE_FILES_PREFIX } from '#lib/rules/file/rule-files.ts'
import type { TickReport } from '#lib/rules/tick/tick-report.ts'
import type { Cloud } from './cloud/embedded-cloud.ts'
import { functionName } from './compaction.ts'

const FILE = 'sample.yaml'
/** So that there is something to be seen at once: the first tick evaluates as many minutes. */
const AGE_SECONDS = 300

const RULES = `# Made by thaw local. Change it, or push others: thaw rules push; it is seen within five minutes
groups:
  - name: requests
    rules:
      - record: cluster:http_requests:rate5m
        expr: sum by (cluster) (rate(http_requests_total[5m]))
      - record: cluster:up:ratio
        expr: avg by (cluster) (up)
  - name: alerts
    rules:
      - alert: Watchdog
        expr: vector(1)
        labels:
          severity: none
        annotations:
          summary: Always fires, so that the way to the receiver is known to work.
      - alert: InstanceDown
        expr: up == 0
        for: 1m
        labels:
          severity: warning
        annotations:
          summary: '{{ $labels.instance }} of {{ $labels.job }} is down'
      - alert: ManyRequests
        expr: cluster:http_requests:rate5m > 0
        for: 2m
        keep_firing_for: 5m
        annotations:
          summary: '{{ $labels.cluster }} answers {{ $value | humanize }} requests a second'
`

/** Where there are no rules yet. */
export async function putSampleRules(directory: string, now: () => number): Promise<void> {
  const bucket = fileBucket(directory)
  if ((await listRuleFiles(bucket)).length > 0) return
  await putRuleFile(bucket, FILE, RULES)
  const seconds = Math.floor(now() / 1000) - AGE_SECONDS
  await utimes(join(directory, RULE_FILES_PREFIX, FILE), seconds, seconds)
}

/** One tick, now. */
export async function tick(cloud: Cloud): Promise<TickReport> {
  const result = await cloud.invoke(functionName(cloud, 'rule'), {})
  const answer = JSON.parse(Buffer.from(result.payload).toString('utf8')) as TickReport & {
    errorMessage?: string
  }
  if (answer.errorMessage !== undefined) throw new Error(`rule: ${answer.errorMessage}`)
  return answer
}
